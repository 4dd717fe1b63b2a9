"""Why the forecast of a period is another than it was: what each deal brings on two nights, by what happened to it.

Belongs here: what a deal brings to a month (won, or expected of it while it is open), the comparison of two nights, its
sums. Not here: what happened to a deal between them (`movement.py`), any method, files.
"""

import polars as pl

from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs
from orchestration.forecasting.movement import BUCKETS as PIPELINE_BUCKETS

# The method whose forecast is explained: it says when, and where history is short another speaks for it.
METHOD = "timed"

NEW_BUSINESS, CORRECTED = "new_business", "corrected"
# What happened to a deal, in the order of `movement.BUCKETS`; then what only a forecast knows. `model`: nothing did,
# but time passed and other deals ended.
BUCKETS = (*(name for name in PIPELINE_BUCKETS if name != "unchanged"), NEW_BUSINESS, CORRECTED)

# One row per deal and fiscal month, and one without a deal_key per funnel and month: new business.
BROUGHT = {
    "deal_key": pl.String(),
    "funnel": pl.String(),
    "period_start": pl.Date(),
    "won_amount": MONEY_SUM,
    "expected_amount": MONEY_SUM,
}

SUMS = {
    "span": pl.String(),
    "opening_night": pl.Date(),
    "closing_night": pl.Date(),
    "funnel": pl.String(),
    "period_kind": pl.String(),
    "period_start": pl.Date(),
    "bucket": pl.String(),
    "bucket_rank": pl.Int64(),
    "deals": pl.Int64(),
    "opening_amount": MONEY_SUM,
    "change_amount": MONEY_SUM,
    "closing_amount": MONEY_SUM,
}


def brought(inputs: ForecastInputs, deal_periods: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """What each deal brings to each month of the running quarter and later ones, as BROUGHT; sums to the month's total.

    Args:
        deal_periods: `Forecast.deal_periods` of METHOD.
        periods: `Forecast.periods` of METHOD.
    """
    months = periods.filter((pl.col("scope") == ALL) & (pl.col("period_kind") == "month"))
    running = inputs.periods.filter(
        (pl.col("period_kind") == "quarter") & pl.lit(inputs.business_date).is_between("period_start", "period_end")
    )["period_start"].item()
    spans = inputs.periods.filter(
        (pl.col("period_kind") == "month") & pl.col("period_start").is_between(running, months["period_start"].max())
    ).select("period_start", "period_end")
    nothing = pl.lit(0, MONEY_SUM)
    won = (
        inputs.won_deals.join(spans, how="cross")
        .filter(pl.col("won_on").is_between("period_start", "period_end"))
        .group_by("deal_key", "funnel", "period_start")
        .agg(pl.col("amount_reporting").cast(MONEY_SUM).sum().alias("won_amount"))
        .with_columns(nothing.alias("expected_amount"))
    )
    dated = deal_periods.filter(pl.col("period_start").is_not_null())
    expected = dated.group_by("deal_key", "funnel", "period_start").agg(
        nothing.first().alias("won_amount"),
        pl.col("expected_amount").cast(MONEY_SUM).sum().alias("expected_amount"),
    )
    new_business = months.filter((pl.col("funnel") != ALL) & pl.col("new_business_amount").is_not_null()).select(
        pl.lit(None, pl.String).alias("deal_key"),
        "funnel",
        "period_start",
        nothing.alias("won_amount"),
        pl.col("new_business_amount").cast(MONEY_SUM).alias("expected_amount"),
    )
    every = pl.concat([part.select(BROUGHT.keys()).cast(pl.Schema(BROUGHT)) for part in (won, expected, new_business)])
    keys = ["deal_key", "funnel", "period_start"]
    return every.group_by(keys).agg(pl.col("won_amount", "expected_amount").sum()).sort(keys, nulls_last=True)


def forecast_movement(
    opening: pl.DataFrame, closing: pl.DataFrame, moved: pl.DataFrame, quarters: pl.DataFrame
) -> pl.DataFrame:
    """The buckets of one pair of nights, as SUMS: one row per funnel (`all` too), period that both know, and bucket.

    The opening amounts of a period sum to its total on the opening night, the closing ones to that on the closing
    night, to the cent.

    Args:
        opening, closing: BROUGHT of two nights.
        moved: `Movement.deals` of the same pair: span, opening_night, closing_night, deal_key, bucket.
        quarters: period_start and period_end of fiscal quarters.
    """
    pair = moved.select("span", "opening_night", "closing_night").unique()
    if pair.height != 1:
        return pl.DataFrame(schema=SUMS)
    keys = ["deal_key", "funnel", "period_start"]
    sides = [
        night.select(*keys, (pl.col("won_amount") + pl.col("expected_amount")).alias(f"{name}_amount"))
        for name, night in (("opening", opening), ("closing", closing))
    ]
    known = opening.select("period_start").unique().join(closing.select("period_start").unique(), on="period_start")
    both = (
        sides[0]
        .join(sides[1], on=keys, how="full", coalesce=True, nulls_equal=True)
        .join(known, on="period_start", how="semi")
        .with_columns(pl.col("opening_amount", "closing_amount").fill_null(0))
        .join(moved.select("deal_key", "bucket"), on="deal_key", how="left")
        .with_columns(
            pl.when(pl.col("deal_key").is_null())
            .then(pl.lit(NEW_BUSINESS))
            .when(pl.col("bucket").is_null())
            .then(pl.lit(CORRECTED))
            .when(pl.col("bucket") == "unchanged")
            .then(pl.lit("model"))
            .otherwise("bucket")
            .alias("bucket")
        )
    )
    months = both.with_columns(pl.lit("month").alias("period_kind"))
    in_quarters = (
        both.rename({"period_start": "month_start"})
        .join(_of_whole_quarters(known, quarters), on="month_start")
        .with_columns(pl.lit("quarter").alias("period_kind"))
    )
    placed = pl.concat([months, in_quarters.select(months.columns)])
    rank = pl.col("bucket").replace_strict(list(BUCKETS), list(range(1, len(BUCKETS) + 1)), return_dtype=pl.Int64)
    group = ["funnel", "period_kind", "period_start", "bucket"]
    changed = pl.col("opening_amount") != pl.col("closing_amount")
    return (
        pl.concat([placed, placed.with_columns(pl.lit(ALL).alias("funnel"))])
        .group_by(group)
        .agg(
            pl.col("deal_key").filter(changed).drop_nulls().n_unique().cast(pl.Int64).alias("deals"),
            pl.col("opening_amount", "closing_amount").sum(),
        )
        .join(pair, how="cross")
        .with_columns(
            rank.alias("bucket_rank"),
            (pl.col("closing_amount") - pl.col("opening_amount")).alias("change_amount"),
        )
        .select(SUMS.keys())
        .cast(pl.Schema(SUMS))
        .sort("funnel", "period_kind", "period_start", "bucket_rank")
    )


def _of_whole_quarters(months: pl.DataFrame, quarters: pl.DataFrame) -> pl.DataFrame:
    """month_start and period_start (of its quarter) of months whose quarter is known with its first and last month."""
    placed = (
        months.rename({"period_start": "month_start"})
        .sort("month_start")
        .join_asof(quarters.sort("period_start"), left_on="month_start", right_on="period_start", coalesce=False)
        .filter(pl.col("month_start") <= pl.col("period_end"))
    )
    is_whole = (pl.col("month_start").min() == pl.col("period_start").first()) & (
        pl.col("month_start").max().dt.offset_by("1mo") > pl.col("period_end").first()
    )
    return placed.filter(is_whole.over("period_start")).select("month_start", "period_start")
