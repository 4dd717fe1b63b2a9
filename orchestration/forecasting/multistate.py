"""What rates of leaving mean for a deal: the chance to be won by any day, and in the end, from a stage and an age.

Belongs here: the semi-Markov recursion, its limit, and how doubt about rates carries over to a chance. Not here: how
rates are found (`hazards.py`), frames, amounts, periods.

A deal's clock starts anew with each stage it enters, also when it moves back or is reopened. Backward recursion over
days (Howard, *Dynamic Probabilistic Systems* II, 1971, chapter 10): with F_t(s, a) the chance to be won within t days
from stage s at age a days,

    F_t(s, a) = exp(-L) F_{t-1}(s, a + 1) + sum over k of q_k (F_{t-1}(k, 0) + F_t(k, 0)) / 2,
    q_k = l_k / L (1 - exp(-L)),

with l_k the rate of entering k on the day of age a, and L their sum (competing risks over one day). Who moves does so
in the middle of a day on the whole, which is what the mean of two days says; without it every stage would last half a
day too long. Within a week rates rise or fall in a straight line towards those of its neighbours, around the week's
own: most stages are left hardly ever on the first days, and six of them in a row would otherwise be passed days too
soon. Won is entered for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from orchestration.forecasting.hazards import BANDS, FIRST_STATE, KINDS, UNKNOWN, WEEKS, WON, Doubt, Floats, Hazards
from orchestration.forecasting.rates import RATE_PLACES
from orchestration.forecasting.rates import log_odds_sd as log_odds_sd_of_rate

# Ages in days up to the first of the open-ended last week, from which on nothing changes.
AGES = 7 * (WEEKS - 1) + 1
UNKNOWN_AGE = AGES
# Of the deals that enter a further state, the share of which nothing more is told: a circle that nobody leaves ends in
# the unknown, and no other chance is moved by more than rounding is.
LOST_TO_SIGHT = 1e-13
# Where half of the chance is still unused after so long, no day is told.
LONGEST_DAYS = 2 * 365
# Standard deviation of the log-odds of a chance that may as well be any: uniform between 0 and 1.
NOTHING_KNOWN = np.pi / np.sqrt(3)
# What is told as a chance of 0 or 1, to the places that chances have.
_AS_GOOD_AS_NONE = 0.5 / 10**RATE_PLACES

Days = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Solution:
    """Chances of one funnel by segment, state and age in days, 0 to 1, among deals whose end the counts tell.

    The last age, UNKNOWN_AGE, is the mean over the ages at which deals of the stage are met.

    won: in the end, (segments, states, ages). unresolved: share of deals that run into the unknown, likewise.
    won_by: within each of the days asked for, (days, segments, states, ages).
    from_entry: within t = 0, 1, ... days of entering a state, (t, segments, states).
    half_day: the first day by which half of `won` will have been used; -1 beyond LONGEST_DAYS, where won is 0, and of
        closed states.
    log_odds_sd: standard error of the log-odds of `won` by whole weeks spent, (segments, states, WEEKS); where the
        chance is 0 or 1 that of a rate of so few visits. shared: the part of its square that all segments have in
        common, 0 to 1, likewise.
    """

    won: Floats
    unresolved: Floats
    won_by: Floats
    from_entry: Floats
    half_day: Days
    log_odds_sd: Floats
    shared: Floats


@dataclass(frozen=True, eq=False)
class _End:
    """Without a limit of time: chances by (segment, state, age), and what a visit leads to, by what is entered."""

    won: Floats
    unknown: Floats
    leads_to: Floats


def solve(hazards: Hazards, days: Sequence[int], *, entry_days: int = 0) -> Solution:
    """Chances by each of `days` (0 or later) and in the end; `from_entry` reaches at least to entry_days.

    Raises:
        ValueError: a day is negative.
    """
    if min(days, default=0) < 0:
        raise ValueError(f"{min(days)} is before as-of: chances are told from there on")
    rates = _daily(hazards.rates)
    end = _in_the_end(rates)
    met_at = _ages_met(rates)
    won, unresolved = _with_mean(end.won, met_at), _with_mean(end.unknown, met_at)
    told = _ratio(won, 1 - unresolved)

    leave = -np.expm1(-rates.sum(axis=-1))
    to = _shares(rates) * leave[..., None]
    stay, won_today = 1 - leave, np.ascontiguousarray(to[..., WON])
    segments, states = rates.shape[:2]
    moving = to[..., FIRST_STATE : FIRST_STATE + states]
    at_entry = np.linalg.inv(np.eye(states) - moving[:, :, 0] / 2)
    moves_of_all = np.ascontiguousarray(moving.reshape(segments, states * AGES, states))
    needed = max([entry_days, *days])
    reached, half = np.zeros_like(end.won), won / 2
    is_waiting = (won > 0) & ~hazards.seen.is_closed[:, None]
    # Chances never fall, so that the days below half are those before the day of half.
    below_half = np.zeros(won.shape, dtype=np.int64)
    won_by, from_entry = {0: np.zeros_like(won)}, [reached[..., 0].copy()]
    for day in range(1, max(needed, LONGEST_DAYS) + 1):
        below_half += is_waiting
        before = reached[..., 0]
        known = stay[..., 0] * reached[..., 1] + won_today[..., 0] + _dot(moving[:, :, 0], before) / 2
        middle = (before + _dot(at_entry, known)) / 2
        following = (moves_of_all @ middle[..., None]).reshape(reached.shape)
        following += won_today
        following[..., :-1] += stay[..., :-1] * reached[..., 1:]
        following[..., -1] += stay[..., -1] * reached[..., -1]
        reached = following
        from_entry.append(reached[..., 0].copy())
        if day in days:
            won_by[day] = _with_mean(reached, met_at)
        is_waiting[..., :-1] &= reached < half[..., :-1]
        is_waiting[..., -1] &= np.einsum("gsa,gsa->gs", reached, met_at) < half[..., -1]
        if day >= needed and not is_waiting.any():
            break
    half_day = np.where((below_half > 0) & ~is_waiting, below_half, -1)

    log_odds_sd, shared = _with_certain(hazards, told[..., 7 * np.arange(WEEKS)], *_doubt(hazards, end))
    # Rounding may carry a chance a hair beyond its limit.
    return Solution(
        won=told,
        unresolved=unresolved,
        won_by=np.stack([np.minimum(_ratio(won_by[each], 1 - unresolved), told) for each in days])
        if days
        else np.zeros((0, *won.shape)),
        from_entry=np.minimum(_ratio(np.stack(from_entry[: needed + 1]), 1 - unresolved[..., 0]), told[..., 0]),
        half_day=half_day,
        log_odds_sd=log_odds_sd,
        shared=shared,
    )


def _in_the_end(rates: Floats) -> _End:
    """What a visit leads to, from each age on, is a sum over its days; the chances of those who just entered a state
    then solve (I - Q) x = r as in `absorption.py`.
    """
    segments, states, _, width = rates.shape
    to, total = _shares(rates), rates.sum(axis=-1)
    leads_to = np.empty((segments, states, AGES, width))
    # Who is left in a state that nobody leaves in its last week stays: closed for good.
    leads_to[:, :, -1] = to[:, :, -1]
    stay, leave = np.exp(-total), to * -np.expm1(-total)[..., None]
    for age in reversed(range(AGES - 1)):
        leads_to[:, :, age] = leave[:, :, age] + stay[:, :, age, None] * leads_to[:, :, age + 1]
    moves = leads_to[..., FIRST_STATE : FIRST_STATE + states]
    # Where every deal that was ever closed was reopened at once, deals go round for ever, and I - Q has no inverse.
    leads_to[..., UNKNOWN] += LOST_TO_SIGHT * moves.sum(axis=-1)
    moves *= 1 - LOST_TO_SIGHT
    ends = leads_to[..., [WON, UNKNOWN]]
    entered = np.linalg.solve(np.eye(states) - moves[:, :, 0], ends[:, :, 0])
    both = np.clip(ends + np.einsum("gsak,gkx->gsax", moves, entered), 0.0, 1.0)
    return _End(both[..., 0], both[..., 1], leads_to)


def _doubt(hazards: Hazards, end: _End) -> tuple[Floats, Floats]:
    """Standard error of the log-odds of being won by (segment, state, week), and the shared part of its square.

    To first order (delta method). A rate of week w moves the chance of a deal by the deal's chance to get to that
    week, times what the week's exits are worth beyond staying; the errors of `Doubt` are independent of each other.
    """
    rates = hazards.rates
    segments, states, _, width = rates.shape
    starts = 7 * np.arange(WEEKS)
    leads_to = end.leads_to[:, :, starts, FIRST_STATE : FIRST_STATE + states]
    entries = np.einsum("gswi,gij->gswj", leads_to, np.linalg.inv(np.eye(states) - leads_to[:, :, 0]))
    worth = np.zeros((segments, width))
    worth[:, WON] = 1
    worth[:, FIRST_STATE : FIRST_STATE + states] = end.won[..., 0]
    in_week = _worth_of_rates(rates, worth, end.won[..., starts])
    weekly = 7 * rates.sum(axis=-1)
    passed = np.cumsum(weekly, axis=-1) - weekly

    doubt, kinds = hazards.doubt, hazards.seen.kinds
    total, common = np.zeros((2, segments, states, WEEKS))
    gain_of_kind = np.zeros((segments, states, WEEKS, KINDS))
    for state in range(states):
        # Chance to be in week v, of one in the stage since week w, (segments, w, v).
        further = passed[:, state, None, :] - passed[:, state, :, None]
        staying = np.where(further >= 0, np.exp(-np.maximum(further, 0)), 0.0) * np.triu(np.ones((WEEKS, WEEKS)))
        again = entries[:, state, :, state, None] * np.exp(-passed[:, None, state])
        own = (staying + again)[..., None] * in_week[:, None, state]
        fresh = np.exp(-passed[:, state])[:, None, :, None] * in_week[:, None, state]
        of_own, of_fresh = _variance(doubt, state, own), _variance(doubt, state, fresh)
        for part, mine, others in zip((total, common), of_own, of_fresh, strict=True):
            of_others = entries[..., state] ** 2 * others[:, None]
            of_others[:, state] = mine
            np.add(part, of_others, out=part)
        gain = entries[..., state, None] * fresh.sum(axis=2)[:, None]
        gain[:, state] = own.sum(axis=2)
        gain *= doubt.cell_share[:, None, None, state]
        for kind in range(KINDS):
            gain_of_kind[..., kind] += gain[..., kinds[state] == kind].sum(axis=-1)
    total += (gain_of_kind**2 * doubt.kind_variance[:, None, None]).sum(axis=-1)
    chance = end.won[..., starts]
    log_odds_sd = _ratio(np.sqrt(total), chance * (1 - chance))
    return np.minimum(log_odds_sd, NOTHING_KNOWN), _ratio(common, total)


def _with_certain(hazards: Hazards, chance: Floats, log_odds_sd: Floats, shared: Floats) -> tuple[Floats, Floats]:
    """The errors, also where all that was seen ended alike: there no rate moves the chance, and yet it is not certain.

    It is as sure as a rate of 0 or 1 of the stage's visits in the funnel, or of the closes where those are fewer: what
    a segment lacks it has from the funnel, so that all segments share the error.
    """
    is_certain = (chance <= _AS_GOOD_AS_NONE) | (chance >= 1 - _AS_GOOD_AS_NONE)
    visits = np.minimum(hazards.seen.visits[0], hazards.seen.closes)
    of_visits = np.array([log_odds_sd_of_rate(Fraction(1), int(each)) for each in visits])[:, None]
    return (
        np.where(is_certain, np.minimum(of_visits, NOTHING_KNOWN), log_odds_sd),
        np.where(is_certain, 1.0, shared),
    )


def _worth_of_rates(rates: Floats, worth: Floats, staying_worth: Floats) -> Floats:
    """Gain in the chance at the start of a week, per unit of the log of each of the week's rates."""
    total = rates.sum(axis=-1, keepdims=True)
    mean = _ratio(np.einsum("gswk,gk->gsw", rates, worth)[..., None], total)
    stay = np.exp(-7 * total)
    stay[:, :, -1] = 0
    after = np.concatenate([staying_worth[..., 1:], staying_worth[..., -1:]], axis=-1)[..., None]
    per_rate = (worth[:, None, None] - mean) * _ratio(1 - stay, total) + 7 * stay * (mean - after)
    gain: Floats = rates * per_rate
    return gain


def _variance(doubt: Doubt, state: int, gain: Floats) -> tuple[Floats, Floats]:
    """(variance, its shared part) of what gains by (segment, start, week, next) in the log of a state's rates."""
    mean = (1 - doubt.cell_share[:, None, state]) * gain.sum(axis=2)
    own = (gain.sum(axis=2) ** 2 * doubt.cell_variance[:, None, state]).sum(axis=-1)
    gain = gain - mean[:, :, None] * doubt.cell_weeks[:, None, state]
    shared = np.einsum("gxwk,wk->gxk", gain**2, doubt.week_variance[state])
    drawn = np.add.reduceat(gain * doubt.week_share[state], np.array(BANDS), axis=2)
    above = np.zeros_like(shared)
    for band in reversed(range(len(BANDS))):
        error = drawn[:, :, band] + above
        shared += error**2 * doubt.band_variance[state, band]
        above = error * doubt.band_share[state, band]
    shared += above**2 * doubt.stage_variance[state]
    return shared.sum(axis=-1) + own, shared.sum(axis=-1)


def _ages_met(rates: Floats) -> Floats:
    """Share of the deals met in a stage at each age: as many as stay so long."""
    total = rates.sum(axis=-1)
    passed = np.cumsum(total, axis=-1) - total
    met = np.exp(-passed)
    leave_last = -np.expm1(-total[..., -1])
    met[..., -1] = np.where(leave_last > 0, _ratio(met[..., -1], leave_last), met[..., -1])
    share: Floats = met / met.sum(axis=-1, keepdims=True)
    return share


def _with_mean(by_age: Floats, met_at: Floats) -> Floats:
    return np.concatenate([by_age, (by_age * met_at).sum(axis=-1, keepdims=True)], axis=-1)


def _shares(rates: Floats) -> Floats:
    """Where those who leave go."""
    return _ratio(rates, rates.sum(axis=-1, keepdims=True))


def _daily(rates: Floats) -> Floats:
    """Rates by day of age; the mean of a week's seven is the week's own, and none is negative.

    The slope within a week is the smaller one of those to its neighbours, and none at a peak (the minmod limiter of
    van Leer, J. Comput. Phys. 32, 1979), so that no bump appears that the weeks do not have.
    """
    step = np.diff(rates, axis=2) / 7
    before, after = np.concatenate([step[:, :, :1], step[:, :, :-1]], axis=2), step
    slope = np.where(before * after > 0, np.sign(after) * np.minimum(np.abs(before), np.abs(after)), 0.0)
    steepest = rates[:, :, :-1] / 3.5
    slope = np.clip(slope, -steepest, steepest)
    by_day = rates[:, :, :-1, None] + slope[:, :, :, None] * (np.arange(7) - 3.0)[:, None]
    segments, states, _, width = rates.shape
    return np.concatenate([by_day.reshape(segments, states, AGES - 1, width), rates[:, :, -1:]], axis=2)


def _dot(matrix: Floats, vector: Floats) -> Floats:
    product: Floats = np.einsum("gsk,gk->gs", matrix, vector)
    return product


def _ratio(above: Floats, below: Floats) -> Floats:
    is_some = below > 0
    return np.where(is_some, above / np.where(is_some, below, 1.0), 0.0)
