"""A harness that catches a forecast, a feature or a model that knew on an as-of date what became known later.

`planted` puts facts after a date into everything a history holds; `leaks` makes something of the history with and
without them and says what differs. What is made of a date may depend on that date and those before it alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from orchestration.forecasting.inputs import ForecastHistory
from orchestration.forecasting.method import ForecastMethod

Made = Mapping[str, pl.DataFrame]
Maker = Callable[[ForecastHistory, date], Made]


def by_method(method_of: Callable[[ForecastHistory], ForecastMethod]) -> Maker:
    """What a method makes of a date. It is built from the history, so that one which looks past as-of can be tried."""

    def made(history: ForecastHistory, day: date) -> Made:
        forecast = method_of(history).forecast(history.inputs(day))
        return {"deals": forecast.deals, "chances": forecast.chances, "new_business": forecast.new_business}

    return made


def leaks(made: Maker, history: ForecastHistory, after: ForecastHistory, days: list[date] | None = None) -> list[str]:
    """What differs on as-of dates when later facts are planted: sentences of date, frame and column; none is good.

    Args:
        made: named frames made of a history and a date, such as `by_method(...)` or features.
        history: as it was. after: with facts planted after the last of `days`.
        days: the dates to try; by default the first half of the past as-of dates.
    """
    tried = days if days is not None else list(history.as_of_dates[: max(1, len(history.as_of_dates) // 2)])
    found = []
    for day in tried:
        before, now = made(history, day), made(after, day)
        if set(before) != set(now):
            found.append(f"{day}: {sorted(before)} became {sorted(now)}")
        for name in sorted(set(before) & set(now)):
            found += [f"{day} {name}{what}" for what in _differences(before[name], now[name])]
    return found


def planted(history: ForecastHistory, day: date) -> ForecastHistory:
    """The same history with another future: every fact after `day` that its tables can hold.

    Deals open on `day` are won, all at once and for much; wins of before are undone and corrected; deals that were not
    closed by then close; what was known on later as-of dates is another funnel altogether; deals are created.
    """
    tables = dict(history.tables)
    later = day + timedelta(days=9)
    opened = tables["forecast_open_deals"].filter(pl.col("as_of_date") == day)
    wins = opened.select(
        "deal_key",
        "funnel",
        "segment",
        "team",
        "owner_key",
        pl.lit(day).alias("created_on"),
        pl.lit(later).alias("won_on"),
        amount_reporting=pl.lit(Decimal("7777777.00")),
        amount_when_won=pl.lit(Decimal("7777777.00")),
    )
    known = tables["forecast_won_deals"].with_columns(
        undone_on=pl.when(pl.col("won_on") <= day)
        .then(pl.coalesce(pl.when(pl.col("undone_on") <= day).then("undone_on"), pl.lit(later)))
        .otherwise("undone_on"),
        amount_reporting=pl.col("amount_reporting") * 3,
    )
    known = known.join(wins, on=["deal_key", "won_on"], how="anti")
    tables["forecast_won_deals"] = pl.concat([known, wins], how="diagonal_relaxed")
    tables["forecast_deal_outcomes"] = tables["forecast_deal_outcomes"].with_columns(
        won_on=_unless(pl.col("won_on") <= day, "won_on", pl.lit(later)),
        won_amount_reporting=_unless(pl.col("won_on") <= day, "won_amount_reporting", pl.lit(Decimal("7777777.00"))),
        closed_on=_unless(pl.col("closed_on") <= day, "closed_on", pl.lit(later)),
        outcome=_unless(pl.col("closed_on") <= day, "outcome", pl.lit("won")),
    )
    is_later = pl.col("as_of_date") > day
    tables["forecast_open_deals"] = tables["forecast_open_deals"].with_columns(
        amount_reporting=pl.when(is_later).then(pl.lit(Decimal("1.00"))).otherwise("amount_reporting"),
        expected_close_date=pl.when(is_later).then(pl.lit(later)).otherwise("expected_close_date"),
        probability=pl.when(is_later).then(1.0).otherwise("probability"),
        pushes=pl.when(is_later).then(99).otherwise("pushes"),
    )
    tables["forecast_hazard_counts"] = tables["forecast_hazard_counts"].with_columns(
        pl.when(is_later).then(pl.col(name) * 97 + 1).otherwise(name).alias(name) for name in ("visits", "days")
    )
    tables["forecast_stage_amounts"] = tables["forecast_stage_amounts"].with_columns(
        amount_won=pl.when(is_later).then(pl.col("amount_won") * 5).otherwise("amount_won")
    )
    created = opened.select("funnel", "segment", "team", "owner_key", "stage").unique()
    tables["forecast_creations"] = pl.concat(
        [
            tables["forecast_creations"].filter(pl.col("created_on") != later),
            created.with_columns(created_on=pl.lit(later), deals=pl.lit(5000, pl.Int64)),
        ],
        how="diagonal_relaxed",
    )
    schemas = {name: frame.schema for name, frame in history.tables.items()}
    typed = {name: frame.select(pl.col(c).cast(k) for c, k in schemas[name].items()) for name, frame in tables.items()}
    return replace(history, tables=typed)


def _unless(is_known: pl.Expr, column: str, planted_value: pl.Expr) -> pl.Expr:
    return pl.when(is_known.fill_null(value=False)).then(column).otherwise(planted_value)


def _differences(before: pl.DataFrame, now: pl.DataFrame) -> list[str]:
    if before.columns != now.columns:
        return [f" has columns {now.columns} and had {before.columns}"]
    if before.height != now.height:
        return [f" has {now.height} rows and had {before.height}"]
    changed = [(name, before[name].ne_missing(now[name]).sum()) for name in before.columns]
    return [f".{name} differs in {rows} of {before.height} rows" for name, rows in changed if rows]
