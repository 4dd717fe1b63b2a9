"""How well the chances of single deals held: Brier score, reliability by tenths, expected calibration error.

Belongs here: measures over chances and whether the deals were won. Not here: how chances are gathered (`backtest.py`),
amounts, the champion.

Whether a deal is won at all is known only when it has ended, and deals that take long are not those that are quick: to
judge the ended ones alone would flatter whoever promises quick ends. So chances are judged by two kinds of question.

* Will it be won by the end of the running or the next month or quarter? Known of every deal once the period is over:
  a deal that is still open then was not won by then. Nothing is left out.
* Will it ever be won (`eventual`)? Asked of the as-of dates alone at which at most OPEN_SHARE of the funnel's deals
  have not ended by tonight. Those are counted as n_still_open and belong to no bin.

A deal is asked about at every as-of date at which it was open, so answers are not independent: the Wilson interval of
an observed share is that of as many single deals, and too narrow where few deals were asked about often.
"""

from collections.abc import Sequence

import polars as pl

from orchestration.forecasting.accuracy import (
    ALL_LEADS,
    BACKTEST,
    EVENTUAL,
    HELD,
    LONG_LEAD_DAYS,
    LONG_LEADS,
    reading_order,
)
from orchestration.forecasting.inputs import ALL, RATE

# The accuracy that is asked of a chance: leaving out one deal in twenty moves an observed share by no more.
OPEN_SHARE = 0.05

# One row per as-of date, method, funnel, question and chance that was given: how many deals, how many of them won.
ANSWERED = {
    "as_of_date": pl.Date(),
    "method": pl.String(),
    "funnel": pl.String(),
    "question": pl.String(),
    "period_kind": pl.String(),
    "lead_days": pl.Int64(),
    "lead_bucket": pl.String(),
    "chance": RATE,
    "deals": pl.Int64(),
    "won_deals": pl.Int64(),
    "still_open_deals": pl.Int64(),
}

CALIBRATION = (
    "method",
    "funnel",
    "question",
    "bin",
    "n",
    "won_deals",
    "lowest_chance",
    "highest_chance",
    "mean_chance",
    "observed_share",
    "observed_low",
    "observed_high",
    "n_as_ofs",
    "n_still_open",
    "n_without_chance",
    "brier",
    "ece",
    "is_insufficient_history",
)

_UNITS = 10**12
_Z = 1.959963984540054


def calibration(answered: pl.DataFrame, methods: Sequence[str], minimum_n: int) -> pl.DataFrame:
    """One row per method, funnel (`all` too), question and bin; bin 0 stands for all of them.

    Bins 1 to 10 are tenths of the deals by the chance they were given; equal chances stay together, so that a bin may
    be missing. Columns: n and won_deals; lowest, highest and mean chance; observed_share with its Wilson interval of
    95 %; n_as_ofs. In bin 0 alone: n_still_open and n_without_chance (asked and not in n), brier (mean squared
    difference of chance and 0 or 1; G. W. Brier, 1950), ece (mean |mean chance - observed share| over bins, weighted
    by n). is_insufficient_history: n is below minimum_n.

    answered: rows of ANSWERED, with no row of funnel `all`. Every method, funnel and question in it has its bin 0.
    """
    asked = _answerable(_with_all_funnels(answered))
    keys = ["method", "funnel", "question"]
    bins = _bins(asked, keys)
    scores = _scores(bins, asked, keys)
    left_out = asked.group_by(keys).agg(
        pl.col("still_open_deals").sum().alias("n_still_open"),
        pl.col("deals").filter(pl.col("chance").is_null()).sum().alias("n_without_chance"),
    )
    whole = _summary(_known(asked).with_columns(bin=pl.lit(0, pl.Int64)), [*keys, "bin"])
    everything = (
        answered.pipe(_with_all_funnels)
        .select(keys)
        .unique()
        .join(whole.drop("bin"), on=keys, how="left")
        .join(scores, on=keys, how="left")
        .join(left_out, on=keys, how="left")
        .with_columns(
            pl.lit(0, pl.Int64).alias("bin"),
            pl.col("n", "won_deals", "n_as_ofs", "n_still_open", "n_without_chance").fill_null(0),
        )
    )
    return (
        pl.concat([everything, _summary(bins, [*keys, "bin"])], how="diagonal")
        .with_columns(is_insufficient_history=pl.col("n") < minimum_n, **_wilson(pl.col("won_deals"), pl.col("n")))
        .select(CALIBRATION)
        .pipe(lambda table: table.sort(reading_order(table, methods)))
    )


def brier_by_lead(answered: pl.DataFrame) -> pl.DataFrame:
    """One row per method, funnel, period_kind and lead bucket: brier, ece and n_chances of the dated questions."""
    dated = answered.filter(pl.col("question") != EVENTUAL).pipe(_with_all_funnels)
    wide = pl.concat(
        [
            dated,
            dated.filter(pl.col("lead_days") >= LONG_LEAD_DAYS).with_columns(lead_bucket=pl.lit(LONG_LEADS)),
            dated.with_columns(lead_bucket=pl.lit(ALL_LEADS)),
        ]
    )
    keys = ["method", "funnel", "period_kind", "lead_bucket"]
    scores = _scores(_bins(wide, keys), wide, keys).rename({"n_scored": "n_chances"})
    return scores.select(pl.lit(BACKTEST).alias("source"), *[name for name in HELD if name != "source"])


def _with_all_funnels(answered: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([answered, answered.with_columns(funnel=pl.lit(ALL))])


def _answerable(asked: pl.DataFrame) -> pl.DataFrame:
    """Without the `eventual` questions of as-of dates whose deals have not ended."""
    still_open = pl.col("still_open_deals").sum().over("method", "funnel", "question", "as_of_date")
    deals = pl.col("deals").sum().over("method", "funnel", "question", "as_of_date")
    return asked.filter((pl.col("question") != EVENTUAL) | (still_open <= OPEN_SHARE * deals))


def _known(asked: pl.DataFrame) -> pl.DataFrame:
    """The deals that have a chance and an end, with `n` of them and their chances in units of 10^-12."""
    return (
        asked.filter(pl.col("chance").is_not_null())
        .with_columns(n=pl.col("deals") - pl.col("still_open_deals"), units=pl.col("chance").to_physical())
        .with_columns(pl.col("units").cast(pl.Int128))
        .filter(pl.col("n") > 0)
    )


def _bins(asked: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """`_known` with the tenth of each chance: that in which the middle one of the deals with this very chance lies."""
    known = _known(asked)
    tenths = (
        known.group_by([*keys, "chance"])
        .agg(pl.col("n").sum())
        .sort([*keys, "chance"])
        .with_columns(up_to=pl.col("n").cum_sum().over(keys), whole=pl.col("n").sum().over(keys))
        .select(*keys, "chance", bin=10 * (2 * pl.col("up_to") - pl.col("n")) // (2 * pl.col("whole")) + 1)
    )
    return known.join(tenths, on=[*keys, "chance"])


def _summary(bins: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    n, units = pl.col("n"), pl.col("units")
    return (
        bins.group_by(keys)
        .agg(
            n.sum(),
            pl.col("won_deals").sum(),
            pl.col("chance").min().alias("lowest_chance"),
            pl.col("chance").max().alias("highest_chance"),
            (n * units).sum().cast(pl.Float64).alias("promised"),
            pl.col("as_of_date").n_unique().cast(pl.Int64).alias("n_as_ofs"),
        )
        .with_columns(
            mean_chance=pl.col("promised") / _UNITS / n,
            observed_share=pl.col("won_deals") / n,
        )
        .drop("promised")
    )


def _scores(bins: pl.DataFrame, asked: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """brier, ece and n_scored by group, from sums of whole numbers; null where nothing is known."""
    n, units, won = pl.col("n"), pl.col("units"), pl.col("won_deals").cast(pl.Int128)
    squares = n * units * units - 2 * won * units * _UNITS + won * pl.lit(_UNITS**2, pl.Int128)
    gaps = bins.group_by([*keys, "bin"]).agg(
        n.sum(), (n * units - won * _UNITS).sum().abs().alias("gap"), squares.sum().alias("squares")
    )
    scores = gaps.group_by(keys).agg(
        n.sum().alias("n_scored"),
        (pl.col("squares").sum().cast(pl.Float64) / _UNITS**2 / n.sum()).alias("brier"),
        (pl.col("gap").sum().cast(pl.Float64) / _UNITS / n.sum()).alias("ece"),
    )
    return asked.select(keys).unique().join(scores, on=keys, how="left").with_columns(pl.col("n_scored").fill_null(0))


def _wilson(won: pl.Expr, n: pl.Expr) -> dict[str, pl.Expr]:
    """Wilson score interval (E. B. Wilson, 1927), 95 %; null where n is 0."""
    share, z2 = won / n, _Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * (share * (1 - share) / n + z2 / (4 * n * n)).sqrt() / (1 + z2 / n)
    return {
        "observed_low": pl.when(n > 0).then((middle - half).clip(0, 1)),
        "observed_high": pl.when(n > 0).then((middle + half).clip(0, 1)),
    }
