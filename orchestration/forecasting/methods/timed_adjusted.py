"""Method `timed_adjusted`: `timed`, scaled by what is known of the deal itself.

How well the customer fits, what was proven at the gates, how long the customer has been silent, pushes, the amount and
how long it has been in its stage for one like that: what they do to a chance is learnt on past as-of dates, and
calibrated on later ones. A funnel with too few wins on those dates has no rate here. Amounts, realisation and new
business are those of `timed`.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from orchestration.forecasting.adjusting import INTERVAL_ENDS, Adjustment, Floats, fit_adjustment, sampled
from orchestration.forecasting.features import Usual, facts_of, usual_of
from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import REASONS, MethodForecast
from orchestration.forecasting.methods import timed
from orchestration.forecasting.reasons import reasons_of
from orchestration.forecasting.timing import Outlook, Timing, dated_months, timing_of_all

name: Final = "timed_adjusted"


def forecast(inputs: ForecastInputs) -> MethodForecast:
    """As `timed`, with other chances; a funnel that too little is known of has none, and is_insufficient_history."""
    months = dated_months(inputs)
    last_days = months["last_day"].to_list()
    timing = timing_of_all(inputs)
    outlook = timing.outlook(inputs.open_deals)
    usual = usual_of(inputs)

    scaled = np.full_like(np.column_stack([outlook.won_by, outlook.won]), np.nan)
    reasons = [pl.DataFrame(schema=REASONS)]
    for funnel in sorted(timing.funnels):
        adjustment = _learnt(inputs, timing, usual, funnel)
        rows = np.flatnonzero((inputs.open_deals["funnel"] == funnel).to_numpy())
        if adjustment is None or rows.size == 0:
            continue
        deals = inputs.open_deals[rows]
        facts = facts_of(deals, usual)
        until = np.column_stack([outlook.won_by[rows][:, timing.places(INTERVAL_ENDS)], outlook.won[rows]])
        adjusted = adjustment.scaled(until, adjustment.effects(facts).sum(axis=1))
        scaled[rows] = _between(timing.days, outlook.won_by[rows], until, adjusted)
        reasons.append(reasons_of(deals["deal_key"], facts, until, adjustment))

    told = _outlook(outlook, timing, scaled, last_days)
    return replace(
        timed.valued(inputs, timing, told, months), reasons=pl.concat(reasons).sort("deal_key", "reason_rank")
    )


def _learnt(inputs: ForecastInputs, timing: Timing, usual: Usual, funnel: str) -> Adjustment | None:
    """From the past deals of a funnel, told by today's hazards.

    The hazards that were known on each past date would say almost the same of them, at the price of solving the
    model for each: in backtests neither log-loss nor calibration is better with them.
    """
    past = sampled(inputs.past_deals.filter(pl.col("funnel") == funnel)).sort("as_of_date", "deal_key")
    if past.height == 0:
        return None
    until = timing.outlook(past).won_by[:, timing.places(INTERVAL_ENDS)]
    return fit_adjustment(past, facts_of(past, usual), until, inputs.business_date, inputs.minimum_n)


def _between(days: tuple[int, ...], won_by: Floats, until: Floats, adjusted: Floats) -> Floats:
    """Adjusted chances by each of `days` and in the end: within an interval in proportion to what `timed` says.

    What is won after the last interval is spread over its days likewise.
    """
    before = np.column_stack([np.zeros(len(until)), until])
    adjusted_before = np.column_stack([np.zeros(len(until)), adjusted])
    place = np.searchsorted(INTERVAL_ENDS, days)
    start, length = before[:, place], np.diff(before, axis=1)[:, place]
    share = np.where(length > 0, (won_by - start) / np.where(length > 0, length, 1.0), 0.0)
    inside = adjusted_before[:, place] + np.clip(share, 0.0, 1.0) * np.diff(adjusted_before, axis=1)[:, place]
    # Rounding may carry a chance a hair beyond the one of a later day.
    return np.maximum.accumulate(np.column_stack([inside, adjusted[:, -1]]), axis=1)


def _outlook(outlook: Outlook, timing: Timing, scaled: Floats, last_days: list[int]) -> Outlook:
    """What is told of `timed`, with other chances: how sure its rates are is what is known of these too."""
    won = scaled[:, -1]
    is_told = ~np.isnan(won)
    return replace(
        outlook,
        won=won,
        won_by=scaled[:, timing.places(last_days)],
        half_day=np.where(is_told, _half_days(np.array(timing.days), scaled), -1),
        log_odds_sd=np.where(is_told, outlook.log_odds_sd, 0.0),
        shared=np.where(is_told, outlook.shared, 0.0),
    )


def _half_days(days: np.ndarray, scaled: Floats) -> np.ndarray:
    """The first day by which half of the chance will have been used, by a straight line between `days`; -1 beyond."""
    half = scaled[:, -1] / 2
    is_used = scaled[:, :-1] >= half[:, None]
    place = np.argmax(is_used, axis=1)
    rows = np.arange(len(scaled))
    is_told = is_used.any(axis=1) & (half > 0)
    first = place == 0
    day_before = np.where(first, 0, days[np.maximum(place - 1, 0)])
    chance_before = np.where(first, 0.0, scaled[rows, np.maximum(place - 1, 0)])
    gained = scaled[rows, place] - chance_before
    share = np.where(gained > 0, (half - chance_before) / np.where(gained > 0, gained, 1.0), 1.0)
    found = np.ceil(day_before + np.nan_to_num(share) * (days[place] - day_before))
    return np.where(is_told, found, -1).astype(np.int64)
