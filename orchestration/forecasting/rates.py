"""Stage-to-won rates by funnel and segment, shrunk to the funnel's rate where history is short.

Belongs here: which counts a rate rests on, shrinkage, how sure a rate is, rounding. Not here: the chain itself
(`absorption.py`), amounts, periods.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import polars as pl

from orchestration.forecasting.absorption import Absorption, absorption
from orchestration.forecasting.inputs import ALL, RATE, ForecastInputs, worked_out_once

OUTCOMES = ("won", "lost", "nurtured", "disqualified")
RATE_PLACES = 12

# Deals that ran into a stage nobody has left yet (a new stage, another funnel, an unmapped name) have no known
# end. Up to one in twenty of them moves a rate by less than the five points that a Wilson interval of a few
# hundred visits leaves open anyway; beyond that the rate would be that of the quick losers, so there is none.
MAXIMUM_UNRESOLVED = Fraction(1, 20)

_SCHEMA = {
    "funnel": pl.String(),
    "segment": pl.String(),
    "stage": pl.String(),
    "visits": pl.Int64(),
    "own_rate": RATE,
    "parent_rate": RATE,
    "shrinkage_deals": pl.Int64(),
    "rate": RATE,
    "rate_group": pl.String(),
    "rate_sd": pl.Float64(),
    "unresolved_share": pl.Float64(),
    "is_insufficient_history": pl.Boolean(),
}


@dataclass(frozen=True)
class Rate:
    """One stage-to-won rate: 0 to 1, None where history tells none.

    rests_on: visits it is as sure as: its own, with the weight of the parent's; those of the parent where it has none.
    is_parents: it is the parent's rate and nothing else.
    """

    value: Fraction | None
    is_insufficient_history: bool
    rests_on: int = 0
    is_parents: bool = False


@worked_out_once
def stage_to_won_rates(inputs: ForecastInputs) -> pl.DataFrame:
    """One row per funnel, segment value (`all` for the funnel) and open stage.

    Columns: funnel, segment, stage, visits (n: completed visits), own_rate (of these visits alone), parent_rate
    (the funnel's, null for `all`), shrinkage_deals (m), rate (the one to use; null where history tells none),
    rate_group (rows with the same one share one rate), rate_sd (see `log_odds_sd`, 0 where there is no rate),
    unresolved_share (0-1, share of deals that end where counts tell nothing further), is_insufficient_history.
    Every stage and segment value that an open deal or a count names has its row.
    """
    counts: dict[str, dict[str, dict[tuple[str, str], int]]] = defaultdict(lambda: defaultdict(dict))
    for funnel, segment, from_stage, to_state, visits in inputs.transition_counts.iter_rows():
        counts[funnel][segment][from_stage, to_state] = visits
    return pl.DataFrame(
        [row for funnel in inputs.funnels() for row in _funnel_rows(inputs, funnel, counts[funnel])],
        schema=_SCHEMA,
        orient="row",
    )


def shrunken(own: Absorption, whole: Absorption, minimum_n: int, shrinkage_deals: int) -> Rate:
    """(w + m x parent) / (n + m) where n is below the minimum, with w = own rate x n; the own rate elsewhere.

    The parent rate is that of `whole`. Where the visits tell no rate of their own, the parent's stands in. Where the
    parent's is unknown too, a handful of visits is no rate: None.
    """
    own_rate, parent = told_rate(own), told_rate(whole)
    if own_rate is not None and own.visits >= minimum_n:
        return Rate(own_rate, is_insufficient_history=False, rests_on=own.visits)
    if parent is None:
        return Rate(None, is_insufficient_history=True)
    if own_rate is None:
        return Rate(parent, is_insufficient_history=True, rests_on=whole.visits, is_parents=True)
    weighted = own_rate * own.visits + shrinkage_deals * parent
    # The parent's rate is no surer than its own visits make it, whatever weight it is given.
    rests_on = own.visits + min(shrinkage_deals, whole.visits)
    return Rate(weighted / (own.visits + shrinkage_deals), is_insufficient_history=True, rests_on=rests_on)


def log_odds_sd(rate: Fraction | None, visits: int) -> float:
    """Standard error of a rate in log-odds: sqrt(1/(w + 1/2) + 1/(n - w + 1/2)), with w = rate x n; 0 where none is.

    The halves are those of Haldane and Anscombe (1956), so that a rate of 0 or 1 has an error too.
    """
    if rate is None:
        return 0.0
    won = float(rate * visits)
    return math.sqrt(1 / (won + 0.5) + 1 / (visits - won + 0.5))


def told_rate(own: Absorption) -> Fraction | None:
    """The rate of these visits alone; None where too many of them have no known end."""
    return own.won if own.unresolved <= MAXIMUM_UNRESOLVED else None


def rounded(rate: Fraction | None) -> Decimal | None:
    """A rate to 12 places, half up."""
    if rate is None:
        return None
    scale = 10**RATE_PLACES
    return Decimal((2 * rate.numerator * scale + rate.denominator) // (2 * rate.denominator)).scaleb(-RATE_PLACES)


def _funnel_rows(
    inputs: ForecastInputs, funnel: str, counts: Mapping[str, Mapping[tuple[str, str], int]]
) -> Iterator[tuple[object, ...]]:
    ends = ends_of(inputs, funnel)
    deals = inputs.open_deals.filter(pl.col("funnel") == funnel)
    chains = {
        segment: absorption(_to_outcomes(moves, ends), "won", OUTCOMES) for segment, moves in sorted(counts.items())
    }
    whole = chains.pop(ALL, {})
    stages = sorted(
        {*_open_stages(inputs, funnel), *deals["stage"], *(stage for stage, _ in counts.get(ALL, {}))} - set(ends)
    )
    segments = sorted({*chains, *deals["segment"]} - {ALL})
    nothing = Absorption(None, Fraction(1), 0)
    for stage in stages:
        own = whole.get(stage, nothing)
        parent = told_rate(own)
        short = parent is None or own.visits < inputs.minimum_n
        yield _row((funnel, ALL, stage), own, None, inputs.shrinkage_deals, Rate(parent, short, own.visits))
        for segment in segments:
            own_segment = chains.get(segment, {}).get(stage, nothing)
            rate = shrunken(own_segment, own, inputs.minimum_n, inputs.shrinkage_deals)
            yield _row((funnel, segment, stage), own_segment, parent, inputs.shrinkage_deals, rate)


def _row(
    key: tuple[str, str, str], own: Absorption, parent: Fraction | None, shrinkage_deals: int, rate: Rate
) -> tuple[object, ...]:
    funnel, segment, stage = key
    return (
        *key,
        own.visits,
        rounded(told_rate(own)),
        rounded(parent),
        shrinkage_deals,
        rounded(rate.value),
        "/".join((funnel, ALL if rate.is_parents else segment, stage)),
        log_odds_sd(rate.value, rate.rests_on),
        float(own.unresolved),
        rate.is_insufficient_history,
    )


def _open_stages(inputs: ForecastInputs, funnel: str) -> list[str]:
    return inputs.stages.filter((pl.col("funnel") == funnel) & pl.col("outcome").is_null())["stage"].to_list()


def ends_of(inputs: ForecastInputs, funnel: str) -> dict[str, str]:
    """Terminal stages and their outcome, by the latest version that has them; what was ever open is not terminal."""
    terminal = inputs.stages.filter((pl.col("funnel") == funnel) & pl.col("outcome").is_not_null()).sort("version")
    ends = dict(terminal.select("stage", "outcome").iter_rows())
    for stage in _open_stages(inputs, funnel):
        ends.pop(stage, None)
    return ends


def _to_outcomes(moves: Mapping[tuple[str, str], int], ends: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """The moves with terminal stages named by their outcome, as two stages may both mean lost."""
    named: dict[tuple[str, str], int] = defaultdict(int)
    for (from_stage, to_state), visits in moves.items():
        named[from_stage, ends.get(to_state, to_state)] += visits
    return dict(named)
