"""Runs forecast methods on what was known on one as-of date and puts them side by side.

Belongs here: which method speaks for a funnel, what each deal is expected to bring, that parts sum to the whole. Not
here: any method's arithmetic, sums by period (`periods.py`), intervals (`simulate.py`), targets and coverage
(`coverage.py`), files, the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import ForecastMethod
from orchestration.forecasting.registry import METHODS

# Levels that sums and intervals are made at: within each funnel, and within all funnels together.
SCOPES = ("all", "team", "owner", "segment")
# p10 of two thousand draws is within a thirtieth of a standard deviation of what any number of draws would give.
DRAWS = 2000


class ForecastSumError(Exception):
    """A method's parts do not sum to its whole; the sentence names the method and both sums."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """What methods say on one as-of date. Every frame begins with business_date and method, ordered by its grain.

    deals: one row per method and open deal: deal_key, funnel, stage, segment, win_rate, rate_n,
        is_insufficient_history, amount_reporting, expected_amount (to the cent, null with amount_exclusion),
        amount_exclusion, period_start and period_status (where its chance lies; for a chance spread over months the
        month of expected_win_on), expected_win_on, amount_basis, realisation, criteria_state, fell_back_to.
    deal_periods: one row per method, open deal and fiscal month it may be won in: deal_key, funnel, period_start,
        period_status, chance, amount_if_won, expected_amount.
    periods: one row per method, funnel (`all` too), scope, scope_value, period_kind, period_start and period_status.
        Won so far (won_deals, won_excluded_deals, won_amount), open (open_deals, excluded_deals, open_amount, with
        open_p10_amount, open_p50_amount, open_p90_amount of the open deals alone), new_business_deals,
        new_business_amount; total_amount with p10_amount, p50_amount, p90_amount; expected_wins;
        is_insufficient_history, fell_back_to. period_kind is month or quarter; `none` for what stands in no period
        (period_status later, overdue, undated, untimed). The running period and those up to the end of the second
        quarter after the running one have a row each in scope `all`, also where nothing is expected in them.
    quality: one row per method, funnel, period and criteria_state (met, violated, waived, not_evaluated,
        none_asked): open_deals, amount, expected_amount. The states of a period sum to its open_amount.
    """

    deals: pl.DataFrame
    deal_periods: pl.DataFrame
    periods: pl.DataFrame
    quality: pl.DataFrame


def forecast(
    inputs: ForecastInputs,
    methods: Sequence[ForecastMethod] = METHODS,
    *,
    draws: int = DRAWS,
    scopes: Sequence[str] = SCOPES,
) -> Forecast:
    """Run the methods; rows in the order of method, then key, whatever the order of the inputs.

    Args:
        methods: any objects with a name and a forecast; a wrapped method (such as one placed by
            `periods.placed_by_close_date`) is as good as a module. Where a method has no history to go by in a
            funnel, the next simpler one of FALLBACK_CHAIN speaks for it there, run from `methods` or the registry.
        draws: simulated outcomes per method that p10, p50 and p90 are taken from.
        scopes: of SCOPES; `("all",)` for funnels and the whole alone, which is several times faster.

    Raises:
        ForecastSumError: the chances of a deal do not sum to its rate, or the deals of a method not to its periods.
    """
    raise NotImplementedError
