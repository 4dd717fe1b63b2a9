"""Method `stage_average`: per stage, deals x stage-to-won rate x mean won amount of the funnel. No timing.

A deal's own amount plays no part. 100 deals at 20 % and 50 000 give exactly 1 000 000: the total of a stage is
computed first and shared out among its deals, so that rounding each deal adds nothing to it.
"""

from fractions import Fraction
from typing import Final

import polars as pl

from orchestration.forecasting.inputs import ALL, MONEY, ForecastInputs
from orchestration.forecasting.method import MethodForecast, no_new_business
from orchestration.forecasting.money import cents_to_money, rounded_money, shared_out
from orchestration.forecasting.periods import UNTIMED, one_chance_each
from orchestration.forecasting.rates import stage_to_won_rates

name: Final = "stage_average"

_SHARES = {
    "funnel": pl.String(),
    "stage": pl.String(),
    "mean_won_amount": MONEY,
    "cents": pl.Int64(),
    "deals_with_a_cent_more": pl.Int64(),
}


def forecast(inputs: ForecastInputs) -> MethodForecast:
    """Expected amount per deal = the deal's share of its stage; null with the reason where the stage has none."""
    rates = (
        stage_to_won_rates(inputs)
        .filter(pl.col("segment") == ALL)
        .select(
            "funnel",
            "stage",
            pl.col("rate").alias("win_rate"),
            "rate_group",
            "rate_sd",
            pl.col("visits").alias("rate_n"),
            "is_insufficient_history",
        )
    )
    deals = (
        inputs.open_deals.join(rates, on=["funnel", "stage"], how="left", maintain_order="left")
        .join(_shares(inputs, rates), on=["funnel", "stage"], how="left", maintain_order="left")
        .with_columns(pl.col("deal_key").rank("ordinal").over("funnel", "stage").alias("place"))
        .with_columns(
            pl.when(pl.col("win_rate").is_null())
            .then(pl.lit("no_rate_history"))
            .when(pl.col("cents").is_null())
            .then(pl.lit("no_won_amount"))
            .alias("amount_exclusion"),
            cents_to_money(
                pl.col("cents") + (pl.col("place") <= pl.col("deals_with_a_cent_more")).cast(pl.Int64)
            ).alias("expected_amount"),
            pl.col("mean_won_amount").alias("amount_if_won"),
            pl.lit("mean_won").alias("amount_basis"),
            pl.lit(None, pl.Date).alias("expected_win_on"),
            pl.lit(None, pl.Date).alias("period_start"),
            pl.lit(UNTIMED).alias("period_status"),
        )
    )
    return MethodForecast(deals=deals, chances=one_chance_each(deals), new_business=no_new_business(), has_timing=False)


def _shares(inputs: ForecastInputs, rates: pl.DataFrame) -> pl.DataFrame:
    """By funnel and stage: mean won amount, each deal's cents, how many deals carry one more. None: no row."""
    means = mean_won_amounts(inputs.won_amounts)
    stages = inputs.open_deals.group_by("funnel", "stage").len("deals").join(rates, on=["funnel", "stage"])
    rows = [
        (funnel, stage, rounded_money(means[funnel]), *shared_out(Fraction(win_rate) * means[funnel], deals))
        for funnel, stage, deals, win_rate in stages.select("funnel", "stage", "deals", "win_rate").iter_rows()
        if win_rate is not None and funnel in means
    ]
    return pl.DataFrame(rows, schema=_SHARES, orient="row")


def mean_won_amounts(won_amounts: pl.DataFrame) -> dict[str, Fraction]:
    """Mean won amount by funnel, over won deals whose amount is known; a funnel without one is absent.

    So is a funnel whose won amounts sum to less than nothing: credit notes say nothing of what a deal will bring.
    """
    return {
        funnel: Fraction(won_amount) / deals
        for funnel, deals, won_amount in won_amounts.select("funnel", "won_deals_with_amount", "won_amount").iter_rows()
        if deals and won_amount is not None and won_amount >= 0
    }
