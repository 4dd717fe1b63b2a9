"""What a forecast method is, and what it returns.

Belongs here: the protocol and what all methods share about a deal. Not here: any method, the list of them, sums by
period, simulation.
"""

from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from orchestration.forecasting.inputs import MONEY, ForecastInputs

# deal_key and reason_rank (1 moves the chance most) are the key. fact: one of features.FACTS. level: an ICP band, or
# why the fact has no number (unknown, none_asked, not_positive); null where `value` tells it, in the fact's own unit:
# criteria, days, pushes, reporting currency. usual_value: what that is for a deal of the funnel (of the stage, for the
# days in it); null for a band. win_rate_points: points of P(win), signed, by which the chance is another than that of
# the same deal with this one fact like the mean of its funnel; points of different facts do not add up.
REASONS = {
    "deal_key": pl.String(),
    "reason_rank": pl.Int64(),
    "fact": pl.String(),
    "level": pl.String(),
    "value": pl.Float64(),
    "usual_value": pl.Float64(),
    "win_rate_points": pl.Decimal(5, 2),
}


@dataclass(frozen=True, eq=False)
class MethodForecast:
    """The forecast of one method: chances and what they are worth. Sums and intervals are made of it elsewhere.

    deals: one row per open deal: deal_key, win_rate Decimal(13, 12) (chance of ever being won, null where history
        tells none), rate_group String and rate_sd Float64 (deals of a group share what is not known of their rate: its
        standard error in log-odds; 0 where none is known), rate_n Int64 (completed visits behind it, null where it
        does not rest on any), is_insufficient_history Boolean, expected_win_on Date (when half of its chance to be
        won will have been used, null where the method has no timing), amount_exclusion String (why expected_amount is
        null).
    chances: one row per open deal and fiscal month it may be won in, and one for what lies in none: deal_key,
        period_start Date (first day of the fiscal month, null unless dated), period_status (dated, later, overdue,
        undated, untimed), chance Decimal(13, 12) (P(won in it), null as win_rate), amount_if_won Decimal(18, 2)
        (amount x realisation, null with amount_exclusion), expected_amount Decimal(18, 2) (to the cent; what sums are
        made of). Every open deal has a row at least; the chances of a deal sum to its win_rate, exactly.
    new_business: one row per funnel, segment value, team, owner_key and fiscal month: deals Float64 (expected wins of
        deals not created yet), deals_sd Float64 (of that expectation, for what is not known of the creation rate and
        of the hazards), amount_if_won Decimal(18, 2) (mean), amount_sd Float64 (between deals), expected_amount
        Decimal(18, 2). Empty for a method that knows of none.
    has_timing: whether the method says when a deal is won; where not, all of its chances are untimed.
    reasons: why a deal's chance is another than that of its stage and age: one row per deal and reason, as
        `REASONS` has them. Empty for a method that looks at nothing else.
    """

    deals: pl.DataFrame
    chances: pl.DataFrame
    new_business: pl.DataFrame
    has_timing: bool = True
    reasons: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REASONS))


# Methods that at night do not say when a deal is won (has_timing is false); a backtest places what they expect.
WITHOUT_TIMING = ("stage_average",)


class ForecastMethod(Protocol):
    """A module of `methods/` with a name and this function."""

    @property
    def name(self) -> str: ...

    def forecast(self, inputs: ForecastInputs, /) -> MethodForecast: ...


NEW_BUSINESS = {
    "funnel": pl.String(),
    "segment": pl.String(),
    "team": pl.String(),
    "owner_key": pl.String(),
    "period_start": pl.Date(),
    "deals": pl.Float64(),
    "deals_sd": pl.Float64(),
    "amount_if_won": MONEY,
    "amount_sd": pl.Float64(),
    "expected_amount": MONEY,
}


def no_new_business() -> pl.DataFrame:
    """The new business of a method that knows of none."""
    return pl.DataFrame(schema=NEW_BUSINESS)


def unusable_amount() -> pl.Expr:
    """Why a deal's own amount cannot be multiplied by a chance; null where it can."""
    amount = pl.col("amount_reporting")
    return (
        pl.when(amount.is_null())
        .then(pl.coalesce("amount_exclusion", pl.lit("missing_amount")))
        .when(amount < 0)
        .then(pl.lit("negative_amount"))
    )
