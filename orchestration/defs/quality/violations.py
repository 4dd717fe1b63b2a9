"""Findings judged by Great Expectations, and the life of each violation, shown as asset checks."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.night import standards_from_environment
from orchestration.publishing.archive import history, latest
from quality.expectations import evaluate
from quality.standards import load, suite_rules, tables
from quality.violations import advance, no_violations

VIOLATIONS = dg.AssetKey("quality_violations")
RULE_NIGHTS = dg.AssetKey("quality_rule_nights")
SEVERITY = {"block": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}
# Enough to act on in the UI without burdening Dagster's storage; the table has every one.
MOST_SHOWN_DEALS = 1000


def check_name(funnel: str, rule_id: str) -> str:
    return f"{funnel}__{rule_id.removeprefix(f'{funnel}.')}".replace(".", "__")


def check_specs() -> list[dg.AssetCheckSpec]:
    """One check for each funnel and rule of the standards."""
    return [
        dg.AssetCheckSpec(check_name(rule["funnel"], rule["rule_id"]), asset=VIOLATIONS, description=rule["wording_en"])
        for rule in suite_rules(load(standards_from_environment())).iter_rows(named=True)
    ]


@dg.multi_asset(
    name="judge",
    specs=[
        dg.AssetSpec(
            VIOLATIONS,
            deps=["quality_findings", "deals_current"],
            group_name="quality",
            kinds={"greatexpectations", "polars"},
            description="One row per violation ever seen, in its latest state as of tonight.",
        ),
        dg.AssetSpec(
            RULE_NIGHTS,
            deps=["quality_findings"],
            group_name="quality",
            kinds={"greatexpectations"},
            description="One row per published night, funnel and rule with how many deals it judged and how many fail.",
        ),
    ],
    check_specs=check_specs(),
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
def judge(
    context: dg.AssetExecutionContext, nightly: Nightly
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    night, warehouse, standards = nightly.night(context.partition_key), nightly.warehouse(), nightly.standards()
    warehouse.require_night(night.business_date)
    rules = suite_rules(standards)
    findings = warehouse.read("marts.quality_findings")
    # Deals that closed before the last night are history: they stand in quality_findings, not in tonight's review.
    outcomes = evaluate(findings.filter(pl.col("is_in_scope")), rules)

    earlier = night.earlier_archives()
    states, rule_nights = history(earlier, "violations"), history(earlier, "rule_nights")
    tonight = advance(
        findings=findings,
        deals_tonight=warehouse.read("marts.deals_current", ["deal_key", "is_open", "is_in_scope"]),
        rules_tonight=rules,
        known=latest(states, "violation_id") if states is not None else no_violations(),
        known_rules=judged_before(rule_nights),
        business_date=night.business_date,
        errored_rules=set(outcomes.filter(pl.col("status") == "errored")["rule_id"]),
    ).select(pl.lit(night.business_date).alias("business_date"), pl.all())
    judged = outcomes.drop("failing_deal_keys").join(wordings(tables(standards)), on="rule_id", how="left")
    judged = judged.select(pl.lit(night.business_date).alias("business_date"), pl.all())

    all_states = pl.concat([states, tonight], how="diagonal_relaxed") if states is not None else tonight
    all_judged = pl.concat([rule_nights, judged], how="diagonal_relaxed") if rule_nights is not None else judged
    violations = latest(all_states, "violation_id")
    warehouse.write(
        "quality",
        {
            "quality_violations": violations,
            "quality_rule_nights": all_judged,
            "violations_tonight": tonight,
            "rule_nights_tonight": judged,
        },
    )
    for outcome in outcomes.iter_rows(named=True):
        yield check_result(outcome)
    is_open = pl.col("state") == "open"
    yield dg.MaterializeResult(
        asset_key=VIOLATIONS,
        metadata={
            "dagster/row_count": violations.height,
            "open": violations.filter(is_open).height,
            "new tonight": tonight.filter(pl.col("change") == "new").height,
            "closed tonight": tonight.filter(~is_open).height,
        },
    )
    yield dg.MaterializeResult(asset_key=RULE_NIGHTS, metadata={"dagster/row_count": all_judged.height})


def judged_before(rule_nights: pl.DataFrame | None) -> set[str]:
    """Rules that gave an answer on an earlier night: what they find from now on is new, not a backlog."""
    if rule_nights is None:
        return set()
    return set(rule_nights.filter(pl.col("status").is_in(["passed", "failed"]))["rule_id"])


def check_result(outcome: dict[str, object]) -> dg.AssetCheckResult:
    """What a rule found, as a check. A rule that could not be judged has not passed, and says why."""
    failing = outcome["failing_deal_keys"]
    failing = list(failing) if isinstance(failing, list) else []
    shown = ", ".join(failing[:MOST_SHOWN_DEALS])
    if len(failing) > MOST_SHOWN_DEALS:
        shown += f" and {len(failing) - MOST_SHOWN_DEALS:,} more in quality_violations"
    is_unjudged = outcome["status"] in ("not_evaluated", "errored")
    return dg.AssetCheckResult(
        asset_key=VIOLATIONS,
        check_name=check_name(str(outcome["funnel"]), str(outcome["rule_id"])),
        passed=outcome["status"] == "passed",
        severity=dg.AssetCheckSeverity.WARN if is_unjudged else SEVERITY[str(outcome["severity"])],
        description=f"{outcome['failing']} of {outcome['evaluated']} fail; {outcome['not_evaluated']} not evaluated",
        metadata={
            "status": str(outcome["status"]),
            "evaluated": int(str(outcome["evaluated"])),
            "failing": int(str(outcome["failing"])),
            "not evaluated": int(str(outcome["not_evaluated"])),
            "deals": shown,
            "error": str(outcome["error"] or ""),
        },
    )


def wordings(standards: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per rule with its wording and advice; a criterion of several versions has those of the latest."""
    columns = ["wording_en", "wording_zh", "advice_en", "advice_zh"]
    criteria = standards["criteria"].unique("criterion_id", keep="last", maintain_order=True)
    return pl.concat(
        [
            criteria.select(pl.col("criterion_id").alias("rule_id"), *columns),
            standards["rules"].select("rule_id", *columns),
        ]
    )
