"""The funnel stage by stage, and what it would bring to mend each.

Belongs here: choosing and ordering what the served tables hold, and the two facts that the page opens with; pure. Not
here: any rate, dwell or gain.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from orchestration.publishing.insights_page.content import Loss, Mend
from orchestration.publishing.insights_page.names import CHOSEN, SEGMENTS, segment_name
from orchestration.publishing.insights_page.ordering import place
from orchestration.publishing.insights_page.reading import ALL
from orchestration.publishing.wording import Text

_SUM = pl.Decimal(38, 2)
SHARE_PLACES = 6


def steps(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame) -> pl.DataFrame:
    """`Tables.steps`. places: funnel, stage, view, stage_place, in the order of the page."""
    whole = pl.col("segment") == ALL
    reach = tables["funnel_stage_conversion"].filter(whole & (pl.col("cohort_kind") == ALL))
    stays = tables["funnel_stage_dwell"].filter(whole)
    held = (
        tables["deals_current"]
        .filter(pl.col("is_open"))
        .group_by("funnel", "stage")
        .agg(
            open_deals=pl.len().cast(pl.Int64),
            open_amount=pl.when(pl.col("amount_reporting").is_not_null().any()).then(
                pl.col("amount_reporting").cast(_SUM).sum()
            ),
        )
    )
    stays = stays.select("funnel", "stage", "visits", "ongoing_visits", "dwell_p50_days", "dwell_p80_days")
    return (
        places.join(reach, on=["funnel", "stage"], how="inner", maintain_order="left")
        .join(stays, on=["funnel", "stage"], how="left", maintain_order="left")
        .join(held, on=["funnel", "stage"], how="left", maintain_order="left")
        .select(
            "view",
            *("stage_place", "reached", "visited", "skipped", "advanced", "lost", "still_open"),
            _share("conversion_expected", "expected"),
            _share("conversion_expected_undecided", "undecided"),
            "n_expected",
            _share("conversion_to_date", "to_date"),
            _share("conversion_to_date_low", "low"),
            _share("conversion_to_date_high", "high"),
            _share("conversion_within_90d", "within_90d"),
            pl.col("n_matured_90d").alias("n_90d"),
            "visits",
            pl.col("ongoing_visits").alias("ongoing"),
            _days("dwell_p50_days", "p50_days"),
            _days("dwell_p80_days", "p80_days"),
            pl.col("open_deals").fill_null(0),
            # No open deal is worth nothing; open deals of unknown worth are worth something unknown.
            pl.when(pl.col("open_deals").is_null())
            .then(pl.lit(0).cast(_SUM))
            .otherwise("open_amount")
            .alias("open_amount"),
            pl.col("is_insufficient_history").fill_null(value=False).alias("is_short"),
        )
        .rename({"stage_place": "stage"})
    )


def bottlenecks(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame) -> pl.DataFrame:
    """`Tables.bottlenecks`: by segment in the order of SEGMENTS, the most won amount first."""
    return (
        places.join(tables["funnel_bottlenecks"], on=["funnel", "stage"], how="inner", maintain_order="left")
        .with_columns(place=place("compared_by", SEGMENTS))
        .sort(
            "view",
            "place",
            "compared_by",
            pl.col("rank_by_won_amount").is_null(),
            "rank_by_won_amount",
            "stage_place",
            maintain_order=True,
        )
        .select(
            "view",
            "compared_by",
            pl.col("stage_place").alias("stage"),
            pl.col("rank_by_won_amount").alias("rank_amount"),
            pl.col("rank_by_days").alias("rank_days"),
            pl.col("won_amount_gained").alias("amount"),
            pl.col("won_deals_gained").round(2).alias("deals"),
            _days("days_gained", "days"),
            _share("forward_share", "share"),
            _share("forward_share_low", "low"),
            _share("forward_share_high", "high"),
            _share("target_forward_share", "target"),
            _days("completed_mean_days", "mean_days"),
            _days("target_days", "target_days"),
            pl.col("completed_visits").alias("n"),
            pl.col("segments_compared").alias("values"),
            pl.col("deals_started").alias("started"),
            pl.col("window_days").floor().cast(pl.Int64),
            pl.col("is_insufficient_history").fill_null(value=False).alias("is_short"),
        )
    )


def loss(steps_of_view: pl.DataFrame, stages: Sequence[Text]) -> Loss | None:
    """The stage at which most deals have closed without going further; the earliest of equals."""
    lost = steps_of_view.filter(pl.col("lost") > 0)
    if lost.is_empty():
        return None
    row = lost.sort("lost", descending=True, maintain_order=True).row(0, named=True)
    return Loss(stages[row["stage"]], row["reached"], row["lost"], row["still_open"])


def mend(bottlenecks_of_view: pl.DataFrame, stages: Sequence[Text]) -> tuple[Mend, int] | None:
    """Where it pays most, and the stage's place: among owners, else teams, where enough of them can be compared."""
    for segment in CHOSEN:
        found = bottlenecks_of_view.filter(
            (pl.col("compared_by") == segment) & ~pl.col("is_short") & (pl.col("amount") > 0)
        )
        if found.height:
            row = found.row(0, named=True)
            gained = Mend(
                stages[row["stage"]], segment_name(segment), row["amount"], row["deals"] or 0.0, row["window_days"]
            )
            return gained, row["stage"]
    return None


def _share(column: str, name: str) -> pl.Expr:
    return pl.col(column).round(SHARE_PLACES).alias(name)


def _days(column: str, name: str) -> pl.Expr:
    return pl.col(column).round(4).alias(name)
