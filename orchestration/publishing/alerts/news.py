"""What a night has to tell: what is new in its served tables, as plain values.

Belongs here: which rows are news. Not here: who is told (`digest`), in which words, or reading tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from orchestration.publishing.wording import Text

# An expectation of the data that failed, or whose judgement did, has not passed.
NOT_PASSED = ("failed", "errored")


@dataclass(frozen=True)
class Deal:
    """The deal that an item is about, as of tonight. amount: reporting currency, None where it has none."""

    deal_key: str
    deal_id: str
    crm: str | None
    name: str
    funnel: str | None
    stage: str
    stage_name: Text
    owner_key: str | None
    owner_name: str | None
    team: str | None
    amount: Decimal | None


@dataclass(frozen=True)
class Rule:
    """What a rule asks. place: the gate that it guards; None for a standing rule."""

    rule_id: str
    severity: str
    wording: Text
    advice: Text
    place: Text | None


@dataclass(frozen=True)
class Violation:
    """A violation that changed tonight. waiver_ended_on: the last day of the waiver that it comes back from."""

    key: str
    deal: Deal
    rule: Rule
    change: Literal["new", "reopened", "backlog"]
    outcome: str
    observed: str | None
    waiver_ended_on: date | None


@dataclass(frozen=True)
class Stall:
    """A deal that is stalled tonight and was not on the last night."""

    key: str
    deal: Deal
    reason: Text | None
    action: Text | None


@dataclass(frozen=True)
class Incident:
    """A count that jumped. kind: rule, extract or table; rule: the wording of the rule."""

    key: str
    kind: str
    subject: str
    rule: Text | None
    observed: int
    usual_low: int
    usual_high: int


@dataclass(frozen=True)
class Held:
    """An extract that the night did without, and why, in English as the ledger has it."""

    key: str
    reason: str


@dataclass(frozen=True)
class Expectation:
    """What is expected of the data and does not hold since tonight. observed: None where it could not be judged."""

    key: str
    wording: Text
    subject: str
    observed: int | None
    lower: int | None
    upper: int | None


Keyed = Violation | Stall | Incident | Held | Expectation


@dataclass(frozen=True)
class News:
    """All of one night. stage_names: (funnel, stage) to its name, for values that are stages."""

    company: str
    currency: str
    business_date: date
    stage_names: Mapping[tuple[str | None, str], Text]
    violations: tuple[Violation, ...] = ()
    backlog: tuple[Violation, ...] = ()
    stalled: tuple[Stall, ...] = ()
    incidents: tuple[Incident, ...] = ()
    held_extracts: tuple[Held, ...] = ()
    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True)
class Before:
    """What the last night left. stalled: deal keys; None where it left none, and nothing can be called new."""

    business_date: date | None
    held_reasons: Sequence[str]
    stalled: frozenset[str] | None


def news(
    served: Mapping[str, pl.DataFrame],
    standards: Mapping[str, pl.DataFrame],
    business_date: date,
    held_reasons: Sequence[str],
    before: Before,
) -> News:
    """What is new in the night of `business_date`.

    served: deals_current (at least every deal that the other tables name), quality_violations, quality_rule_nights,
        quality_incidents, quality_expectations, deals_stalled, as served.
    standards: company, criteria, funnel_stages, as `quality.standards.tables` gives them.
    held_reasons: why each extract is held that this night did without; those of the last night are no news.

    New is what changed tonight to `new` or `reopened`; a backlog is told apart, as it is no news. A stall, a held
    extract and an expectation are new where the last night did not have them.
    """
    company = standards["company"].row(0, named=True)
    stage_names = _stage_names(standards["funnel_stages"], served["deals_current"])
    deals = {row["deal_key"]: row for row in served["deals_current"].iter_rows(named=True)}
    rules = _rules(served["quality_rule_nights"], standards["criteria"], stage_names, business_date)
    changed = [
        _violation(row, deals, rules, stage_names, before.business_date)
        for row in served["quality_violations"]
        .filter(
            (pl.col("business_date") == business_date)
            & (pl.col("state") == "open")
            & pl.col("change").is_in(["new", "reopened", "backlog"])
        )
        .sort("violation_id")
        .iter_rows(named=True)
    ]
    return News(
        company=company["company"],
        currency=company["reporting_currency"],
        business_date=business_date,
        stage_names=stage_names,
        violations=tuple(each for each in changed if each.change != "backlog"),
        backlog=tuple(each for each in changed if each.change == "backlog"),
        stalled=_stalled(served["deals_stalled"], deals, stage_names, before.stalled),
        incidents=_incidents(served["quality_incidents"], rules, business_date),
        held_extracts=tuple(
            Held(f"held_extract:{reason}", reason) for reason in held_reasons if reason not in before.held_reasons
        ),
        expectations=_expectations(served["quality_expectations"], business_date, before.business_date),
    )


def _stage_names(stages: pl.DataFrame, deals: pl.DataFrame) -> dict[tuple[str | None, str], Text]:
    # The latest version comes last and wins; a stage that no funnel maps keeps what the CRM calls it.
    known = {
        (row["funnel"], row["stage"]): Text(row["name_en"], row["name_zh"])
        for row in stages.sort("version").iter_rows(named=True)
    }
    unmapped = {
        (row["funnel"], row["stage"]): Text(row["stage_name_en"], row["stage_name_zh"])
        for row in deals.iter_rows(named=True)
    }
    return {**unmapped, **known}


def _rules(
    rule_nights: pl.DataFrame,
    criteria: pl.DataFrame,
    stage_names: Mapping[tuple[str | None, str], Text],
    business_date: date,
) -> dict[str, Rule]:
    places = {
        row["criterion_id"]: _place(row["gate"], stage_names[row["funnel"], row["stage"]])
        for row in criteria.sort("version").iter_rows(named=True)
    }
    return {
        row["rule_id"]: Rule(
            rule_id=row["rule_id"],
            severity=row["severity"],
            wording=Text(row["wording_en"] or row["rule_id"], row["wording_zh"] or row["rule_id"]),
            advice=Text(row["advice_en"] or "", row["advice_zh"] or ""),
            place=places.get(row["rule_id"]),
        )
        for row in rule_nights.filter(pl.col("business_date") == business_date).sort("rule_id").iter_rows(named=True)
    }


def _place(gate: str, stage: Text) -> Text:
    if gate == "entry":
        return Text(f"Entering {stage.en}", f"进入“{stage.zh}”")
    return Text(f"Leaving {stage.en}", f"离开“{stage.zh}”")


def _deal(
    row: Mapping[str, Any],
    amount: Decimal | None,
    deals: Mapping[str, Mapping[str, Any]],
    stage_names: Mapping[tuple[str | None, str], Text],
) -> Deal:
    """The deal of a violation or a stall; one that has left tonight's tables goes by its key."""
    known = deals.get(row["deal_key"], {})
    deal_id = known.get("deal_id") or row["deal_key"]
    return Deal(
        deal_key=row["deal_key"],
        deal_id=deal_id,
        crm=known.get("crm"),
        name=known.get("deal_name") or deal_id,
        funnel=row["funnel"],
        stage=row["stage"],
        stage_name=stage_names.get((row["funnel"], row["stage"]), Text(row["stage"], row["stage"])),
        owner_key=row["owner_key"],
        owner_name=row["owner_name"],
        team=row["team"],
        amount=amount,
    )


def _violation(
    row: Mapping[str, Any],
    deals: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Rule],
    stage_names: Mapping[tuple[str | None, str], Text],
    before: date | None,
) -> Violation:
    name = Text(row["rule_id"], row["rule_id"])
    rule = rules.get(row["rule_id"], Rule(row["rule_id"], row["severity"], name, Text("", ""), None))
    until = row["waived_until"]
    # A waiver of long ago stays in the row; this one held on the last night.
    has_ended = row["change"] == "reopened" and until is not None and before is not None and until >= before
    return Violation(
        key=f"violation:{row['violation_id']}",
        deal=_deal(row, row["amount_at_risk"], deals, stage_names),
        rule=rule,
        change=row["change"],
        outcome=row["outcome"],
        observed=row["observed"],
        waiver_ended_on=until if has_ended else None,
    )


def _stalled(
    stalled: pl.DataFrame,
    deals: Mapping[str, Mapping[str, Any]],
    stage_names: Mapping[tuple[str | None, str], Text],
    before: frozenset[str] | None,
) -> tuple[Stall, ...]:
    if before is None:
        return ()
    return tuple(
        Stall(
            key=f"stalled:{row['deal_key']}",
            deal=_deal(row, row["amount_reporting"], deals, stage_names),
            reason=_both(row, "leading_reason"),
            action=_both(row, "next_action"),
        )
        for row in stalled.sort("deal_key").iter_rows(named=True)
        if row["deal_key"] not in before
    )


def _both(row: Mapping[str, Any], name: str) -> Text | None:
    return Text(row[f"{name}_en"], row[f"{name}_zh"]) if row[f"{name}_en"] and row[f"{name}_zh"] else None


def _incidents(incidents: pl.DataFrame, rules: Mapping[str, Rule], business_date: date) -> tuple[Incident, ...]:
    tonight = incidents.filter(pl.col("business_date") == business_date).sort("kind", "subject")
    return tuple(
        Incident(
            key=f"incident:{row['kind']}:{row['subject']}",
            kind=row["kind"],
            subject=row["subject"],
            rule=rules[row["subject"]].wording if row["subject"] in rules else None,
            observed=row["observed"],
            usual_low=row["usual_low"],
            usual_high=row["usual_high"],
        )
        for row in tonight.iter_rows(named=True)
    )


def _expectations(results: pl.DataFrame, business_date: date, before: date | None) -> tuple[Expectation, ...]:
    failing = results.filter(pl.col("status").is_in(NOT_PASSED))
    known = failing.filter(pl.col("business_date") == pl.lit(before, pl.Date)).select("expectation", "subject")
    tonight = failing.filter(pl.col("business_date") == business_date).join(
        known, on=["expectation", "subject"], how="anti"
    )
    return tuple(
        Expectation(
            key=f"expectation:{row['expectation']}:{row['subject']}",
            wording=Text(row["wording_en"], row["wording_zh"]),
            subject=row["subject"],
            observed=row["observed"] if row["status"] == "failed" else None,
            lower=row["lower"],
            upper=row["upper"],
        )
        for row in tonight.sort("expectation", "subject").iter_rows(named=True)
    )
