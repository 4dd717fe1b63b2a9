"""Method `timed`: a multi-state model of how fast deals leave their stage, and for where.

Hazards by stage, weeks spent in it and next state, of all visits known at as-of, give each open deal its chance to be
won in each fiscal month and in the end; moves back and reopening included. Amounts are what deals of the stage were
won for; a deal without an amount is worth a mean won deal, and says so in `amount_basis`.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.hazards import Floats
from orchestration.forecasting.inputs import MONEY, RATE, ForecastInputs
from orchestration.forecasting.method import MethodForecast, unusable_amount
from orchestration.forecasting.money import cents_to_money, rate_times_amount
from orchestration.forecasting.new_business import new_business
from orchestration.forecasting.rates import RATE_PLACES
from orchestration.forecasting.realisation import REALISATION, realisations, won_amounts
from orchestration.forecasting.timing import Outlook, Timing, dated_months, timing_of_all

name: Final = "timed"

_UNITS = 10**RATE_PLACES
# Where most of a rate's doubt is about what all segments share (few were ever so long in a stage), the funnel is the
# group.
_MOSTLY = 0.5


def forecast(inputs: ForecastInputs) -> MethodForecast:
    """Chances by fiscal month, what is won later in one row; a deal that history tells nothing of is `untimed`."""
    months = dated_months(inputs)
    last_days = months["last_day"].to_list()
    timing = timing_of_all(inputs)
    outlook = timing.outlook(inputs.open_deals)
    told = replace(outlook, won_by=outlook.won_by[:, timing.places(last_days)])
    return valued(inputs, timing, told, months)


def valued(inputs: ForecastInputs, timing: Timing, outlook: Outlook, months: pl.DataFrame) -> MethodForecast:
    """What an outlook means in fiscal months and money; methods that scale the outlook have the same of it.

    Args:
        inputs: what is known.
        timing: solved with entry_days up to the last month's end, for new business.
        outlook: of the open deals, in their order, by the last day of each month.
        months: as timing.dated_months.
    """
    deals = _deals(inputs, outlook)
    return MethodForecast(
        deals=deals.drop("amount_if_won"),
        chances=_chances(deals, outlook, months),
        new_business=new_business(inputs, timing, months, won_amounts(inputs)),
    )


def _deals(inputs: ForecastInputs, outlook: Outlook) -> pl.DataFrame:
    units = pl.Series("units", _units(outlook.won))
    deals = inputs.open_deals.with_columns(
        pl.when(pl.Series(~np.isnan(outlook.won))).then(_rate(pl.lit(units))).alias("win_rate"),
        pl.Series("rate_sd", outlook.log_odds_sd),
        pl.Series("rate_n", outlook.visits),
        pl.Series("shared", outlook.shared),
        pl.Series("half_day", outlook.half_day),
    )
    return (
        _with_amounts(deals, inputs)
        .with_columns(
            pl.when(pl.col("shared") > _MOSTLY)
            .then("funnel")
            .otherwise(pl.concat_str("funnel", "segment", separator="/"))
            .alias("rate_group"),
            (pl.col("win_rate").is_null() | (pl.col("rate_n") < inputs.minimum_n)).alias("is_insufficient_history"),
            pl.when(pl.col("half_day") >= 0)
            .then(pl.lit(inputs.business_date) + pl.duration(days=pl.col("half_day")))
            .cast(pl.Date)
            .alias("expected_win_on"),
        )
        .select(
            "deal_key",
            "win_rate",
            "rate_group",
            "rate_sd",
            "rate_n",
            "is_insufficient_history",
            "expected_win_on",
            "amount_exclusion",
            "amount_basis",
            "realisation",
            "amount_if_won",
        )
    )


def _with_amounts(deals: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    """amount_if_won, amount_basis (own, mean_won; null without amount) and why there is none.

    Also realisation, by which the deal's own amount is scaled; null where it is not its own.
    """
    ratios = realisations(inputs).drop("won_deals")
    of_funnel = ratios.filter(pl.col("stage").is_null()).select("funnel", pl.col("realisation").alias("of_funnel"))
    amounts = won_amounts(inputs)
    keys = deals.select("funnel", "segment").unique(maintain_order=True)
    means = [(*key, amounts.get(key, amounts.get((key[0], None)))) for key in keys.iter_rows()]
    mean_won = pl.DataFrame(
        [(funnel, segment, each.cents) for funnel, segment, each in means if each is not None],
        schema={"funnel": pl.String(), "segment": pl.String(), "cents": pl.Int64()},
        orient="row",
    ).with_columns(cents_to_money(pl.col("cents")).alias("mean_won"))
    ratio = pl.coalesce("realisation", "of_funnel", pl.lit(1).cast(REALISATION))
    # Also what a CRM without history does not tell of a past date.
    is_filled = pl.col("reason").is_in(["missing_amount", "not_known_then"]) & pl.col("mean_won").is_not_null()
    return (
        deals.join(ratios, on=["funnel", "stage"], how="left", maintain_order="left")
        .join(of_funnel, on="funnel", how="left", maintain_order="left")
        .join(mean_won, on=["funnel", "segment"], how="left", maintain_order="left")
        .with_columns(unusable_amount().alias("reason"))
        .with_columns(
            pl.when(is_filled)
            .then(pl.lit("mean_won"))
            .when(pl.col("reason").is_null())
            .then(pl.lit("own"))
            .alias("amount_basis")
        )
        .with_columns(
            pl.when(pl.col("amount_basis") == "own").then(ratio).alias("realisation"),
            pl.coalesce(
                pl.when(pl.col("amount_basis").is_null()).then("reason"),
                pl.when(pl.col("win_rate").is_null()).then(pl.lit("no_rate_history")),
            ).alias("amount_exclusion"),
        )
        .with_columns(
            pl.when(pl.col("amount_exclusion").is_null())
            .then(
                pl.when(pl.col("amount_basis") == "own")
                .then(rate_times_amount(pl.col("realisation"), pl.col("amount_reporting")))
                .otherwise("mean_won")
            )
            .alias("amount_if_won")
        )
    )


def _chances(deals: pl.DataFrame, outlook: Outlook, months: pl.DataFrame) -> pl.DataFrame:
    """One row per deal and month and one for later, the differences of cumulative chances in units of RATE.

    Amounts are differences too, of cumulative chance x amount to the cent: so both sum to the deal's own, exactly.
    """
    count, told = len(months) + 1, np.flatnonzero(~np.isnan(outlook.won))
    until = _units(np.column_stack([outlook.won_by, outlook.won])[told])
    before = np.column_stack([np.zeros(told.size, dtype=np.int64), until[:, :-1]])
    starts = [*months["period_start"], None]
    repeated = pl.DataFrame({"row": np.repeat(told, count), "month": np.tile(np.arange(count), told.size)})
    amount = deals["amount_if_won"].gather(repeated["row"])
    dated = repeated.select(
        deals["deal_key"].gather(repeated["row"]).alias("deal_key"),
        pl.Series(starts, dtype=pl.Date).gather(repeated["month"]).alias("period_start"),
        pl.when(pl.col("month") < len(months)).then(pl.lit("dated")).otherwise(pl.lit("later")).alias("period_status"),
        _rate(pl.lit(pl.Series(until.ravel()))).alias("until"),
        _rate(pl.lit(pl.Series(before.ravel()))).alias("before"),
        amount.alias("amount_if_won"),
    ).select(
        "deal_key",
        "period_start",
        "period_status",
        (pl.col("until") - pl.col("before")).cast(RATE).alias("chance"),
        "amount_if_won",
        (
            rate_times_amount(pl.col("until"), pl.col("amount_if_won"))
            - rate_times_amount(pl.col("before"), pl.col("amount_if_won"))
        )
        .cast(MONEY)
        .alias("expected_amount"),
    )
    untold = deals.filter(pl.col("win_rate").is_null()).select(
        "deal_key",
        pl.lit(None, pl.Date).alias("period_start"),
        pl.lit("untimed").alias("period_status"),
        pl.lit(None, RATE).alias("chance"),
        "amount_if_won",
        pl.lit(None, MONEY).alias("expected_amount"),
    )
    return pl.concat([dated, untold])


def _units(chances: Floats) -> npt.NDArray[np.int64]:
    """Chances in units of RATE, never falling where they do not fall; 0 where unknown."""
    units: npt.NDArray[np.int64] = np.rint(np.nan_to_num(chances) * _UNITS).astype(np.int64)
    return units


def _rate(units: pl.Expr) -> pl.Expr:
    rate: pl.Expr = (units.cast(pl.Decimal(38, RATE_PLACES)) / _UNITS).cast(RATE)
    return rate
