"""When deals will be won: the multi-state model of one as-of date, asked about any rows of deals.

Belongs here: bringing counts, hazards and solution together, and looking deals up in it; whether history tells enough.
Not here: how hazards are estimated (`hazards.py`), the recursion (`multistate.py`), amounts.

Of a deal the model knows funnel, segment value, stage and whole days in it. Where the days are unknown it takes the
mean over the ages at which deals of the stage are met; a segment value that no visit had is the funnel's mean.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.hazards import WEEKS, Exits, Flags, Floats, exits_of, hazards_of
from orchestration.forecasting.inputs import ForecastInputs, worked_out_once
from orchestration.forecasting.multistate import AGES, UNKNOWN_AGE, Days, Solution, solve
from orchestration.forecasting.periods import horizon
from orchestration.forecasting.rates import MAXIMUM_UNRESOLVED

# Days by which methods may ask beside month ends: by week for a year, then by fortnight for as long as `timed` looks.
ASKED_DAYS: Final = (*range(7, 365, 7), *range(378, 1093, 14))


def chances_by(inputs: ForecastInputs, deals: pl.DataFrame, days: Sequence[int]) -> Floats:
    """P(won by the end of the nth day after as-of) for each row of `deals` and each n of `days`.

    Args:
        inputs: what is known; only its hazard_counts, stages, minimum_n and shrinkage_deals are read.
        deals: any rows with the columns funnel, segment, stage (String) and days_in_stage (Float64, null where
            unknown); open deals of tonight or past ones. Never reordered.
        days: offsets in days from 0 (won by as-of: 0 for what is open) on, in any order.

    Returns:
        Float64 of shape (rows of deals, len(days)), 0 to 1, never falling in the day; NaN in a row whose funnel or
        stage has too little history to tell (see `Outlook`).

    Raises:
        ValueError: a day is negative.
    """
    return timing_of(inputs, days, deals["funnel"].unique()).outlook(deals).won_by


@dataclass(frozen=True, eq=False)
class Outlook:
    """What the model says of some deals, in their order.

    won: chance to be won in the end, 0 to 1; NaN where the funnel has fewer closes than minimum_n, where nobody has
        left the stage yet, or where too many run into an end that is not known (`rates.MAXIMUM_UNRESOLVED`).
    won_by: within each of the days asked for, (deals, days); NaN as `won`.
    half_day: days until half of that chance will have been used; -1 where that is not told.
    log_odds_sd: standard error of the log-odds of `won`; shared: the part of its square common to all segments; both 0
        where nothing is told.
    visits: completed visits of the deal's stage in its segment.
    """

    won: Floats
    won_by: Floats
    half_day: Days
    log_odds_sd: Floats
    shared: Floats
    visits: Days


@dataclass(frozen=True, eq=False)
class FunnelTiming:
    """One funnel's model; is_told by (segment, state, age)."""

    seen: Exits
    solution: Solution
    is_told: Flags


@dataclass(frozen=True, eq=False)
class Timing:
    """The model of every funnel with a history, for the days it was asked about."""

    days: tuple[int, ...]
    funnels: dict[str, FunnelTiming]

    def places(self, days: Sequence[int]) -> list[int]:
        """Where days stand among those asked about.

        Raises:
            ValueError: a day is not among them.
        """
        return [self.days.index(day) for day in days]

    def outlook(self, deals: pl.DataFrame) -> Outlook:
        """Look up rows with the columns funnel, segment, stage, days_in_stage."""
        count = deals.height
        won, half_day = np.full(count, np.nan), np.full(count, -1, dtype=np.int64)
        won_by = np.full((count, len(self.days)), np.nan)
        log_odds_sd, shared = np.zeros((2, count))
        visits = np.zeros(count, dtype=np.int64)
        for name, funnel in self.funnels.items():
            segment, state = _codes(deals["segment"], funnel.seen.segments), _codes(deals["stage"], funnel.seen.states)
            rows = np.flatnonzero((deals["funnel"] == name).to_numpy() & (state >= 0))
            place = (np.maximum(segment[rows], 0), state[rows])
            visits[rows] = np.where(segment[rows] >= 0, funnel.seen.visits[place], 0)
            age = _ages(deals["days_in_stage"])[rows]
            is_told = funnel.is_told[(*place, age)]
            rows, age, place = rows[is_told], age[is_told], (place[0][is_told], place[1][is_told])
            said = funnel.solution
            won[rows], half_day[rows] = said.won[(*place, age)], said.half_day[(*place, age)]
            won_by[rows] = said.won_by[(slice(None), *place, age)].T
            # Of an unknown age as little is known as of those who just came, and more is not said.
            week = np.where(age == UNKNOWN_AGE, 0, np.minimum(age // 7, WEEKS - 1))
            log_odds_sd[rows], shared[rows] = said.log_odds_sd[(*place, week)], said.shared[(*place, week)]
        return Outlook(won, won_by, half_day, log_odds_sd, shared, visits)


def timing_of(inputs: ForecastInputs, days: Sequence[int], funnels: Collection[str], *, entry_days: int = 0) -> Timing:
    """Fit and solve the model of the named funnels for the days asked about.

    Raises:
        ValueError: a day is negative.
    """
    solved: dict[str, FunnelTiming] = {}
    for funnel in sorted(funnels):
        segments = inputs.open_deals.filter(pl.col("funnel") == funnel)["segment"].unique()
        seen = exits_of(inputs, funnel, segments.to_list())
        if seen.closes == 0 or seen.closes < inputs.minimum_n or not seen.states:
            continue
        solution = solve(hazards_of(seen, inputs.shrinkage_deals), days, entry_days=entry_days)
        solved[funnel] = FunnelTiming(seen, solution, solution.unresolved <= float(MAXIMUM_UNRESOLVED))
    return Timing(tuple(days), solved)


@worked_out_once
def timing_of_all(inputs: ForecastInputs) -> Timing:
    """The model of every funnel as methods share it: by month ends and ASKED_DAYS, new deals by the last month's end.

    Solving it is what most of a forecast's time goes to.
    """
    last_days = dated_months(inputs)["last_day"].to_list()
    return timing_of(inputs, sorted({*last_days, *ASKED_DAYS}), inputs.funnels(), entry_days=last_days[-1])


@worked_out_once
def dated_months(inputs: ForecastInputs) -> pl.DataFrame:
    """Fiscal months from the running one to the end of the second quarter after the running one.

    Columns: period_start, period_end, last_day (days from as-of to the month's end, 0 on its last day); in order.
    """
    last_day = (pl.col("period_end") - inputs.business_date).dt.total_days()
    months = horizon(inputs).filter(pl.col("period_kind") == "month")
    return months.select("period_start", "period_end", last_day.alias("last_day"))


def _codes(names: pl.Series, known: Sequence[str]) -> npt.NDArray[np.int64]:
    """The place of each name among the known ones, -1 for others."""
    places = {name: place for place, name in enumerate(known)}
    return names.replace_strict(places, default=-1, return_dtype=pl.Int64).to_numpy()


def _ages(days_in_stage: pl.Series) -> npt.NDArray[np.int64]:
    whole = days_in_stage.floor().clip(0, AGES - 1).cast(pl.Int64)
    return whole.fill_null(UNKNOWN_AGE).to_numpy()
