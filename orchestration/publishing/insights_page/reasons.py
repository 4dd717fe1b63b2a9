"""Why deals were won and lost, and which were closed before anybody had worked on them.

Belongs here: choosing, naming and ordering what `close_reasons` holds; pure. Not here: which close is early.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from orchestration.publishing.insights_page.names import OUTCOMES
from orchestration.publishing.insights_page.ordering import place
from orchestration.publishing.insights_page.reading import ALL

_SUM = pl.Decimal(38, 2)
# Those of all deals come first, so that what a page has no room for is of a segment.
REASONS_LISTED = 20_000


def reasons(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame, funnels: Sequence[str]) -> pl.DataFrame:
    """`Tables.reasons`: of all deals first, then by segment; the most deals first; at most REASONS_LISTED."""
    return (
        tables["close_reasons"]
        .filter(pl.col("funnel").is_in(list(funnels)))
        .join(
            places.select("funnel", "stage", "stage_place"),
            on=["funnel", "stage"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .with_columns(view=place("funnel", funnels), outcome_place=place("outcome", OUTCOMES))
        .sort(
            "view",
            pl.col("segment") != ALL,
            "segment",
            "outcome_place",
            "outcome",
            -pl.col("deals"),
            "stage_place",
            "segment_value",
            "reason",
            "competitor",
        )
        .head(REASONS_LISTED)
        .select(
            "view",
            "outcome",
            pl.col("stage_place").alias("stage"),
            *("segment", "segment_value", "reason", "competitor", "deals"),
            # Deals of which no amount is known are not worth nothing.
            pl.when(pl.col("deals_without_amount").fill_null(0) < pl.col("deals")).then(
                pl.col("amount").cast(_SUM).alias("amount")
            ),
            pl.col("outcome_deals").alias("n"),
            pl.col("share", "share_low", "share_high").round(6),
            pl.col("median_days_in_last_stage").round(1).alias("days"),
            pl.col("median_touches").round(1).alias("touches"),
            pl.col("closed_early_deals").alias("early"),
            pl.col("is_insufficient_history").fill_null(value=False).alias("is_short"),
        )
    )
