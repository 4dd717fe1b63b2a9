"""What the insights page of a night says, from the served tables: the one function that puts its parts together; pure.

Belongs here: which views there are, and what each is made from. Not here: any part itself (the modules beside this
one), how the page looks (`render`), where it is written.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from orchestration.publishing.insights_page import causes, design, funnel, gates, reasons
from orchestration.publishing.insights_page.content import InsightsPage, InsightsPageRefusedError, Tables, View
from orchestration.publishing.insights_page.reading import read
from orchestration.publishing.review.names import FunnelStage, Names, names
from orchestration.publishing.wording import Text, local_time


def compose(
    served: Mapping[str, pl.DataFrame], standards: Mapping[str, pl.DataFrame], business_date: date
) -> InsightsPage:
    """Choose and order what the page of a night says.

    served: the tables of `reading.READ`, as served; those that are not given count as empty.
    standards: company, funnels, funnel_stages, record_links, criteria, periods (where given), as
        `quality.standards.tables` gives them.

    Raises:
        InsightsPageRefusedError: `nights` has no row for the business date, or a table lacks a column.
    """
    tables = read(served, business_date)
    company = standards["company"].row(0, named=True)
    record = _record(tables["nights"], business_date)
    named = names(standards, pl.DataFrame(schema={"rule_id": pl.String}), tables["deals_current"])
    funnels = _funnels(standards, tables)
    keys = _keys(funnels, named, tables)
    stages = [named.stage(*key) for key in keys]
    places = _places(funnels, keys)
    split = causes.splits(
        tables["conversion_causes"],
        places,
        quarters=_quarters(standards),
        owners=_owners(tables["deals_current"]),
    )
    shares = causes.shares(tables["conversion_causes"], split)
    behind = causes.behind(tables["conversion_cause_deals"], split, tables["deals_current"], tables["deal_follow_up"])
    listed = _listed(behind, tables["deals_current"])
    made = Tables(
        deals=listed.drop("deal_key"),
        stages=_stages(keys, named),
        steps=funnel.steps(tables, places),
        bottlenecks=funnel.bottlenecks(tables, places),
        splits=split.drop("funnel", "stage_key", "focus_key"),
        shares=shares,
        behind=_placed(behind, listed, keys),
        gates=gates.efficacy(tables, places),
        ambiguity=gates.ambiguity(tables, places),
        readers=gates.readers(tables, places),
        milestones=design.milestones(tables, places, funnels),
        changes=design.changes(tables, places, funnels),
        reasons=reasons.reasons(tables, places, funnels),
    )
    return InsightsPage(
        company=company["company"],
        language=company["language"],
        currency=company["reporting_currency"],
        time_zone=company["time_zone"],
        minimum_n=company["minimum_n"],
        business_date=business_date,
        as_of=local_time(record["as_of_at"], ZoneInfo(company["time_zone"])),
        views=tuple(_view(place, key, named, made, stages) for place, key in enumerate(funnels)),
        record_links=dict(standards["record_links"].iter_rows()),
        config_hash=record["config_hash"] or "",
        inputs_hash=record["inputs_hash"] or "",
        code_version=record["code_version"] or "",
        unlisted_deals=max(0, tables["conversion_cause_deals"].height - behind.height),
        unlisted_reasons=max(0, tables["close_reasons"].height - made.reasons.height),
        tables=made,
    )


def _record(nights: pl.DataFrame, business_date: date) -> dict[str, Any]:
    found = nights.filter(pl.col("business_date") == business_date)
    if found.height != 1:
        raise InsightsPageRefusedError(
            f"nights has {found.height} rows for {business_date}; the insights page needs the one of its night"
        )
    return found.row(0, named=True)


def _funnels(standards: Mapping[str, pl.DataFrame], tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """The funnels of the standards that deals have entered, in their order; all of them where none has any."""
    known = standards["funnels"]["funnel"].to_list()
    entered = set(tables["funnel_stage_conversion"]["funnel"])
    return [funnel for funnel in known if funnel in entered] or known


def _keys(funnels: Sequence[str], named: Names, tables: Mapping[str, pl.DataFrame]) -> list[FunnelStage]:
    """Every stage that the page may name, in the order of the page."""
    of_deals = set(tables["deals_current"].select("funnel", "stage").iter_rows())
    found = named.in_order(
        {*named.order, *of_deals, *tables["funnel_stage_conversion"].select("funnel", "stage").iter_rows()}
    )
    return sorted(found, key=lambda key: funnels.index(key[0]) if key[0] in funnels else len(funnels))


def _places(funnels: Sequence[str], keys: Sequence[FunnelStage]) -> pl.DataFrame:
    """Where a stage of a shown funnel stands: funnel, stage, view, stage_place."""
    return pl.DataFrame(
        [
            (funnel, stage, funnels.index(funnel), place)
            for place, (funnel, stage) in enumerate(keys)
            if funnel is not None and funnel in funnels
        ],
        schema={"funnel": pl.String, "stage": pl.String, "view": pl.Int64, "stage_place": pl.Int64},
        orient="row",
    )


def _stages(keys: Sequence[FunnelStage], named: Names) -> pl.DataFrame:
    words = [(named.funnel(key[0]), named.stage(*key)) for key in keys]
    return pl.DataFrame(
        [(of.en, of.zh, name.en, name.zh) for of, name in words],
        schema=dict.fromkeys(("funnel_en", "funnel_zh", "name_en", "name_zh"), pl.String),
        orient="row",
    )


def _quarters(standards: Mapping[str, pl.DataFrame]) -> dict[date, str]:
    if "periods" not in standards:
        return {}
    quarters = standards["periods"].filter(pl.col("period_kind") == "quarter")
    return dict(quarters.select("period_start", "period_label").iter_rows())


def _owners(deals: pl.DataFrame) -> dict[str, str]:
    return dict(
        deals.select("owner_key", "owner_name").drop_nulls().unique().sort("owner_key", "owner_name").iter_rows()
    )


def _listed(behind: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`Tables.deals` with deal_key, of every deal that has a row, also one that has left the CRM."""
    key = pl.col("deal_key").str.splitn(":", 2)
    return (
        behind.select("deal_key")
        .unique()
        .sort("deal_key")
        .join(
            known.select("deal_key", "crm", "deal_id", "deal_name", amount="amount_reporting"),
            on="deal_key",
            how="left",
            maintain_order="left",
        )
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


def _placed(behind: pl.DataFrame, listed: pl.DataFrame, keys: Sequence[FunnelStage]) -> pl.DataFrame:
    """`Tables.behind`: keys in the stead of which the page has places."""
    places = pl.DataFrame(
        [(*key, place) for place, key in enumerate(keys)],
        schema={"funnel": pl.String, "stage": pl.String, "stage_place": pl.Int64},
        orient="row",
    )
    return (
        behind.join(
            listed.select("deal_key", deal=pl.int_range(pl.len(), dtype=pl.Int64)),
            on="deal_key",
            how="left",
            maintain_order="left",
        )
        .rename({"stage_key": "stage"})
        .join(
            places,
            on=["funnel", "stage"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .select(
            "split",
            "cause",
            "deal",
            pl.col("stage_place").alias("stage"),
            pl.exclude("split", "cause", "deal", "deal_key", "funnel", "stage", "stage_place"),
        )
    )


def _view(place: int, key: str, named: Names, made: Tables, stages: Sequence[Text]) -> View:
    here = pl.col("view") == place
    steps = made.steps.filter(here)
    gained = funnel.mend(made.bottlenecks.filter(here), stages)
    split = made.splits.with_columns(split=pl.int_range(pl.len(), dtype=pl.Int64)).filter(here)
    compared = split.filter(pl.col("comparison").is_in(causes.QUARTERS) & ~pl.col("is_short"))
    return View(
        key=key,
        name=named.funnel(key),
        loss=funnel.loss(steps, stages),
        mend=gained[0] if gained else None,
        causes=causes.named(split, made.shares, stages, gained[1] if gained else None),
        compared=compared.height,
        gates=gates.counted(made.gates.filter(here)),
        proposals=made.changes.filter(here & pl.col("is_proposed")).height,
        has_deals=steps.height > 0,
    )
