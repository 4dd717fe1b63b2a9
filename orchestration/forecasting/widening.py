"""Intervals made as wide as past errors say they must be.

Belongs here: the factor by which an interval is stretched about its median, and the stretching. Not here: where the
interval comes from (`simulate.py`), which pairs were known when (`backtest.py`).

What a simulation leaves out (owners who change, a market that turns, a model that is wrong) makes its intervals too
narrow, and what it exaggerates makes them too wide. The factor is that of split conformal prediction (V. Vovk,
A. Gammerman and G. Shafer, 2005; J. Lei et al., 2018) with the error scaled by the half-width on its side: stretched by
it, four in five of the past intervals would have held what came.
"""

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from orchestration.forecasting.accuracy import lead_bucket
from orchestration.forecasting.inputs import ALL

# With fewer the fourth of five cannot be told from the third or the last.
MINIMUM_PAIRS = 20
# Numerator and denominator of the share that an interval from p10 to p90 is to hold.
_SHARE = (4, 5)
_PLACES = 6

GROUP = ("method", "funnel", "lead_bucket", "part")


def width_factors(pairs: pl.DataFrame) -> pl.DataFrame:
    """One row per GROUP with at least MINIMUM_PAIRS scored pairs with an interval: width_factor, width_n.

    The factor of n pairs is the smallest by which ceil(4/5 (n + 1)) of them would have been covered; groups in which no
    stretching would have done so (an interval without width that was wrong) have none.

    pairs: rows of accuracy.SAID that were over and known when the intervals to be stretched were made, with the
    intervals as they were before stretching.
    """
    low, middle, high, actual = (_number(f"{name}_amount") for name in ("p10", "p50", "p90", "actual"))
    miss = (actual - middle).abs()
    half = pl.when(actual >= middle).then(high - middle).otherwise(middle - low)
    needed = pl.when(miss == 0).then(0.0).when(half > 0).then(miss / half).otherwise(float("inf"))
    place = (_SHARE[0] * (pl.col("width_n") + 1) + _SHARE[1] - 1) // _SHARE[1]
    return (
        pairs.filter(pl.col("is_scored") & pl.all_horizontal(c.is_not_null() for c in (low, middle, high)))
        .select(*GROUP, needed=needed)
        .with_columns(width_n=pl.len().over(GROUP).cast(pl.Int64), rank=pl.col("needed").rank("ordinal").over(GROUP))
        .filter((pl.col("width_n") >= MINIMUM_PAIRS) & (pl.col("rank") == place) & pl.col("needed").is_finite())
        .select(*GROUP, pl.col("needed").round(_PLACES).alias("width_factor"), "width_n")
        .sort(GROUP)
    )


def widened(
    rows: pl.DataFrame, factors: pl.DataFrame, on: Sequence[str] = GROUP, floor: str | None = "floor_amount"
) -> pl.DataFrame:
    """Rows with p10_amount and p90_amount stretched about p50_amount, to the cent, and the width_factor used.

    The factor is 1 where there is none. Nothing is stretched below `floor`, a column of money: what is won already
    cannot be missed; where the interval began below it (credit notes) it begins there still.
    """
    low, middle, high, factor = (pl.col(name) for name in ("p10_amount", "p50_amount", "p90_amount", "width_factor"))
    down = middle - _times(middle - low, factor)
    if floor is not None:
        down = pl.max_horizontal(down, pl.min_horizontal(low, pl.col(floor)))
    return (
        rows.drop("width_factor", strict=False)
        .join(factors.select(*on, "width_factor"), on=list(on), how="left", maintain_order="left")
        .with_columns(factor.fill_null(1.0))
        .with_columns(
            p10_amount=pl.when(low.is_not_null()).then(down), p90_amount=middle + _times(high - middle, factor)
        )
    )


def widened_tonight(periods: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """Rows of `Forecast.periods` with the intervals of whole funnels stretched by how their like have held so far.

    What was learned of a funnel says nothing of an owner, whose interval is that few deals are his: rows of other
    scopes keep theirs, with a width_factor of 1.
    """
    totals = factors.filter(pl.col("part") == "total").select(pl.lit(ALL).alias("scope"), pl.all())
    days = (pl.col("period_end") - pl.col("business_date")).dt.total_days()
    rows = periods.with_columns(lead_bucket=lead_bucket(days), floor_amount="won_amount")
    stretched = widened(rows, totals, on=("scope", "method", "funnel", "lead_bucket"))
    return stretched.drop("lead_bucket", "floor_amount")


def _number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64)


def _times(width: pl.Expr, factor: pl.Expr) -> pl.Expr:
    """A width of money times a factor, half up to the cent, in whole numbers."""
    scale = 10**_PLACES
    units = (factor * scale).round().cast(pl.Int128)
    cents = (width.to_physical().cast(pl.Int128) * units + scale // 2) // scale
    money: pl.Expr = cents.cast(pl.Decimal(38, 2)) * Decimal("0.01")
    return money
