"""What each method would have said on past as-of dates, next to what came; and what published nights did say.

Belongs here: which periods are asked about, running the methods on each as-of date, pairing a forecast with its actual
and a chance with the end of its deal. Not here: measures of those pairs (`accuracy.py`, `calibration.py`), any method,
where history is cut (`inputs.py`), files, the clock.

A method sees the inputs of its as-of date and nothing else. What came is added afterwards, as known tonight.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from orchestration.forecasting.accuracy import BACKTEST, EVENTUAL, NIGHT, OPEN, SAID, TOTAL, lead_bucket
from orchestration.forecasting.calibration import ANSWERED
from orchestration.forecasting.forecast import Forecast, forecast
from orchestration.forecasting.inputs import ALL, MONEY_SUM, RATE, ForecastHistory, ForecastInputs
from orchestration.forecasting.method import ForecastMethod, MethodForecast
from orchestration.forecasting.periods import DATED, placed_by_close_date
from orchestration.forecasting.registry import METHODS
from orchestration.forecasting.said_then import KEPT, SaidThen, fingerprint, known_answers
from orchestration.forecasting.widening import widened, width_factors

# Five hundred draws leave p10 and p90 within a twelfth of a standard deviation: less than 24 as-of dates can tell.
DRAWS = 500

# The columns of SAID that the future has no part in.
SPOKEN = {
    name: kind for name, kind in SAID.items() if name not in ("actual_amount", "actual_excluded_deals", "is_scored")
}

QUESTIONS = ("running_month", "next_month", "running_quarter", "next_quarter")

_PERIOD = ["funnel", "period_kind", "period_start"]
# What is read of forecast_period; nights of before a column was added do not have it.
_READ = {
    "scope": pl.String(),
    "excluded_deals": pl.Int64(),
    "won_amount": MONEY_SUM,
    "is_insufficient_history": pl.Boolean(),
    "fell_back_to": pl.String(),
    "width_factor": pl.Float64(),
    **{
        f"{part}{name}_amount": MONEY_SUM
        for part, names in (("", ("total", "p10", "p50", "p90")), ("open_", ("p10", "p50", "p90")))
        for name in names
    },
    "open_amount": MONEY_SUM,
}
_PARTS = {
    TOTAL: ("total_amount", "p10_amount", "p50_amount", "p90_amount"),
    OPEN: ("open_amount", "open_p10_amount", "open_p50_amount", "open_p90_amount"),
}
_OPEN_DEALS = {"as_of_date": pl.Date(), "deal_key": pl.String(), "funnel": pl.String()}


@dataclass(frozen=True, eq=False)
class Backtest:
    """What was said and what came.

    said: rows of accuracy.SAID, ordered. answered: rows of calibration.ANSWERED, ordered. width_factors: what
    intervals of tonight are to be stretched by, as `widening.width_factors` gives it. kept: rows of said_then.KEPT, for
    the next backtest.
    """

    said: pl.DataFrame
    answered: pl.DataFrame
    width_factors: pl.DataFrame
    kept: pl.DataFrame


@dataclass(frozen=True)
class _Placed:
    """A method whose overdue, undated and untimed chances are placed in a month."""

    method: ForecastMethod

    @property
    def name(self) -> str:
        return self.method.name

    def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
        return placed_by_close_date(self.method.forecast(inputs), inputs)


def backtest(
    history: ForecastHistory,
    methods: Sequence[ForecastMethod] = METHODS,
    *,
    draws: int = DRAWS,
    begun: Callable[[date], None] = lambda _: None,
    code: str = "",
    kept: pl.DataFrame | None = None,
) -> Backtest:
    """Every method on every past as-of date, in one pass.

    On each date the running and the next month and quarter are asked about, the running one being that in which the
    day after as-of lies: on the last day of a quarter nothing is left of it to forecast. A method without timing is
    placed by the close dates of the deals, and what is overdue or undated of it and of the methods that go by close
    dates themselves in the running month, so that no deal is outside all periods. An actual is what was won inside the
    period, of part `open` by the deals that were open at as-of; as known tonight, and null while the period is not over
    or where deals were won and no amount of them is known. Where the amounts of some are not known, it is what the
    others brought and the pair is not scored. A win that was undone by tonight did not come. A naive amount is what the
    same period a year before had brought, as known at as-of; null where the funnel is younger or that is not all known.
    Intervals of totals are stretched by what was known at as-of of how the earlier ones had held; those of part `open`
    are as simulated, as on a night.

    begun: is called with each date as it is tried.
    code, kept: what the backtest before this one kept is taken from it where all that it was made of is the same; see
        `said_then.py`. `code` is another one whenever the program is.

    Raises:
        ForecastInputsError: no fiscal period holds one of the dates.
    """
    tonight = history.inputs()
    names, known = [method.name for method in methods], known_answers(kept)
    keep: list[tuple[str, bytes, bytes]] = []
    said, answered = [_nothing(SAID)], [_nothing(ANSWERED)]
    totals = [_nothing(SPOKEN)]
    for day in history.as_of_dates:
        begun(day)
        inputs = history.inputs(day)
        asked = _asked(inputs.periods, [day])
        key = fingerprint(inputs, code, names, draws)
        then = known.get(key) or _said_then(inputs, asked, methods, draws)
        keep.append(then.kept_as(key))
        open_now = inputs.open_deals.select(pl.lit(day).alias("as_of_date"), "deal_key", "funnel")
        factors = width_factors(_compared(pl.concat(totals), inputs, _nothing(_OPEN_DEALS)))
        said.append(_compared(_stretched(then.spoken, factors), tonight, open_now))
        answered.append(_answered(then.chances, asked, history, tonight, open_now))
        totals.append(then.spoken.filter(pl.col("part") == TOTAL))
    return Backtest(
        said=_ordered(said, methods),
        answered=pl.concat(answered),
        width_factors=width_factors(_compared(pl.concat(totals), tonight, _nothing(_OPEN_DEALS))),
        kept=pl.DataFrame(keep, schema=KEPT, orient="row"),
    )


def record(nights: pl.DataFrame, tonight: ForecastInputs, methods: Sequence[ForecastMethod] = METHODS) -> pl.DataFrame:
    """What published nights said of their running and next periods, next to what came: rows of SAID, source `night`.

    Args:
        nights: rows of `forecast_period` as each night left them. They are the only forecasts that this record knows:
            no method is run, so that a better one of today cannot improve on what was said.
        tonight: what came, and what a year before brought, as known now.
        methods: for the order of rows alone.

    Part `total` alone: which deals were open is not kept of every night. Columns that a night did not have are null.
    """
    asked = _asked(tonight.periods, nights["business_date"].unique().to_list())
    spoken = _with_year_before(_spoken(nights, asked, NIGHT).filter(pl.col("part") == TOTAL), tonight)
    return _ordered([_nothing(SAID), _compared(spoken, tonight, _nothing(_OPEN_DEALS))], methods)


def won_in_periods(wins: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """What was won inside each period: one row per funnel with a win, `all` too, and row of `periods` with one.

    wins: funnel, won_on, amount_reporting, and as_of_date where each as-of date has wins of its own. periods: any
    columns with period_start and period_end, both days included, and as_of_date where wins have it. Columns out:
    funnel, those of periods, amount (null where no amount is known), excluded_deals (of unknown amount).
    """
    shared = [name for name in ("as_of_date",) if name in wins.columns]
    by_day = (
        pl.concat([wins, wins.with_columns(funnel=pl.lit(ALL))])
        .group_by("funnel", "won_on", *shared)
        .agg(
            pl.col("amount_reporting").cast(MONEY_SUM).sum().alias("amount"),
            pl.col("amount_reporting").count().cast(pl.Int64).alias("with_amount"),
            pl.col("amount_reporting").null_count().cast(pl.Int64).alias("excluded_deals"),
        )
    )
    beside = by_day.join(periods, on=shared) if shared else by_day.join(periods, how="cross")
    return (
        beside.filter(pl.col("won_on").is_between("period_start", "period_end"))
        .group_by("funnel", *periods.columns)
        .agg(
            pl.when(pl.col("with_amount").sum() > 0).then(pl.col("amount").sum()).alias("amount"),
            pl.col("excluded_deals").sum(),
        )
    )


def first_wins(open_deals: pl.DataFrame, won_deals: pl.DataFrame) -> pl.DataFrame:
    """The first win after as-of of each open deal that has one: columns of open_deals, won_on, amount_reporting."""
    later = open_deals.join(won_deals.select("deal_key", "won_on", "amount_reporting"), on="deal_key").filter(
        pl.col("won_on") > pl.col("as_of_date")
    )
    return later.sort("as_of_date", "deal_key", "won_on").unique(
        ["as_of_date", "deal_key"], keep="first", maintain_order=True
    )


def _said_then(inputs: ForecastInputs, asked: pl.DataFrame, methods: Sequence[ForecastMethod], draws: int) -> SaidThen:
    made = forecast(inputs, [_Placed(method) for method in methods], draws=draws, scopes=(ALL,))
    return SaidThen(_with_year_before(_spoken(made.periods, asked, BACKTEST), inputs), _chances(made, asked))


def _chances(made: Forecast, asked: pl.DataFrame) -> pl.DataFrame:
    """The chance of each deal to be won in the end and by the end of each period asked about, as SaidThen.chances."""
    ends = dict(asked.select("question", "period_end").iter_rows())
    by_end = (
        made.deal_periods.filter(pl.col("period_status") == DATED)
        .group_by("method", "deal_key")
        .agg(
            pl.col("chance").filter(pl.col("period_start") <= ends[question]).sum().cast(RATE).alias(question)
            if question in ends
            else pl.lit(None, RATE).alias(question)
            for question in QUESTIONS
        )
    )
    return (
        made.deals.select("method", "deal_key", "funnel", pl.col("win_rate").cast(RATE).alias(EVENTUAL))
        .join(by_end, on=["method", "deal_key"], how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col(EVENTUAL).is_not_null()).then(pl.col(question).fill_null(0)).alias(question)
            for question in ends
        )
    )


def _nothing(schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict(schema))


def _asked(periods: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """The running and the next month and quarter of each day, as they stand on the day after."""
    which = pl.when(pl.col("place") == 1).then(pl.lit("running")).otherwise(pl.lit("next"))
    lead_days = (pl.col("period_end") - pl.col("as_of_date")).dt.total_days()
    return (
        pl.DataFrame({"as_of_date": sorted(days)}, schema={"as_of_date": pl.Date})
        .join(periods.filter(pl.col("period_kind").is_in(["month", "quarter"])), how="cross")
        .filter(pl.col("period_end") > pl.col("as_of_date"))
        .with_columns(place=pl.col("period_start").rank("ordinal").over("as_of_date", "period_kind"))
        .filter(pl.col("place") <= 2)
        .select(
            "as_of_date",
            pl.concat_str(which, "period_kind", separator="_").alias("question"),
            "period_kind",
            "period_start",
            "period_end",
            "period_label",
            lead_days.alias("lead_days"),
            lead_bucket(lead_days).alias("lead_bucket"),
        )
    )


def _spoken(rows: pl.DataFrame, asked: pl.DataFrame, source: str) -> pl.DataFrame:
    """What rows of forecast_period say of the periods asked about: one row per part, without actuals."""
    absent = [pl.lit(None, kind).alias(name) for name, kind in _READ.items() if name not in rows.columns]
    spoken = (
        rows.with_columns(absent)
        .filter(pl.col("scope").fill_null(ALL) == ALL, pl.col("period_status") == DATED)
        .rename({"business_date": "as_of_date"})
        .drop("period_end", "period_label", strict=False)
        .join(asked, on=["as_of_date", "period_kind", "period_start"])
    )
    kept: list[str | pl.Expr] = [
        "as_of_date",
        "method",
        *_PERIOD,
        "period_end",
        "period_label",
        "lead_days",
        "lead_bucket",
        "won_amount",
        "excluded_deals",
        "is_insufficient_history",
        "fell_back_to",
        pl.col("width_factor").fill_null(1.0),
    ]
    names = ("forecast_amount", "p10_amount", "p50_amount", "p90_amount")
    return pl.concat(
        [
            spoken.select(
                pl.lit(source).alias("source"),
                *kept,
                pl.lit(part).alias("part"),
                *(pl.col(column).cast(MONEY_SUM).alias(name) for column, name in zip(columns, names, strict=True)),
            )
            for part, columns in _PARTS.items()
        ]
    )


def _with_year_before(spoken: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    """Adds naive_amount to part `total`: what the same period a year before brought.

    Null where history is younger, or the amount of any deal that was won then is not known.
    """
    periods = spoken.select("period_kind", "period_start", "period_end").unique()
    before = periods.select(
        "period_kind",
        pl.col("period_start").alias("asked_start"),
        pl.col("period_start").dt.offset_by("-1y").alias("period_start"),
        pl.col("period_end").dt.offset_by("1d").dt.offset_by("-1y").dt.offset_by("-1d").alias("period_end"),
    )
    brought = won_in_periods(inputs.won_deals.select("funnel", "won_on", "amount_reporting"), before)
    known = pl.concat(
        [
            inputs.won_deals.select("funnel", pl.col("won_on").alias("day")),
            inputs.creations.select("funnel", pl.col("created_on").alias("day")),
        ]
    )
    first = pl.concat([known, known.with_columns(funnel=pl.lit(ALL))]).group_by("funnel").agg(pl.col("day").min())
    known_whole = pl.when(pl.col("excluded_deals") == 0).then("amount")
    came = pl.when(pl.col("was_won").is_null()).then(pl.lit(0).cast(MONEY_SUM)).otherwise("amount_before")
    return (
        spoken.join(
            brought.select(
                "funnel", "period_kind", "asked_start", amount_before=known_whole, was_won=pl.lit(value=True)
            ),
            left_on=_PERIOD,
            right_on=["funnel", "period_kind", "asked_start"],
            how="left",
        )
        .join(first, on="funnel", how="left")
        .with_columns(
            naive_amount=pl.when(
                (pl.col("part") == TOTAL) & (pl.col("day") <= pl.col("period_start").dt.offset_by("-1y"))
            ).then(came)
        )
        .select(pl.col(name).cast(kind) for name, kind in SPOKEN.items())
    )


def _stretched(spoken: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """As a night serves them: totals stretched, open deals as simulated."""
    is_total = pl.col("part") == TOTAL
    totals = widened(spoken.filter(is_total), factors, floor="won_amount").select(*SPOKEN)
    return pl.concat([totals, spoken.filter(~is_total)])


def _compared(spoken: pl.DataFrame, tonight: ForecastInputs, open_deals: pl.DataFrame) -> pl.DataFrame:
    """Adds what came of each row, and whether the row counts."""
    wins = ["funnel", "won_on", "amount_reporting"]
    periods = ["period_kind", "period_start", "period_end"]
    of_all = won_in_periods(tonight.won_deals.select(wins), spoken.select(periods).unique())
    of_open = won_in_periods(
        first_wins(open_deals, tonight.won_deals).select("as_of_date", *wins),
        spoken.select("as_of_date", *periods).unique(),
    )
    days = spoken.select("as_of_date").unique()
    columns = ["as_of_date", *_PERIOD, "amount", "excluded_deals"]
    came = (
        pl.concat(
            [
                of_all.join(days, how="cross").select(*columns, part=pl.lit(TOTAL)),
                of_open.select(*columns, part=pl.lit(OPEN)),
            ]
        )
        .rename({"excluded_deals": "actual_excluded_deals"})
        .with_columns(was_won=pl.lit(value=True))
    )
    is_over = pl.col("period_end") <= tonight.business_date
    nothing = pl.lit(0).cast(MONEY_SUM)
    return (
        spoken.join(came, on=["as_of_date", *_PERIOD, "part"], how="left")
        .with_columns(
            actual_amount=pl.when(is_over).then(pl.when(pl.col("was_won").is_null()).then(nothing).otherwise("amount")),
            actual_excluded_deals=pl.when(is_over).then(pl.col("actual_excluded_deals").fill_null(0)),
        )
        .with_columns(
            is_scored=pl.all_horizontal(pl.col("forecast_amount", "actual_amount").is_not_null())
            & (pl.col("actual_excluded_deals") == 0)
        )
        .select(pl.col(name).cast(kind) for name, kind in SAID.items())
    )


def _answered(
    chances: pl.DataFrame,
    asked: pl.DataFrame,
    history: ForecastHistory,
    tonight: ForecastInputs,
    open_deals: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of ANSWERED of one as-of date: the questions whose period is over, and `eventual`."""
    over = asked.filter(pl.col("period_end") <= tonight.business_date)
    ends = dict(over.select("question", "period_end").iter_rows())
    won = first_wins(open_deals, tonight.won_deals).select("deal_key", "won_on")
    closed = history.outcomes.join(open_deals, on=["as_of_date", "deal_key"]).select("deal_key", "closed_on")
    ended = (
        open_deals.select("deal_key")
        .join(won, on="deal_key", how="left")
        .join(closed, on="deal_key", how="left")
        .select("deal_key", "won_on", is_open=pl.col("won_on").is_null() & pl.col("closed_on").is_null())
    )
    deals = chances.join(ended, on="deal_key")
    described = pl.concat(
        [
            over.select("as_of_date", "question", "period_kind", "lead_days", "lead_bucket"),
            asked.head(1).select("as_of_date", question=pl.lit(EVENTUAL)),
        ],
        how="diagonal",
    )
    counted = [
        deals.group_by("method", "funnel", pl.col(question).alias("chance")).agg(
            pl.lit(question).alias("question"),
            pl.len().alias("deals"),
            (pl.col("won_on").is_not_null() if end is None else (pl.col("won_on") <= end).fill_null(value=False))
            .sum()
            .alias("won_deals"),
            (pl.col("is_open").sum() if end is None else pl.lit(0)).alias("still_open_deals"),
        )
        for question, end in (*ends.items(), (EVENTUAL, None))
    ]
    return (
        pl.concat(counted, how="vertical_relaxed")
        .join(described, on="question")
        .select(pl.col(name).cast(kind) for name, kind in ANSWERED.items())
        .sort("method", "funnel", "question", "chance")
    )


def _ordered(parts: Sequence[pl.DataFrame], methods: Sequence[ForecastMethod]) -> pl.DataFrame:
    names = [method.name for method in methods]
    place = pl.col("method").replace_strict(names, list(range(len(names))), default=len(names))
    return pl.concat(parts).sort("as_of_date", "funnel", *_PERIOD[1:], "part", place, "method")
