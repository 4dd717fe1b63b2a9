"""Intervals made as wide as past errors say they must be.

Belongs here: the error that a model has however many deals there are, the factor by which an interval is stretched
about its median, and both done to an interval. Not here: where the interval comes from (`simulate.py`), which pairs
were known when (`backtest.py`).

What a simulation leaves out (owners who change, a market that turns, a model that is wrong) makes its intervals too
narrow, and what it exaggerates makes them too wide. First it lacks an error that no number of deals averages out: a
share of what is still to come, independent of the interval's own error, so that their squares add up. It is what past
errors had beyond their intervals, over all leads together, drawn to MODEL_ERROR. Then comes the factor of split
conformal prediction (V. Vovk, A. Gammerman and G. Shafer, 2005; J. Lei et al., 2018), by lead, with the error scaled by
the half-width on its side: stretched by it, four in five of the past intervals would have held what came.
"""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.accuracy import LEADS, lead_bucket
from orchestration.forecasting.inputs import ALL

# With fewer the fourth of five cannot be told from the third or the last.
MINIMUM_PAIRS = 20
# Numerator and denominator of the share that an interval from p10 to p90 is to hold.
_SHARE = (4, 5)
_PLACES = 6

# What a model is taken to be off by before its past says: of companies with 60,000 deals `timed` was off by so much
# beyond its intervals. As sure as so many pairs that say it precisely.
MODEL_ERROR, MODEL_PAIRS = 0.03, 8
# p90 of a normal distribution, in standard deviations.
_P90_SDS = 1.2815515655446004
_STEPS = 20

SERIES = ("method", "funnel", "part")
GROUP = ("method", "funnel", "lead_bucket", "part")

_WIDTHS = {
    **dict.fromkeys(GROUP, pl.String()),
    "model_error": pl.Float64(),
    "width_factor": pl.Float64(),
    "width_n": pl.Int64(),
}

Floats = npt.NDArray[np.float64]


def width_factors(pairs: pl.DataFrame) -> pl.DataFrame:
    """One row per GROUP of the SERIES that pairs name: model_error, width_factor, width_n; the last two may be null.

    model_error is a share of what is still to come (see `model_error`), the same for all leads of a series. The factor
    of n pairs, at least MINIMUM_PAIRS, is the smallest by which ceil(4/5 (n + 1)) of them, with that error added, would
    have been covered; groups in which no stretching would have done so (an interval without width that was wrong) have
    none.

    pairs: rows of accuracy.SAID that were known when the intervals to be stretched were made, with the intervals as
    they were before stretching. Those that were not over then have no actual.
    """
    low, middle, high, actual = (_number(f"{name}_amount") for name in ("p10", "p50", "p90", "actual"))
    known = pairs.filter(pl.col("is_scored") & pl.all_horizontal(c.is_not_null() for c in (low, middle, high)))
    to_come = middle - pl.when(pl.col("part") == "total").then(_number("won_amount")).otherwise(0.0)
    errors = []
    for series, rows in known.sort(_ORDER).group_by(SERIES, maintain_order=True):
        ahead = rows.select(
            to_come=to_come,
            miss=actual - middle,
            half=pl.when(actual >= middle).then(high - middle).otherwise(middle - low),
        ).filter((pl.col("to_come") > 0) & (pl.col("half") > 0))
        scale = ahead["to_come"].to_numpy()
        errors.append((*series, model_error(ahead["miss"].to_numpy() / scale, ahead["half"].to_numpy() / scale)))
    learnt = pl.DataFrame(errors, schema=[*SERIES, "learnt"], orient="row", schema_overrides={"learnt": pl.Float64})
    series_of_all = (
        pairs.select(SERIES)
        .unique()
        .join(learnt.cast(dict.fromkeys(SERIES, pl.String())), on=SERIES, how="left")
        .select(*SERIES, pl.col("learnt").fill_null(MODEL_ERROR).round(_PLACES).alias("model_error"))
    )
    with_error = known.join(series_of_all, on=SERIES)
    half = pl.when(actual >= middle).then(high - middle).otherwise(middle - low)
    factors = _factors(with_error, (actual - middle).abs(), _with_error(half, to_come, pl.col("model_error")))
    leads = pl.DataFrame({"lead_bucket": LEADS}, schema={"lead_bucket": pl.String()})
    return (
        series_of_all.join(leads, how="cross")
        .join(factors, on=GROUP, how="left")
        .select(pl.col(name).cast(kind) for name, kind in _WIDTHS.items())
        .sort(GROUP)
    )


def model_error(misses: Floats, halves: Floats) -> float:
    """The standard deviation that errors had beyond what their intervals say, drawn to MODEL_ERROR; 0 or more.

    misses: actual - p50; halves: the half-width on that side; both as shares of the same. By moments, each pair
    weighing as its own interval allows (the variance tau^2 that solves sum of w (miss^2 - sd^2 - tau^2) = 0 with
    w = 1 / (sd^2 + tau^2)^2; Harville, JASA 72, 1977), and as sure as the pairs that so weigh are many.
    """
    if misses.size == 0:
        return MODEL_ERROR
    own = (halves / _P90_SDS) ** 2
    variance, weight = 0.0, np.ones_like(own)
    for _ in range(_STEPS):
        weight = 1 / (own + variance) ** 2
        variance = max(0.0, float((weight * (misses**2 - own)).sum() / weight.sum()))
    pairs = float(weight.sum() ** 2 / (weight**2).sum())
    return float(np.sqrt((variance * pairs + MODEL_ERROR**2 * MODEL_PAIRS) / (pairs + MODEL_PAIRS)))


# Sums of fractions depend on the order of their rows in the last digit.
_ORDER = (*SERIES, "as_of_date", "period_kind", "period_start")


def _with_error(half: pl.Expr, to_come: pl.Expr, error: pl.Expr) -> pl.Expr:
    """The half-width of both errors together; an interval without width has nothing left to chance."""
    added: pl.Expr = (half**2 + (_P90_SDS * error * to_come) ** 2).sqrt()
    return pl.when((half > 0) & (to_come > 0)).then(added).otherwise(half)


def _factors(pairs: pl.DataFrame, miss: pl.Expr, half: pl.Expr) -> pl.DataFrame:
    needed = pl.when(miss == 0).then(0.0).when(half > 0).then(miss / half).otherwise(float("inf"))
    place = (_SHARE[0] * (pl.col("width_n") + 1) + _SHARE[1] - 1) // _SHARE[1]
    return (
        pairs.select(*GROUP, needed=needed)
        .with_columns(width_n=pl.len().over(GROUP).cast(pl.Int64), rank=pl.col("needed").rank("ordinal").over(GROUP))
        .filter((pl.col("width_n") >= MINIMUM_PAIRS) & (pl.col("rank") == place) & pl.col("needed").is_finite())
        .select(*GROUP, pl.col("needed").round(_PLACES).alias("width_factor"), "width_n")
    )


def widened(
    rows: pl.DataFrame, factors: pl.DataFrame, on: Sequence[str] = GROUP, floor: str | None = "floor_amount"
) -> pl.DataFrame:
    """Rows with p10_amount and p90_amount stretched about p50_amount, to the cent, and the width_factor used.

    First the model's error is added, of what p50_amount has above `floor`; none where there is no row of `factors`. The
    factor is 1 where there is none. Nothing is stretched below `floor`, a column of money: what is won already
    cannot be missed; where the interval began below it (credit notes) it begins there still.
    """
    low, middle, high, factor = (pl.col(name) for name in ("p10_amount", "p50_amount", "p90_amount", "width_factor"))
    to_come = middle.cast(pl.Float64) - (0.0 if floor is None else _number(floor))
    below, above = (
        _cents(_with_error(half.cast(pl.Float64), to_come, pl.col("model_error").fill_null(0.0)))
        for half in (middle - low, high - middle)
    )
    down = middle - _times(below, factor)
    if floor is not None:
        down = pl.max_horizontal(down, pl.min_horizontal(low, pl.col(floor)))
    return (
        rows.drop("width_factor", strict=False)
        .join(factors.select(*on, "model_error", "width_factor"), on=list(on), how="left", maintain_order="left")
        .with_columns(factor.fill_null(1.0))
        .with_columns(p10_amount=pl.when(low.is_not_null()).then(down), p90_amount=middle + _times(above, factor))
        .drop("model_error")
    )


def widened_tonight(periods: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """Rows of `Forecast.periods` with the intervals of whole funnels stretched by how their like have held so far.

    Totals alone: those of open deals stay as simulated, and a backtest judges them so.
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


def _cents(amount: pl.Expr) -> pl.Expr:
    """An amount as money, half up to the cent."""
    money: pl.Expr = (amount * 100).round().cast(pl.Int64).cast(pl.Decimal(38, 2)) * Decimal("0.01")
    return money


def _times(width: pl.Expr, factor: pl.Expr) -> pl.Expr:
    """A width of money times a factor, half up to the cent, in whole numbers."""
    scale = 10**_PLACES
    units = (factor * scale).round().cast(pl.Int128)
    cents = (width.to_physical().cast(pl.Int128) * units + scale // 2) // scale
    money: pl.Expr = cents.cast(pl.Decimal(38, 2)) * Decimal("0.01")
    return money
