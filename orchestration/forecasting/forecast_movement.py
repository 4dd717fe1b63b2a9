"""Why the forecast of a period is another than it was: what each deal brings on two nights, by what happened to it.

Belongs here: what a deal brings to a month (won, or expected of it while it is open), the comparison of two nights, its
sums. Not here: what happened to a deal between them (`movement.py`), which method leads (`publishing.leading`), any
method, files.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs
from orchestration.forecasting.movement import BUCKETS as PIPELINE_BUCKETS

NEW_BUSINESS, CORRECTED, MODEL = "new_business", "corrected", "model"
# What happened to a deal, in the order of `movement.BUCKETS`; then what only a forecast knows. `model`: nothing did,
# but time passed and other deals ended; or another method leads.
BUCKETS = (*(name for name in PIPELINE_BUCKETS if name != "unchanged"), NEW_BUSINESS, CORRECTED)
# Of a deal in these a method spoke on one of the nights alone, or on neither.
_OF_ONE_NIGHT = ("won", "lost", "nurtured", "created", "reopened", "deleted", CORRECTED)

# One row per method, deal and fiscal month; of what is won already one without a method, and one without a deal_key
# per method, funnel and month: new business.
BROUGHT = {
    "method": pl.String(),
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
    "method": pl.String(),
    "opening_method": pl.String(),
    "period_kind": pl.String(),
    "period_start": pl.Date(),
    "bucket": pl.String(),
    "bucket_rank": pl.Int64(),
    "deals": pl.Int64(),
    "opening_amount": MONEY_SUM,
    "change_amount": MONEY_SUM,
    "closing_amount": MONEY_SUM,
}
_DEAL = ["deal_key", "period_start"]
_SIDES = ("opening_amount", "closing_amount")


@dataclass(frozen=True, eq=False)
class Said:
    """What one night said.

    brought: rows of BROUGHT. leading: the method that led, by funnel and for `all`.
    """

    brought: pl.DataFrame
    leading: Mapping[str, str]

    def of(self, funnel: str, method: str) -> pl.DataFrame:
        """What each deal brings by a method, in a funnel or in all of them: deal_key, period_start, amount."""
        inside = pl.lit(value=True) if funnel == ALL else pl.col("funnel") == funnel
        rows = self.brought.filter(inside & (pl.col("method").is_null() | (pl.col("method") == method)))
        return rows.group_by(_DEAL).agg((pl.col("won_amount") + pl.col("expected_amount")).sum().alias("amount"))

    def knows(self, method: str) -> bool:
        return bool((self.brought["method"] == method).any())


def brought(inputs: ForecastInputs, deal_periods: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """What each deal brings to each month of the running quarter and later ones, as BROUGHT.

    What is won and what a method expects sum to that method's total of the month.

    Args:
        deal_periods: `Forecast.deal_periods`.
        periods: `Forecast.periods`.
    """
    months = periods.filter((pl.col("scope") == ALL) & (pl.col("period_kind") == "month"))
    running = inputs.periods.filter(
        (pl.col("period_kind") == "quarter") & pl.lit(inputs.business_date).is_between("period_start", "period_end")
    )["period_start"].item()
    spans = inputs.periods.filter(
        (pl.col("period_kind") == "month") & pl.col("period_start").is_between(running, months["period_start"].max())
    ).select("period_start", "period_end")
    nothing, nobody = pl.lit(0, MONEY_SUM), pl.lit(None, pl.String)
    won = (
        inputs.won_deals.join(spans, how="cross")
        .filter(pl.col("won_on").is_between("period_start", "period_end"))
        .with_columns(method=nobody, won_amount="amount_reporting", expected_amount=nothing)
    )
    expected = deal_periods.filter(pl.col("period_start").is_not_null()).with_columns(won_amount=nothing)
    new_business = months.filter((pl.col("funnel") != ALL) & pl.col("new_business_amount").is_not_null()).with_columns(
        deal_key=nobody, won_amount=nothing, expected_amount="new_business_amount"
    )
    every = pl.concat([part.select(BROUGHT.keys()).cast(pl.Schema(BROUGHT)) for part in (won, expected, new_business)])
    keys = ["method", "deal_key", "funnel", "period_start"]
    return every.group_by(keys).agg(pl.col("won_amount", "expected_amount").sum()).sort(keys, nulls_last=True)


def forecast_movement(opening: Said, closing: Said, moved: pl.DataFrame, quarters: pl.DataFrame) -> pl.DataFrame:
    """The buckets of one pair of nights, as SUMS: one row per funnel (`all` too), period that both know, and bucket.

    A funnel is told by the method that led it on the closing night. The opening amounts of a period sum to the total
    that was led with on the opening night, the closing ones to that of the closing night, to the cent. Where another
    method led then, what the two said apart on the opening night is `model`; of a method that the opening night did not
    know, whatever it says of deals that were open on both.

    Args:
        opening, closing: what both nights said.
        moved: `Movement.deals` of the same pair: span, opening_night, closing_night, deal_key, bucket.
        quarters: period_start and period_end of fiscal quarters.
    """
    pair = moved.select("span", "opening_night", "closing_night").unique()
    if pair.height != 1:
        return pl.DataFrame(schema=SUMS)
    months = [night.brought.select("period_start").unique() for night in (opening, closing)]
    known = months[0].join(months[1], on="period_start")
    parts = [pl.DataFrame(schema=SUMS)]
    for funnel in sorted({*opening.leading, *closing.leading}):
        # A funnel that one of the nights does not know brought nothing then, whoever led.
        then = opening.leading.get(funnel) or closing.leading[funnel]
        now = closing.leading.get(funnel) or then
        both = _both(opening, closing, funnel, then, now).join(known, on="period_start", how="semi")
        placed = _in_buckets(both, moved.select("deal_key", "bucket"))
        if then != now:
            placed = _with_model_apart(placed) if opening.knows(now) else _with_model_whole(placed)
        stamp = {"funnel": funnel, "method": now, "opening_method": then}
        named = _summed(placed.select(*_DEAL, "bucket", *_SIDES), known, quarters).join(pair, how="cross")
        of_funnel = named.with_columns(pl.lit(value).alias(name) for name, value in stamp.items())
        parts.append(of_funnel.select(SUMS.keys()).cast(pl.Schema(SUMS)))
    return pl.concat(parts).sort("funnel", "period_kind", "period_start", "bucket_rank")


def _both(opening: Said, closing: Said, funnel: str, then: str, now: str) -> pl.DataFrame:
    """One row per deal and month: opening, middle (what `now` said on the opening night) and closing amount."""
    sides = {"opening": opening.of(funnel, then), "middle": opening.of(funnel, now), "closing": closing.of(funnel, now)}
    both = pl.DataFrame(schema={"deal_key": pl.String(), "period_start": pl.Date()})
    for name, side in sides.items():
        renamed = side.rename({"amount": f"{name}_amount"})
        both = both.join(renamed, on=_DEAL, how="full", coalesce=True, nulls_equal=True)
    return both.with_columns(pl.col(f"{name}_amount").fill_null(0) for name in sides)


def _in_buckets(both: pl.DataFrame, buckets: pl.DataFrame) -> pl.DataFrame:
    return both.join(buckets, on="deal_key", how="left").with_columns(
        pl.when(pl.col("deal_key").is_null())
        .then(pl.lit(NEW_BUSINESS))
        .when(pl.col("bucket").is_null())
        .then(pl.lit(CORRECTED))
        .when(pl.col("bucket") == "unchanged")
        .then(pl.lit(MODEL))
        .otherwise("bucket")
        .alias("bucket")
    )


def _with_model_apart(placed: pl.DataFrame) -> pl.DataFrame:
    """Each deal goes from what tonight's method said then to what it says now; what another said more is `model`."""
    of_method = placed.with_columns(
        bucket=pl.lit(MODEL),
        opening_amount=pl.col("opening_amount") - pl.col("middle_amount"),
        closing_amount=pl.lit(0, MONEY_SUM),
    )
    own = placed.with_columns(opening_amount="middle_amount")
    return pl.concat([own, of_method.filter(pl.col("opening_amount") != 0)], how="vertical_relaxed")


def _with_model_whole(placed: pl.DataFrame) -> pl.DataFrame:
    is_own = pl.col("bucket").is_in(_OF_ONE_NIGHT)
    return placed.with_columns(pl.when(is_own).then("bucket").otherwise(pl.lit(MODEL)).alias("bucket"))


def _summed(rows: pl.DataFrame, known: pl.DataFrame, quarters: pl.DataFrame) -> pl.DataFrame:
    """Buckets of months and of whole quarters: period_kind, period_start, bucket, its rank, deals and amounts."""
    months = rows.with_columns(pl.lit("month").alias("period_kind"))
    in_quarters = (
        rows.rename({"period_start": "month_start"})
        .join(_of_whole_quarters(known, quarters), on="month_start")
        .with_columns(pl.lit("quarter").alias("period_kind"))
    )
    rank = pl.col("bucket").replace_strict(list(BUCKETS), list(range(1, len(BUCKETS) + 1)), return_dtype=pl.Int64)
    changed = pl.col("opening_amount") != pl.col("closing_amount")
    return (
        pl.concat([months, in_quarters.select(months.columns)])
        .group_by("period_kind", "period_start", "bucket")
        .agg(
            pl.col("deal_key").filter(changed).drop_nulls().n_unique().cast(pl.Int64).alias("deals"),
            pl.col(*_SIDES).sum(),
        )
        .with_columns(
            rank.alias("bucket_rank"),
            (pl.col("closing_amount") - pl.col("opening_amount")).alias("change_amount"),
        )
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
