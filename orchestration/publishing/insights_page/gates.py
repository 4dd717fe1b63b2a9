"""Which gates pay, and which stages mean one thing to one owner and another to the next.

Belongs here: choosing and ordering what the served tables hold; pure. Not here: any effect or spread.
"""

from collections.abc import Mapping

import polars as pl

from orchestration.publishing.insights_page.content import Gates
from orchestration.publishing.insights_page.names import MEASURES
from orchestration.publishing.insights_page.ordering import place
from orchestration.publishing.insights_page.reading import ALL

SHARE_PLACES = 6


def efficacy(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame) -> pl.DataFrame:
    """`Tables.gates`: criteria of all deals, in the order of the funnel; those no longer in force after them."""
    is_adjusted = pl.col("is_adjusted").fill_null(value=False)

    def told(end: str) -> pl.Expr:
        """The difference that the verdict rests on."""
        suffix = f"_{end}" if end else ""
        return (
            pl.when(is_adjusted)
            .then(f"win_rate_difference_adjusted{suffix}")
            .otherwise(f"win_rate_difference{suffix}")
            .round(SHARE_PLACES)
        )

    return (
        places.join(
            tables["criterion_efficacy"].filter(pl.col("segment") == ALL),
            on=["funnel", "stage"],
            how="inner",
            maintain_order="left",
        )
        .with_columns(is_in_force=pl.col("is_in_force").fill_null(value=True))
        .sort("view", ~pl.col("is_in_force"), "stage_place", "gate", "criterion_id", maintain_order=True)
        .select(
            "view",
            pl.col("stage_place").alias("stage"),
            *("criterion_id", "gate", "severity"),
            pl.coalesce("wording_en", "criterion_id").alias("wording_en"),
            pl.coalesce("wording_zh", "criterion_id").alias("wording_zh"),
            "is_in_force",
            "deals",
            pl.col("met_decided_deals").alias("met_n"),
            pl.col("met_won_deals").alias("met_won"),
            pl.col("met_win_rate").round(SHARE_PLACES).alias("met_rate"),
            pl.col("met_win_rate_low").round(SHARE_PLACES).alias("met_low"),
            pl.col("met_win_rate_high").round(SHARE_PLACES).alias("met_high"),
            pl.col("not_met_decided_deals").alias("not_met_n"),
            pl.col("not_met_won_deals").alias("not_met_won"),
            pl.col("not_met_win_rate").round(SHARE_PLACES).alias("not_met_rate"),
            pl.col("not_met_win_rate_low").round(SHARE_PLACES).alias("not_met_low"),
            pl.col("not_met_win_rate_high").round(SHARE_PLACES).alias("not_met_high"),
            pl.col("met_onward_p50_days").round(1).alias("met_days"),
            pl.col("not_met_onward_p50_days").round(1).alias("not_met_days"),
            told("").alias("difference"),
            told("low").alias("low"),
            told("high").alias("high"),
            is_adjusted.alias("is_adjusted"),
            "verdict",
        )
    )


def counted(gates_of_view: pl.DataFrame) -> Gates:
    """The criteria in force by verdict."""
    verdicts = gates_of_view.filter("is_in_force")["verdict"].to_list()
    counts = {name: verdicts.count(name) for name in ("supported", "not_supported", "contradicted")}
    return Gates(**counts, untold=len(verdicts) - sum(counts.values()))


def ambiguity(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame) -> pl.DataFrame:
    """`Tables.ambiguity`: by stage, each with its measures."""
    return _measured(tables["stage_ambiguity"], places).select(
        "view",
        pl.col("stage_place").alias("stage"),
        "measure",
        *("deals", "compared_owners"),
        pl.col("horizon_days").round(1),
        pl.col("mean_value", "spread", "spread_low", "spread_high", "owner_variance_share").round(SHARE_PLACES),
        pl.col("is_insufficient_history").fill_null(value=False).alias("is_short"),
        "has_owner_spread",
        pl.col("is_ambiguous").fill_null(value=False),
    )


def readers(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame) -> pl.DataFrame:
    """`Tables.readers`: owners who lie beyond chance from the others, by stage and measure, the farthest first."""
    return (
        _measured(tables["stage_ambiguity_owners"].filter(pl.col("is_beyond_chance").fill_null(value=False)), places)
        .sort("view", "stage_place", "place", -pl.col("difference_from_others").abs(), "owner_key", maintain_order=True)
        .select(
            "view",
            pl.col("stage_place").alias("stage"),
            "measure",
            pl.coalesce("owner_name", "owner_key").alias("owner"),
            "team",
            pl.col("comparable_deals").alias("deals"),
            pl.col("mean_value").round(SHARE_PLACES),
            pl.col("difference_from_others").round(SHARE_PLACES).alias("difference"),
            pl.col("difference_from_others_low").round(SHARE_PLACES).alias("low"),
            pl.col("difference_from_others_high").round(SHARE_PLACES).alias("high"),
            pl.col("difference_from_others_shrunk").round(SHARE_PLACES).alias("shrunk"),
        )
    )


def _measured(rows: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    return (
        places.join(rows, on=["funnel", "stage"], how="inner", maintain_order="left")
        .with_columns(place=place("measure", MEASURES))
        .sort("view", "stage_place", "place", "measure", maintain_order=True)
    )
