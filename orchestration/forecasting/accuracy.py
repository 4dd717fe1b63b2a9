"""How good forecasts were: their error, bias, intervals, and which method is the champion of a funnel.

Belongs here: measures over pairs of what was said and what came. Not here: how the pairs are made (`backtest.py`), how
well chances of single deals held (`calibration.py`), files, the clock. Sums of money are exact; a ratio of them is
rounded once, at the end.
"""

from collections.abc import Sequence

import polars as pl

from orchestration.forecasting.inputs import ALL, MONEY_SUM
from orchestration.forecasting.method import WITHOUT_TIMING

BACKTEST, NIGHT = "backtest", "night"
TOTAL, OPEN = "total", "open"
# What is asked of the chance of a single deal: is it won by the end of that period, or ever.
EVENTUAL = "eventual"
QUESTIONS = ("running_month", "next_month", "running_quarter", "next_quarter", EVENTUAL)

# One row per source, as-of date, method, funnel, period and part: what was said then, and what came.
SAID = {
    "source": pl.String(),
    "as_of_date": pl.Date(),
    "method": pl.String(),
    "funnel": pl.String(),
    "period_kind": pl.String(),
    "period_start": pl.Date(),
    "period_end": pl.Date(),
    "period_label": pl.String(),
    "part": pl.String(),
    "lead_days": pl.Int64(),
    "lead_bucket": pl.String(),
    "forecast_amount": MONEY_SUM,
    "p10_amount": MONEY_SUM,
    "p50_amount": MONEY_SUM,
    "p90_amount": MONEY_SUM,
    "width_factor": pl.Float64(),
    "won_amount": MONEY_SUM,
    "actual_amount": MONEY_SUM,
    "naive_amount": MONEY_SUM,
    "excluded_deals": pl.Int64(),
    "actual_excluded_deals": pl.Int64(),
    "is_insufficient_history": pl.Boolean(),
    "fell_back_to": pl.String(),
    "is_scored": pl.Boolean(),
}

# Months have 28 to 31 days: bounds half-way between whole months keep all ends of a next month in one bucket.
_LEADS = (("0-14", 14), ("15-45", 45), ("46-75", 75), ("76-105", 105))
_LAST_LEAD = "106+"
# Two more that hold several of them: whatever is a month ahead or more, and everything.
LONG_LEADS, ALL_LEADS = "30+", "all"
LONG_LEAD_DAYS = 30
# Those that do not overlap.
LEADS = (*(name for name, _ in _LEADS), _LAST_LEAD)
LEAD_BUCKETS = (*LEADS, LONG_LEADS, ALL_LEADS)

# With fewer, one miss moves the coverage of an interval by more than half of what is allowed around 80 % and 90 %.
MINIMUM_PERIODS = 8
# definitions.md section 9: the champion is that of the last eight as-of dates with a scored period.
CHAMPION_AS_OFS = 8

GROUP = ("source", "method", "funnel", "period_kind", "lead_bucket", "part")

# Tenths by which a shortfall weighs in the loss at p10, p50, p90; an excess weighs ten less these.
_TENTHS = {"p10": 1, "p50": 5, "p90": 9}


def lead_bucket(lead_days: pl.Expr) -> pl.Expr:
    """The bucket of days from as-of to the period's end: around none, one, two, three months, and more.

    Null where there is no end: what is overdue or undated is due at no lead at all.
    """
    chosen: pl.Expr = pl.lit(_LAST_LEAD)
    for name, up_to in reversed(_LEADS):
        chosen = pl.when(lead_days <= up_to).then(pl.lit(name)).otherwise(chosen)
    bucket: pl.Expr = pl.when(lead_days.is_not_null()).then(chosen)
    return bucket


def accuracy(said: pl.DataFrame, methods: Sequence[str], held: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row per GROUP, LEAD_BUCKETS with the two wide ones among them; rows in that order of methods.

    Args:
        said: rows of SAID.
        methods: names, simplest first; the simpler one is champion where two are equal.
        held: `calibration.brier_by_lead`; null stands where it has no row.

    Columns beside GROUP, over the n pairs that are scored:
        n, n_as_ofs, n_periods; n_silent: the period is over and the method said nothing. n_fell_back: another
            method spoke for it. n_periods_unknown_amounts: periods that are over and not scored, because not every
            amount that was won in them is known.
        forecast_amount, actual_amount: sums.
        wape: sum |forecast - actual| / sum |actual|. bias: sum (forecast - actual) / sum |actual|, positive where too
            much was said. Both null where nothing came: an error has no share of zero.
        mase: mean |forecast - actual| over mean |naive - actual|, naive being what the same period a year before
            brought, over the n_naive pairs that have one (R. J. Hyndman and A. B. Koehler, 2006, with a season of a
            year). Null where the naive forecast was right throughout, and for part `open`, which had no year before.
        coverage: share of the n_intervals actuals from p10 to p90, both included. width: sum (p90 - p10) / sum
            |actual|. mean_width_amount: mean p90 - p10.
        pinball_p10, pinball_p50, pinball_p90, pinball_loss: mean loss in money, at each and over the three
            (R. Koenker and G. Bassett, 1978).
        brier, ece, n_chances: of the chance to be won by the end of the period, for both parts alike.
        is_insufficient_history: there are fewer than MINIMUM_PERIODS periods.
        is_champion: the method is that of the funnel, by the backtest.
    """
    wide = _with_wide_buckets(said)
    groups = wide.select(GROUP).unique()
    measured = (
        groups.join(_not_scored(wide), on=GROUP, how="left")
        .join(_measured(wide.filter("is_scored")), on=GROUP, how="left")
        .join(champions(said, methods).with_columns(is_champion=True), on=["funnel", "method"], how="left")
        .with_columns(
            pl.col("n", "n_as_ofs", "n_periods", "n_naive", "n_intervals", "n_silent", "n_fell_back").fill_null(0),
            pl.col("is_champion").fill_null(value=False),
        )
        .with_columns(is_insufficient_history=pl.col("n_periods") < MINIMUM_PERIODS)
    )
    chances = held if held is not None else pl.DataFrame(schema=HELD)
    return (
        measured.join(chances, on=[*GROUP[:-1]], how="left")
        .select(*GROUP, *MEASURES)
        .pipe(lambda table: table.sort(reading_order(table, methods)))
    )


def reading_order(table: pl.DataFrame, methods: Sequence[str]) -> list[pl.Expr]:
    """What to sort by so that people find their way: periods from short to long, methods from simple to rich."""
    orders = {
        "source": (BACKTEST, NIGHT),
        "funnel": (ALL,),
        "period_kind": ("month", "quarter"),
        "question": QUESTIONS,
        "lead_bucket": LEAD_BUCKETS,
        "part": (TOTAL, OPEN),
        "method": methods,
    }
    return [_rank(name, order) for name, order in orders.items() if name in table.columns] + [
        pl.col(name) for name in ("bin",) if name in table.columns
    ]


HELD = {
    **{name: pl.String() for name in GROUP[:-1]},
    "brier": pl.Float64(),
    "ece": pl.Float64(),
    "n_chances": pl.Int64(),
}

MEASURES = (
    "n",
    "n_as_ofs",
    "n_periods",
    "n_periods_unknown_amounts",
    "n_silent",
    "n_fell_back",
    "forecast_amount",
    "actual_amount",
    "wape",
    "bias",
    "n_naive",
    "mase",
    "n_intervals",
    "coverage",
    "width",
    "mean_width_amount",
    "pinball_p10",
    "pinball_p50",
    "pinball_p90",
    "pinball_loss",
    "n_chances",
    "brier",
    "ece",
    "is_insufficient_history",
    "is_champion",
)


def champions(said: pl.DataFrame, methods: Sequence[str]) -> pl.DataFrame:
    """One row per funnel with a champion: funnel, method. Others have none; nights play no part in it.

    The lowest mean pinball loss of part `total` over the last CHAMPION_AS_OFS as-of dates with a scored period; the
    simpler method where two are equal. Only methods that spoke of as many periods as the one that spoke of most are
    compared, over those that all of them spoke of: silence about a hard period must not win. A method that at night
    does not say when (`method.WITHOUT_TIMING`) is none: it would lead a page without a figure for any period.
    """
    pairs = said.filter(
        (pl.col("source") == BACKTEST)
        & (pl.col("part") == TOTAL)
        & ~pl.col("method").is_in(WITHOUT_TIMING)
        & pl.col("is_scored")
        & pl.all_horizontal(pl.col("p10_amount", "p50_amount", "p90_amount").is_not_null())
    ).filter(pl.col("as_of_date").rank("dense", descending=True).over("funnel") <= CHAMPION_AS_OFS)
    spoke = pl.len().over("funnel", "method")
    candidates = pairs.filter(spoke == spoke.max().over("funnel"))
    pair = ("funnel", "as_of_date", "period_kind", "period_start")
    shared = candidates.filter(pl.len().over(pair) == pl.col("method").n_unique().over("funnel"))
    return (
        shared.group_by("funnel", "method")
        .agg(pl.sum_horizontal(*(_loss_tenths(quantile) for quantile in _TENTHS)).sum().alias("loss"))
        .sort("funnel", "loss", _rank("method", methods))
        .unique("funnel", keep="first", maintain_order=True)
        .select("funnel", "method")
    )


def _with_wide_buckets(said: pl.DataFrame) -> pl.DataFrame:
    is_long = pl.col("lead_days") >= LONG_LEAD_DAYS
    return pl.concat(
        [
            said,
            said.filter(is_long).with_columns(lead_bucket=pl.lit(LONG_LEADS)),
            said.with_columns(lead_bucket=pl.lit(ALL_LEADS)),
        ]
    )


def _not_scored(wide: pl.DataFrame) -> pl.DataFrame:
    is_silent = pl.col("actual_amount").is_not_null() & pl.col("forecast_amount").is_null()
    is_unknown = (pl.col("actual_excluded_deals") > 0).fill_null(value=False)
    return wide.group_by(GROUP).agg(
        _count(is_silent.sum()).alias("n_silent"),
        _count(pl.col("period_start").filter(is_unknown).n_unique()).alias("n_periods_unknown_amounts"),
    )


def _measured(scored: pl.DataFrame) -> pl.DataFrame:
    forecast, actual, naive = pl.col("forecast_amount"), pl.col("actual_amount"), pl.col("naive_amount")
    low, high = pl.col("p10_amount"), pl.col("p90_amount")
    has_interval = pl.all_horizontal(pl.col("p10_amount", "p50_amount", "p90_amount").is_not_null())
    losses = {quantile: pl.when(has_interval).then(_loss_tenths(quantile)) for quantile in _TENTHS}
    sums = scored.group_by(GROUP).agg(
        _count(pl.len()).alias("n"),
        _count(pl.col("as_of_date").n_unique()).alias("n_as_ofs"),
        _count(pl.col("period_start").n_unique()).alias("n_periods"),
        _count(pl.col("fell_back_to").is_not_null().sum()).alias("n_fell_back"),
        _count(naive.is_not_null().sum()).alias("n_naive"),
        _count(has_interval.sum()).alias("n_intervals"),
        forecast.sum(),
        actual.sum(),
        actual.abs().sum().alias("size"),
        (forecast - actual).abs().sum().alias("error"),
        (forecast - actual).abs().filter(naive.is_not_null()).sum().alias("error_beside_naive"),
        (naive - actual).abs().sum().alias("naive_error"),
        _count((has_interval & actual.is_between(low, high)).sum()).alias("covered"),
        (high - low).filter(has_interval).sum().alias("widths"),
        actual.abs().filter(has_interval).sum().alias("size_with_interval"),
        *(loss.sum().alias(f"tenths_{quantile}") for quantile, loss in losses.items()),
    )
    intervals = pl.col("n_intervals")
    pinball = {quantile: _ratio(f"tenths_{quantile}", 10 * intervals) for quantile in _TENTHS}
    return sums.with_columns(
        _ratio("error", _number("size")).alias("wape"),
        _ratio(forecast - actual, _number("size")).alias("bias"),
        _ratio("error_beside_naive", _number("naive_error")).alias("mase"),
        _ratio("covered", intervals).alias("coverage"),
        _ratio("widths", _number("size_with_interval")).alias("width"),
        _ratio("widths", intervals).alias("mean_width_amount"),
        *(loss.alias(f"pinball_{quantile}") for quantile, loss in pinball.items()),
        _ratio(pl.sum_horizontal(*(f"tenths_{quantile}" for quantile in _TENTHS)), 30 * intervals).alias(
            "pinball_loss"
        ),
    )


def _loss_tenths(quantile: str) -> pl.Expr:
    """Ten times the pinball loss of one row, exactly."""
    short = pl.col("actual_amount") - pl.col(f"{quantile}_amount")
    tenths = _TENTHS[quantile]
    return pl.when(short >= 0).then(short * tenths).otherwise(-short * (10 - tenths)).cast(MONEY_SUM)


def _ratio(top: str | pl.Expr, bottom: pl.Expr) -> pl.Expr:
    return pl.when(bottom != 0).then(_number(top) / bottom)


def _number(of: str | pl.Expr) -> pl.Expr:
    return (pl.col(of) if isinstance(of, str) else of).cast(pl.Float64)


def _count(of: pl.Expr) -> pl.Expr:
    return of.cast(pl.Int64)


def _rank(column: str, order: Sequence[str]) -> pl.Expr:
    """Place in an order; names that it lacks come last, by name."""
    known = list(order)
    place = pl.col(column).replace_strict(known, list(range(len(known))), default=len(known), return_dtype=pl.Int64)
    return pl.struct(place, pl.col(column).alias("name"))
