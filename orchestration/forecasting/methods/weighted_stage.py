"""Method `weighted_stage`: each deal's amount times the stage-to-won rate of its segment, in its own close period.

The rate is shrunk to the funnel's where the segment's history is short. The close date is the CRM's: what is
overdue or undated stands in rows of its own and in no period.
"""

from typing import Final

import polars as pl

from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import MethodForecast, no_new_business, unusable_amount
from orchestration.forecasting.money import rate_times_amount
from orchestration.forecasting.periods import expected_by_close_date, one_chance_each, with_close_period
from orchestration.forecasting.rates import stage_to_won_rates

name: Final = "weighted_stage"


def forecast(inputs: ForecastInputs) -> MethodForecast:
    """Expected amount per deal = rate x amount, to the cent; null with the reason where either is unknown."""
    rates = stage_to_won_rates(inputs).select(
        "funnel",
        "segment",
        "stage",
        pl.col("rate").alias("win_rate"),
        "rate_group",
        "rate_sd",
        pl.col("visits").alias("rate_n"),
        "is_insufficient_history",
    )
    no_rate = pl.when(pl.col("win_rate").is_null()).then(pl.lit("no_rate_history"))
    deals = (
        inputs.open_deals.join(rates, on=["funnel", "segment", "stage"], how="left", maintain_order="left")
        .with_columns(pl.coalesce(unusable_amount(), no_rate).alias("amount_exclusion"))
        .with_columns(
            pl.when(pl.col("amount_exclusion").is_null()).then("amount_reporting").alias("amount_if_won"),
            pl.lit("own").alias("amount_basis"),
        )
        .with_columns(rate_times_amount(pl.col("win_rate"), pl.col("amount_if_won")).alias("expected_amount"))
        .pipe(with_close_period, inputs)
        .with_columns(expected_by_close_date())
    )
    return MethodForecast(deals=deals, chances=one_chance_each(deals), new_business=no_new_business())
