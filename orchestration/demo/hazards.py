"""How the demo company's deals truly move: the parameters of its multi-state model, and the hazards they imply.

A visit draws whether it stalls, then how it ends (its log-odds of moving on add up from the deal's own facts),
then how long it lasts. Parameters and closed forms only; `world` draws from them.
"""

from math import erf, log, sqrt
from typing import Any

import numpy as np
import polars as pl

from orchestration.demo.company import LOST, NURTURE, OPEN_STAGES, STAGES, WON

# Log-odds that an average deal moves on from a stage, everything asked for being proven.
ADVANCE = np.array([1.15, 1.15, 1.60, 1.60, 1.15, 1.30])
# A fifth to a quarter of the open deals of a night are stalled with these, because a stalled visit lasts five times as
# long as another: one in thirteen that begin is about every fourth of those that go on.
STALL = np.array([0.07, 0.08, 0.08, 0.07, 0.09, 0.08])
# What a visit that stalled loses.
STALL_PENALTY = 1.0
# What each criterion passed without proof costs at every later gate until its proof arrives.
UNPROVEN_PENALTY = 0.55
# What one standard deviation of each of the deal's own facts adds.
FIT_EFFECT = 0.42
SKILL_EFFECT = 0.18
CADENCE_EFFECT = 0.20
LATENT_EFFECT = 0.20
# By lead source, in the order of company.LEAD_SOURCES.
SOURCE_EFFECT = np.array([0.0, -0.05, 0.35, 0.10, -0.25, 0.0])

# Where a deal that moves on goes; a row for each open stage, columns are states. Needs analysis, demo and
# negotiation may be skipped; now and then one that may not be is.
FORWARD = np.array(
    [
        [0, 0.985, 0.015, 0, 0, 0, 0, 0, 0],
        [0, 0, 0.80, 0.15, 0.05, 0, 0, 0, 0],
        [0, 0, 0, 0.84, 0.16, 0, 0, 0, 0],
        [0, 0, 0, 0, 0.98, 0.02, 0, 0, 0],
        [0, 0, 0, 0, 0, 0.86, 0.14, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 0, 0],
    ]
)
# Where a deal that does not move on goes: back, lost, nurture.
STUCK = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0.76, 0.24],
        [0.08, 0, 0, 0, 0, 0, 0, 0.70, 0.22],
        [0.02, 0.12, 0, 0, 0, 0, 0, 0.66, 0.20],
        [0, 0.03, 0.13, 0, 0, 0, 0, 0.67, 0.17],
        [0, 0, 0.05, 0.11, 0, 0, 0, 0.69, 0.15],
        [0, 0, 0, 0.03, 0.13, 0, 0, 0.72, 0.12],
    ]
)
# Days in a stage are lognormal; a stalled visit has its own median.
MEDIAN_DAYS = np.array([11.5, 14.0, 17.0, 12.0, 17.0, 15.0])
STALLED_MEDIAN_DAYS = 75.0
SPREAD = 0.70
# On the log of days: one standard deviation more follow-up makes a visit some 8 % shorter.
CADENCE_ON_DAYS = -0.08

# Of visits that stall: the share that does because the champion has left, how many days (mean) lie between attempts to
# win the customer back, and how often one is answered.
CHAMPION_LEAVES = 0.25
ATTEMPT_DAYS = 28.0
ANSWERED = 0.22

# Closed deals that come back, and after how many days (median).
REOPEN: dict[int, float] = {WON: 0.003, LOST: 0.03, NURTURE: 0.12}
REOPEN_MEDIAN_DAYS = 90.0
DELETED = 0.004
STARTS_MID_FUNNEL = 0.04
START_SHARES = np.array([0.0, 0.45, 0.25, 0.12, 0.18, 0.0])


def parameters() -> pl.DataFrame:
    """One row per open stage: the model's own numbers for a deal whose facts are all average."""
    return pl.DataFrame(
        {
            "stage": STAGES[:OPEN_STAGES],
            "advance_log_odds": ADVANCE,
            "stall_probability": STALL,
            "median_days": MEDIAN_DAYS,
            "stalled_median_days": STALLED_MEDIAN_DAYS,
            "log_days_sd": SPREAD,
            "stall_penalty": STALL_PENALTY,
            "unproven_penalty": UNPROVEN_PENALTY,
            "fit_effect": FIT_EFFECT,
            "skill_effect": SKILL_EFFECT,
            "cadence_effect": CADENCE_EFFECT,
            "latent_effect": LATENT_EFFECT,
        }
    )


def transitions(unproven: int) -> pl.DataFrame:
    """Probability of each end of a visit, for an average deal with so many criteria unproven.

    One row per (from_stage, to_state); rows of a stage add up to 1.
    """
    rows: list[dict[str, Any]] = []
    for stage in range(OPEN_STAGES):
        ends = _ends(stage, False, unproven) * (1 - STALL[stage]) + _ends(stage, True, unproven) * STALL[stage]
        rows += [
            {"unproven": unproven, "from_stage": STAGES[stage], "to_state": STAGES[to], "probability": float(ends[to])}
            for to in np.flatnonzero(ends)
        ]
    return pl.DataFrame(rows)


def weekly_hazards(weeks: int, unproven: int) -> pl.DataFrame:
    """Chance that an average deal leaves its stage for each state in each week of its visit, given it stayed so far.

    One row per (stage, week, to_state), weeks from 0. How a visit ends does not depend on how long it takes, but
    for the stalled: so hazards of week w are mixtures of two lognormals.
    """
    rows: list[dict[str, Any]] = []
    for stage in range(OPEN_STAGES):
        parts = [
            (STALL[stage] if stalled else 1 - STALL[stage], _ends(stage, stalled, unproven), _median(stage, stalled))
            for stalled in (False, True)
        ]
        for week in range(weeks):
            staying = sum(share * (1 - _cdf(7.0 * week, median)) for share, _, median in parts)
            leaving = sum(
                share * ends * (_cdf(7.0 * (week + 1), median) - _cdf(7.0 * week, median))
                for share, ends, median in parts
            )
            rows += [
                {
                    "unproven": unproven,
                    "stage": STAGES[stage],
                    "week": week,
                    "to_state": STAGES[to],
                    "hazard": float(leaving[to] / staying),
                }
                for to in np.flatnonzero(leaving)
            ]
    return pl.DataFrame(rows)


def _ends(stage: int, stalled: bool, unproven: int) -> Any:
    log_odds = ADVANCE[stage] - STALL_PENALTY * stalled - UNPROVEN_PENALTY * unproven
    advance = 1 / (1 + np.exp(-log_odds))
    return advance * FORWARD[stage] + (1 - advance) * STUCK[stage]


def _median(stage: int, stalled: bool) -> float:
    return STALLED_MEDIAN_DAYS if stalled else float(MEDIAN_DAYS[stage])


def _cdf(days: float, median: float) -> float:
    return 0.0 if days <= 0 else 0.5 * (1 + erf((log(days) - log(median)) / (SPREAD * sqrt(2))))
