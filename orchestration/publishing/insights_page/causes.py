"""Why a stage's conversion differs between two groups of deals, and the deals behind each named cause.

Belongs here: choosing, naming and ordering what `conversion_causes` and `conversion_cause_deals` hold; pure. Not here:
the split itself, nor which cause is named.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from orchestration.publishing.insights_page.content import Cause
from orchestration.publishing.insights_page.names import CAUSES, COMPARISONS, PEOPLE, cause_name
from orchestration.publishing.insights_page.ordering import place
from orchestration.publishing.wording import Text

# Behind one share more deals are not read one by one; the served table holds all.
DEALS_LISTED = 500
# And behind all of them together, a page that a browser is glad of.
ALL_DEALS_LISTED = 20_000
REST = "rest"
QUARTERS = tuple(COMPARISONS)
# Shares are published in whole millionths.
SHARE_PLACES = 6

_LEADS = pl.col("is_leading").fill_null(value=False)
_SPLIT = ["funnel", "stage", "comparison", "focus"]


def splits(
    causes: pl.DataFrame,
    places: pl.DataFrame,
    *,
    quarters: Mapping[date, str],
    owners: Mapping[str, str],
) -> pl.DataFrame:
    """`Tables.splits` with funnel, stage_key and focus_key, quarters first, then by stage.

    causes: conversion_causes. places: funnel, stage, view, stage_place. quarters: what fiscal quarters are called, by
    their first day. owners: names by key.
    """
    return (
        causes.sort(*_SPLIT, "cause")
        .group_by(_SPLIT, maintain_order=True)
        .agg(
            pl.col(
                *("reference", "horizon_days", "focus_n", "reference_n", "focus_conversion", "reference_conversion"),
                *("change", "interval_level"),
            ).first(),
            is_short=pl.col("is_insufficient_history").fill_null(value=False).any(),
            cause=pl.col("cause").filter(_LEADS).first(),
            sentence_en=_sentence("sentence_en"),
            sentence_zh=_sentence("sentence_zh"),
        )
        .join(places, on=["funnel", "stage"], how="inner")
        .with_columns(
            place=place("comparison", (*COMPARISONS, *PEOPLE)),
            focus_label=_label("focus", quarters, owners),
            reference_label=pl.when(pl.col("reference") != REST).then(_label("reference", quarters, owners)),
        )
        .sort("view", "place", "comparison", "stage_place", "focus_label", "focus")
        .select(
            "funnel",
            pl.col("stage").alias("stage_key"),
            pl.col("focus").alias("focus_key"),
            "view",
            pl.col("stage_place").alias("stage"),
            "comparison",
            pl.col("focus_label").alias("focus"),
            pl.col("reference_label").alias("reference"),
            pl.col("horizon_days").round(1),
            *("focus_n", "reference_n"),
            pl.col("focus_conversion", "reference_conversion", "change").round(SHARE_PLACES),
            pl.col("interval_level").round(4).alias("level"),
            *("is_short", "cause", "sentence_en", "sentence_zh"),
        )
    )


def _sentence(column: str) -> pl.Expr:
    """What the leading cause says; where history is short, all say so alike; otherwise no cause speaks for all."""
    is_short = pl.col("is_insufficient_history").fill_null(value=False).any()
    return pl.coalesce(pl.col(column).filter(_LEADS).first(), pl.when(is_short).then(pl.col(column).first()))


def _label(column: str, quarters: Mapping[date, str], owners: Mapping[str, str]) -> pl.Expr:
    """A quarter's label, an owner's name; what has neither goes by its own name."""
    labels = {str(start): label for start, label in quarters.items()}
    named = {"owner": owners, "team": {}}
    text = pl.col(column)
    return (
        pl.when(pl.col("comparison") == "owner")
        .then(text.replace(named["owner"]))
        .when(pl.col("comparison") == "team")
        .then(text)
        .otherwise(text.replace(labels))
    )


def shares(causes: pl.DataFrame, of: pl.DataFrame) -> pl.DataFrame:
    """`Tables.shares`. of: what `splits` gave; causes in the order of CAUSES."""
    return (
        causes.join(_numbered(of), on=_SPLIT, how="inner")
        .with_columns(place=place("cause", CAUSES))
        .sort("split", "place", "cause")
        .select(
            "split",
            "cause",
            pl.col("share").round(SHARE_PLACES),
            pl.col("share_low").round(SHARE_PLACES).alias("low"),
            pl.col("share_high").round(SHARE_PLACES).alias("high"),
            pl.col("is_named", "is_leading").fill_null(value=False),
            *("deals_behind", "sentence_en", "sentence_zh"),
        )
    )


def behind(deals: pl.DataFrame, of: pl.DataFrame, known: pl.DataFrame, follow_up: pl.DataFrame) -> pl.DataFrame:
    """`Tables.behind` with deal_key, funnel and stage_key; the largest deals of each share first.

    deals: conversion_cause_deals. of: what `splits` gave. known: deals_current. follow_up: deal_follow_up.
    """
    joined = (
        deals.join(_numbered(of), on=_SPLIT, how="inner")
        .select(pl.exclude("funnel", "stage", "comparison", "focus", "business_date"))
        .join(
            known.select("deal_key", "funnel", "stage", "owner_name", "team", "amount_reporting"),
            on="deal_key",
            how="left",
        )
        .with_columns(place=place("cause", CAUSES))
        .sort(
            "split",
            "place",
            "cause",
            pl.col("amount_reporting").is_null(),
            -pl.col("amount_reporting"),
            "deal_key",
        )
    )
    return (
        joined.filter(pl.int_range(pl.len()).over("split", "cause") < DEALS_LISTED)
        .head(ALL_DEALS_LISTED)
        .join(follow_up, on="deal_key", how="left", maintain_order="left")
        .select(
            "deal_key",
            "funnel",
            pl.col("stage").alias("stage_key"),
            "split",
            "cause",
            pl.col("owner_name").alias("owner"),
            "team",
            pl.col("entered_at").dt.date().alias("entered_on"),
            "is_advanced",
            *("quality_class", "icp_band", "lead_source", "proof_class", "unproven_criteria", "cadence_class"),
            pl.col("touches_per_week").round(2),
            pl.col("days_to_first_customer_activity").round(1).alias("first_answer_days"),
            pl.col("longest_gap_days").round(1).alias("gap_days"),
            pl.col("inbound_share").round(4),
            "has_loose_owner",
            "pace_class",
            pl.col("dwell_days").round(1),
        )
    )


def _numbered(of: pl.DataFrame) -> pl.DataFrame:
    return of.select(
        "funnel",
        pl.col("stage_key").alias("stage"),
        "comparison",
        pl.col("focus_key").alias("focus"),
        split=pl.int_range(pl.len(), dtype=pl.Int64),
    )


def named(of: pl.DataFrame, told: pl.DataFrame, stages: Sequence[Text], first: int | None) -> tuple[Cause, ...]:
    """The leading causes of comparisons of quarters in which conversion fell: of the stage `first`, then the largest.

    of: the splits of one view with their row number as `split`. told: the shares.
    """
    found = (
        of.filter(pl.col("comparison").is_in(QUARTERS) & (pl.col("change") < 0))
        .join(told.filter("is_leading").select("split", "cause", "share", "low", "high"), on=["split", "cause"])
        .with_columns(is_other=pl.lit(value=True) if first is None else pl.col("stage") != first)
        .sort("is_other", "share", "split")
    )
    return tuple(
        Cause(
            split=row["split"],
            stage=stages[row["stage"]],
            comparison=row["comparison"],
            focus=row["focus"],
            reference=row["reference"],
            key=row["cause"],
            cause=cause_name(row["cause"]),
            reference_conversion=row["reference_conversion"],
            focus_conversion=row["focus_conversion"],
            change=row["change"],
            share=row["share"],
            low=row["low"],
            high=row["high"],
        )
        for row in found.iter_rows(named=True)
    )
