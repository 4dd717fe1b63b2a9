"""What a forecast method is, and what it returns.

Belongs here: the protocol and what all methods share about a deal. Not here: any method, or the list of them.
"""

from dataclasses import dataclass
from typing import Protocol

import polars as pl

from orchestration.forecasting.inputs import ForecastInputs


@dataclass(frozen=True, eq=False)
class MethodForecast:
    """The forecast of one method.

    deals: one row per open deal: deal_key, funnel, stage, segment, win_rate Decimal(13, 12), rate_n,
        is_insufficient_history, amount_reporting, expected_amount Decimal(18, 2) nullable, amount_exclusion (why
        expected_amount is null), period_start, period_status; further columns are dropped.
    periods: as `periods.period_rows` or `periods.untimed_rows` give them.
    """

    deals: pl.DataFrame
    periods: pl.DataFrame


class ForecastMethod(Protocol):
    """A module of `methods/` with a name and this function."""

    @property
    def name(self) -> str: ...

    def forecast(self, inputs: ForecastInputs, /) -> MethodForecast: ...


def unusable_amount() -> pl.Expr:
    """Why a deal's own amount cannot be multiplied by a chance; null where it can."""
    amount = pl.col("amount_reporting")
    return (
        pl.when(amount.is_null())
        .then(pl.coalesce("amount_exclusion", pl.lit("missing_amount")))
        .when(amount < 0)
        .then(pl.lit("negative_amount"))
    )
