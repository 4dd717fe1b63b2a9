"""What the page of a night says, from the served tables: the one function that puts its parts together; pure.

Belongs here: which tables the page reads, and what its parts are made from. Not here: any part itself (the modules
beside this one), how the page looks (`render`), where it is written.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from orchestration.publishing.review import data, funnel, rules, stalled, violations
from orchestration.publishing.review.content import ReviewPage, ReviewRefusedError, Rule, Tables
from orchestration.publishing.review.names import Names, names
from orchestration.publishing.wording import Text, local_time

# The served tables that the page reads, and the columns of those of which it needs few.
READ: dict[str, tuple[str, ...]] = {
    "deals_current": (
        *("deal_key", "crm", "deal_id", "deal_name", "funnel", "stage", "stage_name_en", "stage_name_zh"),
        *("is_open", "owner_key", "owner_name", "amount_reporting"),
    ),
    "deals_stalled": ("*",),
    "deals_stalled_reasons": ("*",),
    "forecast_accuracy": ("business_date", "method", "funnel", "is_champion"),
    "forecast_period": ("*",),
    "funnel_stage_conversion": ("*",),
    "funnel_stage_dwell": ("*",),
    "nights": ("*",),
    "quality_expectations": ("*",),
    "quality_incidents": ("*",),
    "quality_rule_nights": ("*",),
    "quality_violations": ("*",),
}


def compose(
    served: Mapping[str, pl.DataFrame],
    standards: Mapping[str, pl.DataFrame],
    business_date: date,
    *,
    loads: pl.DataFrame | None = None,
    refused: pl.DataFrame | None = None,
    earlier_violations: pl.DataFrame | None = None,
) -> ReviewPage:
    """Choose and order what the page of a night says.

    served: the tables of READ, as served; the night of `business_date` has its row in `nights`.
    standards: company, criteria, funnels, funnel_stages, record_links, stall_reasons, as `quality.standards.tables`
        gives them.
    loads: data.LOADS_SCHEMA, one row per extract file that came in since the night before; None where the ledger is not
        at hand, then only the totals of the night are told.
    refused: data.REFUSED_SCHEMA, one row per thing wrong with a record that the night does without, newest first.
    earlier_violations: what each night before left of its violations, with its business_date; None on the first.

    Raises:
        ReviewRefusedError: `nights` has no row for the business date.
    """
    company = standards["company"].row(0, named=True)
    night = _night(served["nights"], business_date)
    zone = ZoneInfo(company["time_zone"])
    deals = served["deals_current"]
    rule_nights = served["quality_rule_nights"].filter(pl.col("business_date") == business_date)
    named = names(standards, rule_nights, deals)
    listed = violations.listed(served["quality_violations"], business_date)
    opened, waived, closed = (listed.filter(pl.col("listing") == each) for each in ("open", "waived", "closed"))
    new = opened.filter("is_new")
    nights = served["nights"].filter(pl.col("business_date") <= business_date)["business_date"].to_list()
    trend = violations.trend(served["quality_violations"], earlier_violations, nights)
    night_before, week_before = violations.changes(trend)
    accuracy = served["forecast_accuracy"].filter(pl.col("business_date") == business_date)
    period_label, forecasts, leading = funnel.forecast(served["forecast_period"], accuracy, business_date)
    records = refused if refused is not None else pl.DataFrame(schema=data.REFUSED_SCHEMA)
    open_deals = deals.filter("is_open")
    return ReviewPage(
        company=company["company"],
        language=company["language"],
        currency=company["reporting_currency"],
        time_zone=company["time_zone"],
        minimum_n=company["minimum_n"],
        business_date=business_date,
        previous_business_date=night["previous_business_date"],
        as_of=local_time(night["as_of_at"], zone),
        deals=deals.height,
        open_deals=open_deals.height,
        new=violations.count(new),
        open=violations.count(opened),
        waived=violations.count(waived),
        closed=violations.count(closed),
        backlog=violations.count(opened.filter("is_backlog_tonight")),
        night_before=night_before,
        week_before=week_before,
        holders=violations.holders(new if new.height else opened),
        closed_as=violations.closed_as(closed),
        rules=rules.lines(rule_nights, named),
        funnels=funnel.tables(open_deals, served["funnel_stage_conversion"], served["funnel_stage_dwell"], named),
        period_label=period_label,
        forecasts=forecasts,
        is_led_by_champion=leading is not None and leading.is_champion,
        expectations=data.expectations(served["quality_expectations"], business_date),
        incidents=data.incidents(served["quality_incidents"], business_date, named),
        rows_in=night["rows_in"],
        rows_loaded=night["rows_loaded"],
        rows_quarantined=night["rows_quarantined"],
        held=data.held(night),
        loads=data.loads(loads, zone),
        unlisted_refusals=max(0, records.height - data.REFUSALS_LISTED),
        record_links=dict(standards["record_links"].iter_rows()),
        config_hash=night["config_hash"],
        inputs_hash=night["inputs_hash"],
        code_version=night["code_version"],
        tables=_tables(
            served,
            standards["stall_reasons"],
            named,
            listed=listed,
            trend=trend,
            refused=data.refused(records, zone),
            zone=zone,
        ),
    )


def _night(nights: pl.DataFrame, business_date: date) -> dict[str, Any]:
    found = nights.filter(pl.col("business_date") == business_date)
    if found.height != 1:
        raise ReviewRefusedError(
            f"nights has {found.height} rows for {business_date}; the page needs the one of its night"
        )
    return found.row(0, named=True)


def _tables(
    served: Mapping[str, pl.DataFrame],
    stall_reasons: pl.DataFrame,
    named: Names,
    *,
    listed: pl.DataFrame,
    trend: pl.DataFrame,
    refused: pl.DataFrame,
    zone: ZoneInfo,
) -> Tables:
    stuck = served["deals_stalled"]
    deals = _deals(listed, stuck, served["deals_current"])
    stages = _stages(listed, stuck, named)
    rule_words = _rules(listed, named)
    places = {
        "deals": deals.select("deal_key", deal=pl.int_range(pl.len(), dtype=pl.Int64)),
        "stages": stages.with_row_index("stage_number").with_columns(pl.col("stage_number").cast(pl.Int64)),
        "rules": rule_words.select("rule_id", rule=pl.int_range(pl.len(), dtype=pl.Int64)),
    }
    owners = served["deals_current"].select("owner_key", "owner_name").drop_nulls().sort("owner_key", "owner_name")
    owner_names = owners.unique("owner_key", keep="first", maintain_order=True)
    shown = stalled.table(stuck, places, stall_reasons, zone)
    return Tables(
        deals=deals.drop("deal_key"),
        stages=stages.drop("funnel", "stage"),
        rules=rule_words,
        violations=violations.table(listed, places, owner_names),
        stalled=shown.drop("deal_key"),
        stall_reasons=stalled.reasons(shown, served["deals_stalled_reasons"]),
        refused=refused,
        trend=trend,
    )


def _deals(listed: pl.DataFrame, stuck: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`Tables.deals` with deal_key: every deal that a violation or a stall is about, also one that has left the CRM."""
    amounts = pl.concat(
        [
            violations.deal_amounts(listed),
            stuck.select("deal_key", amount="amount_reporting"),
        ],
        how="vertical_relaxed",
    ).unique("deal_key", keep="first", maintain_order=True)
    key = pl.col("deal_key").str.splitn(":", 2)
    return (
        amounts.sort("deal_key")
        .join(known.select("deal_key", "crm", "deal_id", "deal_name"), on="deal_key", how="left", maintain_order="left")
        .with_columns(
            crm=pl.coalesce("crm", key.struct.field("field_0")),
            deal_id=pl.coalesce("deal_id", key.struct.field("field_1"), "deal_key"),
        )
        .select(
            "deal_key",
            deal_name=pl.when(pl.col("deal_name").str.strip_chars() != "").then("deal_name").otherwise("deal_id"),
            deal_id="deal_id",
            crm="crm",
            amount="amount",
        )
    )


def _stages(listed: pl.DataFrame, stuck: pl.DataFrame, named: Names) -> pl.DataFrame:
    """`Tables.stages` with funnel and stage: every stage named anywhere, also where a deal came from or skipped."""
    funnels = pl.concat([listed.select("funnel", "stage"), stuck.select("funnel", "stage")]).unique()
    keys = named.in_order({*funnels.iter_rows(), *named.order})
    words = [(key[0], key[1], named.funnel(key[0]), named.stage(*key)) for key in keys]
    return pl.DataFrame(
        [(key, stage, of.en, of.zh, name.en, name.zh) for key, stage, of, name in words],
        schema=dict.fromkeys(("funnel", "stage", "funnel_en", "funnel_zh", "name_en", "name_zh"), pl.String),
        orient="row",
    )


def _rules(listed: pl.DataFrame, named: Names) -> pl.DataFrame:
    """`Tables.rules`: the rules of all listed violations."""
    found = listed.sort("rule_id", "severity").unique("rule_id", keep="first", maintain_order=True)
    words = [named.rule(rule_id, severity) for rule_id, severity in found.select("rule_id", "severity").iter_rows()]
    return pl.DataFrame([_rule(each) for each in words], schema=dict.fromkeys(_RULE_COLUMNS, pl.String), orient="row")


_RULE_COLUMNS = ("rule_id", "expected_en", "expected_zh", "advice_en", "advice_zh", "place_en", "place_zh")


def _rule(rule: Rule) -> tuple[str | None, ...]:
    place: Text | None = rule.place
    return (
        *(rule.rule_id, rule.expected.en, rule.expected.zh, rule.advice.en, rule.advice.zh),
        *(place.en if place else None, place.zh if place else None),
    )
