"""The served tables that say how good forecasts were.

Belongs here: putting together backtest, record of nights, measures, calibration and champion, and stamping them with
the night. Not here: how any of them is worked out, files, the clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from orchestration.forecasting.accuracy import accuracy
from orchestration.forecasting.backtest import DRAWS, backtest, record
from orchestration.forecasting.calibration import brier_by_lead, calibration
from orchestration.forecasting.inputs import ForecastHistory
from orchestration.forecasting.method import ForecastMethod
from orchestration.forecasting.registry import METHODS

# Each table begins with business_date; no two of its rows agree on these.
KEYS = {
    "forecast_backtest": ("business_date", "as_of_date", "method", "funnel", "period_kind", "period_start", "part"),
    "forecast_record": ("business_date", "as_of_date", "method", "funnel", "period_kind", "period_start", "part"),
    "forecast_accuracy": ("business_date", "source", "method", "funnel", "period_kind", "lead_bucket", "part"),
    "forecast_calibration": ("business_date", "method", "funnel", "question", "bin"),
}


@dataclass(frozen=True, eq=False)
class TrackRecord:
    """tables: by the names of KEYS. width_factors: for tonight's intervals, see `widening.py`.

    kept: for the track record of the next night, see `said_then.py`.
    """

    tables: dict[str, pl.DataFrame]
    width_factors: pl.DataFrame
    kept: pl.DataFrame


def track_record(
    history: ForecastHistory,
    nights: pl.DataFrame | None = None,
    methods: Sequence[ForecastMethod] = METHODS,
    *,
    draws: int = DRAWS,
    begun: Callable[[date], None] = lambda _: None,
    code: str = "",
    kept: pl.DataFrame | None = None,
) -> TrackRecord:
    """Try the methods on the past as-of dates, and hold what nights said to what came.

    Args:
        nights: rows of `forecast_period` as nights left them when they were first published, with `is_republished`
            where they may have been published again; null where no night left any.
        draws: simulated outcomes per method and as-of date.
        begun: is called with each as-of date as it is tried.
        code, kept: as for `backtest`.
    """
    names = [method.name for method in methods]
    tonight = history.inputs()
    tried = backtest(history, methods, draws=draws, begun=begun, code=code, kept=kept)
    recorded = record(nights, tonight, methods) if nights is not None else tried.said.clear()
    said = pl.concat([tried.said, recorded])
    tables = {
        "forecast_backtest": tried.said,
        "forecast_record": _with_republished(recorded, nights),
        "forecast_accuracy": accuracy(said, names, brier_by_lead(tried.answered)),
        "forecast_calibration": calibration(tried.answered, names, tonight.minimum_n),
    }
    night = pl.lit(history.business_date).alias("business_date")
    stamped = {name: table.select(night, pl.all()) for name, table in tables.items()}
    return TrackRecord(stamped, tried.width_factors, tried.kept)


def _with_republished(recorded: pl.DataFrame, nights: pl.DataFrame | None) -> pl.DataFrame:
    """Adds whether the night of each row has been published again since with another forecast."""
    if nights is None or "is_republished" not in nights.columns:
        return recorded.with_columns(is_republished=pl.lit(value=False))
    days = nights.filter("is_republished")["business_date"].unique()
    return recorded.with_columns(is_republished=pl.col("as_of_date").is_in(days.implode()))
