"""Method `crm_probability`: each deal's amount times the CRM's own probability, in its own close period.

This is the status quo: nothing is learned from history. A deal whose CRM gives no probability, or none between 0 and 1,
is left out by name; guessing one would make this another method.
"""

from typing import Final

import polars as pl

from orchestration.forecasting.inputs import RATE, ForecastInputs
from orchestration.forecasting.method import MethodForecast, no_new_business, unusable_amount
from orchestration.forecasting.money import rate_times_amount
from orchestration.forecasting.periods import expected_by_close_date, one_chance_each, with_close_period

name: Final = "crm_probability"


def forecast(inputs: ForecastInputs) -> MethodForecast:
    """Expected amount per deal = probability x amount, to the cent; null with the reason where either is unusable."""
    probability = pl.col("probability")
    is_usable = probability.is_between(0, 1)
    unusable_probability = (
        pl.when(probability.is_null())
        .then(pl.lit("missing_probability"))
        .when(~is_usable)
        .then(pl.lit("probability_out_of_range"))
    )
    deals = (
        inputs.open_deals.with_columns(
            pl.when(is_usable).then(probability).round(12).cast(RATE).alias("win_rate"),
            pl.lit(None, pl.String).alias("rate_group"),
            pl.lit(0.0).alias("rate_sd"),
            pl.lit(None, pl.Int64).alias("rate_n"),
            pl.lit(False).alias("is_insufficient_history"),
            pl.coalesce(unusable_amount(), unusable_probability).alias("amount_exclusion"),
            pl.lit("own").alias("amount_basis"),
        )
        .with_columns(pl.when(pl.col("amount_exclusion").is_null()).then("amount_reporting").alias("amount_if_won"))
        .with_columns(rate_times_amount(pl.col("win_rate"), pl.col("amount_if_won")).alias("expected_amount"))
        .pipe(with_close_period, inputs)
        .with_columns(expected_by_close_date())
    )
    return MethodForecast(deals=deals, chances=one_chance_each(deals), new_business=no_new_business())
