"""Runs the registered methods on one night's inputs and gives the served tables.

Belongs here: putting methods side by side in `forecast_deal` and `forecast_period`. Not here: any method's
arithmetic, files, the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import ForecastMethod
from orchestration.forecasting.registry import METHODS

DEAL_COLUMNS = (
    "deal_key",
    "funnel",
    "stage",
    "segment",
    "win_rate",
    "rate_n",
    "is_insufficient_history",
    "amount_reporting",
    "expected_amount",
    "amount_exclusion",
    "period_start",
    "period_status",
)


class ForecastSumError(Exception):
    """A method's parts do not sum to its whole; the sentence names method, funnel and both sums."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """forecast_deal: one row per method and open deal. forecast_period: one row per method, funnel and period."""

    deals: pl.DataFrame
    periods: pl.DataFrame


def forecast(inputs: ForecastInputs, methods: Sequence[ForecastMethod] = METHODS) -> Forecast:
    """Run the methods; rows in the order of method, then key, whatever the order of the inputs.

    Raises:
        ForecastSumError: the deals of a method do not sum to its periods, to the cent.
    """
    deals, periods = [], []
    for method in methods:
        made = method.forecast(inputs)
        _refuse_unequal_sums(method.name, made.deals, made.periods)
        stamp = [pl.lit(inputs.business_date).alias("business_date"), pl.lit(method.name).alias("method")]
        deals.append(made.deals.select(*stamp, *DEAL_COLUMNS).sort("deal_key"))
        periods.append(made.periods.select(*stamp, *made.periods.columns))
    return Forecast(deals=pl.concat(deals), periods=pl.concat(periods))


def _refuse_unequal_sums(method: str, deals: pl.DataFrame, periods: pl.DataFrame) -> None:
    whole = deals["expected_amount"].sum()
    for kind in ("month", "quarter"):
        parts = periods.filter((pl.col("funnel") == "all") & pl.col("period_kind").is_in([kind, "none"]))
        if parts["open_amount"].sum() != whole or parts["open_deals"].sum() != deals.height:
            raise ForecastSumError(
                f"{method}: {deals.height} deals sum to {whole}, its rows by {kind} hold"
                f" {parts['open_deals'].sum()} deals and sum to {parts['open_amount'].sum()}; the method is wrong"
            )
