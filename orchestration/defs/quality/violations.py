"""Findings judged by Great Expectations, and the life of each violation, shown as asset checks."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from orchestration.components.catalogue import described, measured
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.night import Night, standards_from_environment
from orchestration.opening import loads_of_the_night
from orchestration.publishing.archive import history, latest
from orchestration.warehouse import Warehouse
from quality.data_quality import Found, incidents, measures, rule_ranges
from quality.expectations import Suites, evaluate, evaluate_data
from quality.standards import Standards, load, suite_rules, tables, waivers
from quality.violations import advance, no_violations

VIOLATIONS = dg.AssetKey("quality_violations")
RULE_NIGHTS = dg.AssetKey("quality_rule_nights")
EXPECTATIONS = dg.AssetKey("quality_expectations")
INCIDENTS = dg.AssetKey("quality_incidents")
SEVERITY = {"block": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}
# Enough to act on in the UI without burdening Dagster's storage; the table has every one.
MOST_SHOWN_DEALS = 1000


def check_name(funnel: str, rule_id: str) -> str:
    return f"{funnel}__{rule_id.removeprefix(f'{funnel}.')}".replace(".", "__")


def check_specs() -> list[dg.AssetCheckSpec]:
    """One check for each funnel and rule of the standards, and one for each expectation of the data."""
    standards = load(standards_from_environment())
    rules = [
        dg.AssetCheckSpec(check_name(rule["funnel"], rule["rule_id"]), asset=VIOLATIONS, description=rule["wording_en"])
        for rule in suite_rules(standards).iter_rows(named=True)
    ]
    data = [
        dg.AssetCheckSpec(each.expectation, asset=EXPECTATIONS, description=each.wording.en)
        for each in standards.data.expectations
    ]
    return rules + data


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
        dg.AssetSpec(
            EXPECTATIONS,
            deps=["quality_data_counts", "quality_data_findings", dg.AssetKey(["night", "inputs"])],
            group_name="quality",
            kinds={"greatexpectations"},
            description="One row per published night, expectation of the data itself and extract or table.",
        ),
        dg.AssetSpec(
            INCIDENTS,
            deps=["quality_findings", "quality_data_counts", dg.AssetKey(["night", "inputs"])],
            group_name="quality",
            kinds={"polars"},
            description="One row per published night and count that jumped beyond its usual range.",
        ),
    ],
    check_specs=check_specs(),
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
@measured
def judge(
    context: dg.AssetExecutionContext, nightly: Nightly
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    night, warehouse, standards = nightly.night(context.partition_key), nightly.warehouse(), nightly.standards()
    warehouse.require_night(night.business_date)
    earlier, suites = night.earlier_archives(), Suites(night.business_date)
    states, rule_nights = history(earlier, "violations"), history(earlier, "rule_nights")
    past_results, past_incidents = history(earlier, "expectations"), history(earlier, "incidents")

    rules = suite_rules(standards)
    findings = warehouse.read("marts.quality_findings")
    # Deals that closed before the last night are history: they stand in quality_findings, not in tonight's review.
    outcomes = evaluate(findings.filter(pl.col("is_in_scope")), rules, suites)
    measured = data_measures(night, warehouse, standards, past_results)
    results = evaluate_data(measured, suites)
    # One site of the latest night in one place: a night's pages are megabytes, its results stand in the tables.
    if night.is_latest:
        suites.write_docs(night.home.reports / "data_docs")

    judged = outcomes.drop("failing_deal_keys").join(
        rules.select("funnel", "rule_id", "definition"), on=["funnel", "rule_id"], how="left"
    )
    ranges = rule_ranges(judged, rule_nights, standards.data.usual_range)
    judged = judged.join(ranges.drop("found"), on="rule_id", how="left")
    judged = judged.join(wordings(tables(standards)), on="rule_id", how="left")
    jumped = incidents(ranges, measured)
    tonight = advance(
        findings=findings,
        deals_tonight=in_scope_of_gates(
            warehouse.read("marts.deals_current", ["deal_key", "is_open", "is_in_scope"]), findings
        ),
        rules_tonight=known_before(rules, rule_nights),
        known=latest(states, "violation_id") if states is not None else no_violations(),
        waivers=waivers(standards),
        business_date=night.business_date,
        unheard_rules=unheard(outcomes, ranges),
    )

    archived = {
        "violations": dated(tonight, night),
        "rule_nights": dated(judged, night),
        "expectations": dated(results, night),
        "incidents": dated(jumped, night),
    }
    violations = latest(followed_by(states, archived["violations"]), "violation_id")
    served = {
        "quality_violations": violations,
        "quality_rule_nights": followed_by(rule_nights, archived["rule_nights"]),
        "quality_expectations": followed_by(past_results, archived["expectations"]),
        "quality_incidents": followed_by(past_incidents, archived["incidents"]),
    }
    warehouse.write("quality", {**served, **{f"{name}_tonight": frame for name, frame in archived.items()}})
    is_open = pl.col("state") == "open"
    counts = {
        "open": violations.filter(is_open).height,
        "new tonight": tonight.filter(pl.col("change") == "new").height,
        "closed tonight": tonight.filter(~is_open).height,
    }
    for name, frame in served.items():
        key = dg.AssetKey(name)
        metadata = {**described(key, frame), **(counts if key == VIOLATIONS else {})}
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    # After the tables: a check is shown beside the last materialisation before it.
    for outcome in outcomes.iter_rows(named=True):
        yield check_result(outcome)
    for each in standards.data.expectations:
        yield data_check_result(each.expectation, each.severity, results)


def data_measures(
    night: Night, warehouse: Warehouse, standards: Standards, earlier: pl.DataFrame | None
) -> pl.DataFrame:
    """What the expectations of the data look at, from the ledger, the clock and the counts that SQL made."""
    found = Found(
        loads=loads_of_the_night(night),
        inputs=warehouse.read("night.inputs").with_columns(pl.col("last_extracted_at").dt.replace_time_zone("UTC")),
        counts=warehouse.read("marts.quality_data_counts"),
        flaws=warehouse.read("marts.quality_data_findings", ["expectation", "table_name"]),
        earlier=earlier,
        as_of_at=night.as_of_at,
    )
    return measures(standards, found)


def dated(frame: pl.DataFrame, night: Night) -> pl.DataFrame:
    return frame.select(pl.lit(night.business_date).alias("business_date"), pl.all())


def followed_by(earlier: pl.DataFrame | None, tonight: pl.DataFrame) -> pl.DataFrame:
    """The nights before and tonight, in tonight's columns: a column that is no longer made is no longer served."""
    if earlier is None:
        return tonight
    return pl.concat([earlier, tonight], how="diagonal_relaxed").select(tonight.columns).cast(tonight.schema)


def in_scope_of_gates(deals: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """The deals, those in scope too whose gates are: a gate may have its grace still running when the deal closes."""
    judged = findings.filter((pl.col("rule_kind") == "criterion") & pl.col("is_in_scope"))["deal_key"].unique()
    return deals.with_columns(is_in_scope=pl.col("is_in_scope") | pl.col("deal_key").is_in(judged.implode()))


def known_before(rules: pl.DataFrame, rule_nights: pl.DataFrame | None) -> pl.DataFrame:
    """rule_id, definition and is_known of every rule: whether it answered on an earlier night, asking the same.

    What a known rule finds from now on is new; what another one finds first is a backlog. Nights of before
    definitions were kept count for any definition.
    """
    asked = rules.select("rule_id", "definition").unique("rule_id", keep="first", maintain_order=True)
    if rule_nights is None:
        return asked.with_columns(is_known=pl.lit(value=False))
    judged = rule_nights.filter(pl.col("status").is_in(["passed", "failed"]))
    if "definition" not in judged.columns:
        return asked.with_columns(is_known=pl.col("rule_id").is_in(judged["rule_id"].implode()))
    same = pl.col("definition_before").is_null() | (pl.col("definition") == pl.col("definition_before"))
    known = (
        asked.join(judged.select("rule_id", definition_before="definition").unique(), on="rule_id")
        .filter(same)
        .get_column("rule_id")
    )
    return asked.with_columns(is_known=pl.col("rule_id").is_in(known.implode()))


def unheard(outcomes: pl.DataFrame, ranges: pl.DataFrame) -> set[str]:
    """Rules whose answers do not count tonight: they errored, or jumped so far that the data is doubted first."""
    errored = outcomes.filter(pl.col("status") == "errored")["rule_id"]
    return {*errored, *ranges.filter("is_incident")["rule_id"]}


def data_check_result(expectation: str, severity: str, results: pl.DataFrame) -> dg.AssetCheckResult:
    """What an expectation of the data found in all extracts or tables it is about, as one check."""
    about = results.filter(pl.col("expectation") == expectation)
    failed, unjudged = (
        about.filter(pl.col("status").is_in(statuses)) for statuses in (["failed"], ["not_evaluated", "errored"])
    )
    # One that errored is a fault of ours, and its severity is the one that blocks where it blocks.
    is_error = bool(failed.height or (about["status"] == "errored").any())
    return dg.AssetCheckResult(
        asset_key=EXPECTATIONS,
        check_name=expectation,
        passed=about.height == (about["status"] == "passed").sum(),
        severity=SEVERITY[severity] if is_error else dg.AssetCheckSeverity.WARN,
        description=f"{failed.height} of {about.height} fail; {unjudged.height} could not be judged",
        metadata={
            "evaluated": about.height - unjudged.height,
            "failing": failed.height,
            "not evaluated": unjudged.height,
            "failed": ", ".join(failed["subject"]),
            "not judged": ", ".join(unjudged["subject"]),
            "error": "; ".join(about["error"].drop_nulls()),
        },
    )


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
