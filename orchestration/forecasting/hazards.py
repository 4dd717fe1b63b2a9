"""How fast deals leave a stage, by weeks spent in it and state entered next, drawn together where history is thin.

Belongs here: exposures, daily rates, empirical Bayes, what is not known of a rate, whether history tells enough. Not
here: what follows from rates for a deal (`multistate.py`), frames of deals, amounts, periods.

Rates are constant within a week, and a visit's exposure is counted in days, so that a visit which goes on at as-of
counts for as long as it has lasted. All history weighs the same: the counts carry no dates, so a half-life would have
to come with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.inputs import ALL, ONGOING, SEEN_LATE, ForecastInputs
from orchestration.forecasting.rates import OUTCOMES, ends_of

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# The last week stands for all that follow it.
WEEKS = 52
# First weeks of the bands that single weeks are drawn to: narrow where deals move, wide where few are left.
BANDS = (0, 1, 2, 4, 8, 13, 26)

# What a deal may enter, in the order of the last axis: won, each state that deals leave again, and two ends.
WON, FIRST_STATE = 0, 1
CLOSED, UNKNOWN = -2, -1

# A visit that began and ended within one tick of a CRM that keeps days alone has no exposure; half an hour stands in.
LEAST_DAYS = 1 / 48

# What segments differ by together: going on to a later stage or to won, the rest, and coming back after a close.
KINDS = 3
_ONWARD, _OTHERWISE, _BACK = range(KINDS)


@dataclass(frozen=True, eq=False)
class Exits:
    """What was seen of one funnel.

    segments: its segment values, `all` first. states: stages that deals were seen to leave, closed ones that some came
        back from among them. is_closed: of each state.
    exits: visits that ended, (segments, states, WEEKS, next). days: days at risk, (segments, states, WEEKS).
        `next`: won, each of `states`, closed for good, unknown (a stage nobody has left, another funnel).
    visits: completed visits, dated or not, (segments, states).
    kinds: of each end, going on, the rest or coming back, (states, next); see KINDS.
    closes: completed visits of the funnel that ended in any close. ends: its terminal stages and their outcome.
    """

    segments: tuple[str, ...]
    states: tuple[str, ...]
    is_closed: Flags
    exits: Floats
    days: Floats
    visits: Floats
    kinds: npt.NDArray[np.int64]
    closes: int
    ends: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Doubt:
    """What is not known of the log of each rate, as independent errors that are passed on from level to level.

    A level is known to 1 / (n + k), with n its expected exits and k the weight of the level above, and takes over the
    share k / (n + k) of that level's error. By (states, weeks or bands or none, next); `cell_*` by (segments, states,
    next) and `kind_variance` by (segments, kinds), as Exits.kinds. What a segment does not take over is the funnel's
    error in its mean over the segment's weeks, which weigh as `cell_weeks`; the error of their shape it has whole.
    Variances are 0 where nothing ever happened.
    """

    week_variance: Floats
    week_share: Floats
    band_variance: Floats
    band_share: Floats
    stage_variance: Floats
    kind_variance: Floats
    cell_variance: Floats
    cell_share: Floats
    cell_weeks: Floats


@dataclass(frozen=True, eq=False)
class Hazards:
    """Rates per day of one funnel, (segments, states, WEEKS, next) as in Exits, none negative."""

    seen: Exits
    rates: Floats
    doubt: Doubt


def hazards_of(seen: Exits, shrinkage_deals: float) -> Hazards:
    """Rates by empirical Bayes: weeks are drawn to their band, bands to the one before, segments to the funnel.

    Each level is the one above it times theta = (O + k) / (E + k), with O exits seen and E expected of the level above
    (the gamma-Poisson model of Clayton and Kaldor, Biometrics 43, 1987), and k as `prior_weight` finds it.

    The first band is drawn to the stage as a whole, a later one to the band before it, because few are left at risk
    there, and those move more slowly than the rest; what it is drawn by are days at risk, k over the rate of the stage.

    A segment has one theta for going on and one for the rest in all stages together, and another for each single stage
    and end, drawn to that one: who loses more deals than others does so everywhere. How much segments differ is told
    by few of them, so that no k among them is more than shrinkage_deals.
    """
    rates, of_funnel = _rates_of_funnel(seen.exits[0], seen.days[0])
    expected = seen.days[..., None] * rates
    kind, kind_variance = _theta_of_kinds(seen, expected.sum(axis=2), shrinkage_deals)
    expected_of_cell = expected.sum(axis=2) * kind
    exits_of_cell = seen.exits.sum(axis=2)
    weight = np.minimum(prior_weight(exits_of_cell[1:], expected_of_cell[1:], axis=0), shrinkage_deals)
    cell = _theta(exits_of_cell, expected_of_cell, weight)
    cell[0] = 1
    cell_variance, cell_share = _doubt(expected_of_cell * cell, weight)
    cell_variance[0], cell_share[0] = 0, 1
    all_rates = rates * (kind * cell)[:, :, None]
    # Nobody who stayed closed for a year is taken to come back: without end, even the rarest return would be certain.
    all_rates[:, seen.is_closed, -1] = 0
    return Hazards(
        seen=seen,
        rates=all_rates,
        doubt=Doubt(
            **of_funnel,
            kind_variance=kind_variance,
            cell_variance=cell_variance,
            cell_share=cell_share,
            cell_weeks=_ratio(expected, expected.sum(axis=2, keepdims=True)),
        ),
    )


def _rates_of_funnel(exits: Floats, days: Floats) -> tuple[Floats, dict[str, Floats]]:
    """Rates of all segments together, and what is not known of them."""
    starts = np.array(BANDS)
    stage = _ratio(exits.sum(axis=1), days.sum(axis=1)[:, None])
    exits_of_band = np.add.reduceat(exits, starts, axis=1)
    days_of_band = np.add.reduceat(days, starts, axis=1)[:, :, None]
    weight = prior_weight(exits_of_band, days_of_band * stage[:, None, :], axis=1)
    # As many days in every band: one that hardly anybody leaves must not bind the next.
    prior_days = np.where(np.isinf(weight), 1.0, _ratio(weight, stage))
    rates, band_of_week = np.empty_like(exits), np.searchsorted(starts, np.arange(WEEKS), side="right") - 1
    band_variance, band_share = np.zeros_like(exits_of_band), np.ones_like(exits_of_band)
    week_variance, week_share = np.zeros_like(exits), np.ones_like(exits)
    above = stage
    for band in range(len(BANDS)):
        prior = np.where(np.isinf(weight), np.inf, prior_days * above)
        band_variance[:, band], band_share[:, band] = _doubt(exits_of_band[:, band], prior)
        own = _ratio(exits_of_band[:, band] + prior_days * above, days_of_band[:, band] + prior_days)
        above = np.where(np.isinf(weight), above, own)
        inside = band_of_week == band
        expected = days[:, inside, None] * above[:, None, :]
        week_weight = prior_weight(exits[:, inside], expected, axis=1)[:, None]
        rates[:, inside] = above[:, None, :] * _theta(exits[:, inside], expected, week_weight)
        week_variance[:, inside], week_share[:, inside] = _doubt(expected, week_weight)
    return rates, {
        "week_variance": week_variance,
        "week_share": week_share,
        "band_variance": band_variance,
        "band_share": band_share,
        "stage_variance": _inverse(exits.sum(axis=1)),
    }


def _theta_of_kinds(seen: Exits, expected: Floats, heaviest: float) -> tuple[Floats, Floats]:
    """Theta of each segment's exits of a kind in all stages together, by (segments, states, next); and its doubt."""
    exits, theta = seen.exits.sum(axis=2), np.ones_like(expected)
    variances = np.zeros((len(seen.segments), KINDS))
    for kind in range(KINDS):
        is_kind = seen.kinds == kind
        of_kind, expected_of_kind = exits[:, is_kind].sum(axis=1), expected[:, is_kind].sum(axis=1)
        weight = np.minimum(prior_weight(of_kind[1:], expected_of_kind[1:], axis=0), heaviest)
        drawn_to_one = _theta(of_kind, expected_of_kind, weight)
        theta[1:, is_kind] = drawn_to_one[1:, None]
        variances[1:, kind] = _doubt(expected_of_kind * drawn_to_one, weight)[0][1:]
    return theta, variances


def prior_weight(seen: Floats, expected: Floats, axis: int) -> Floats:
    """Weight of the common rate, in expected exits, along an axis: 1 / variance of the true ratios seen / expected.

    By moments (Marshall, Applied Statistics 40, 1991), with the degrees of freedom of DerSimonian and Laird (1986):
    sum of (seen - expected)^2 / expected beyond its own chance. Infinite where chance explains all of it.
    """
    total = expected.sum(axis=axis)
    chi_square = _ratio((seen - expected) ** 2, expected).sum(axis=axis)
    parts = (expected > 0).sum(axis=axis)
    spread = total - _ratio((expected**2).sum(axis=axis), total)
    variance = np.maximum(_ratio(chi_square - np.maximum(parts - 1, 0), spread), 0.0)
    return np.where(variance > 0, _inverse(variance), np.inf)


def drawn(seen: Floats, expected: Floats) -> Floats:
    """The ratios seen / expected along the only axis, drawn to 1 as far as chance explains them."""
    return _theta(seen, expected, prior_weight(seen, expected, axis=0))


def _theta(seen: Floats, expected: Floats, weight: Floats) -> Floats:
    finite = np.where(np.isinf(weight), 0.0, weight)
    below = expected + finite
    theta = np.where(below > 0, (seen + finite) / np.where(below > 0, below, 1.0), 1.0)
    return np.where(np.isinf(weight), 1.0, theta)


def _doubt(expected: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(own variance, share of the error above) of the log of a rate; see Doubt."""
    is_drawn = np.isinf(weight)
    finite = np.where(is_drawn, 1.0, weight)
    below = np.maximum(expected + finite, 1e-12)
    own = np.where(is_drawn, 0.0, 1 / below)
    return own, np.where(is_drawn, 1.0, finite / below)


def _ratio(above: Floats, below: Floats) -> Floats:
    is_some = below > 0
    return np.where(is_some, above / np.where(is_some, below, 1.0), 0.0)


def _inverse(value: Floats) -> Floats:
    return _ratio(np.ones_like(value), value)


def exits_of(inputs: ForecastInputs, funnel: str, segments: Sequence[str]) -> Exits:
    """Exits and days at risk of a funnel, from its counts of visits.

    Args:
        inputs: what is known; hazard_counts and stages are read.
        funnel: its name.
        segments: segment values to have a place beside those that the counts name.

    A visit of w whole weeks was at risk for seven days in each, and for the days given in its last, broken week.
    What was seen late was not at risk before. Visits without a date are spread over the weeks as the dated ones of
    the funnel with the same end are. Unknown are a stage whose exits have no date at all, as it has no timing, and
    stages between which deals only went round in circles.
    """
    # In order of their key, because sums of days depend on the order in their last digits.
    key = ("segment", "stage", "weeks_in_stage", "next_state")
    counts = inputs.hazard_counts.filter(pl.col("funnel") == funnel).sort(key)
    ends = ends_of(inputs, funnel)
    counts = counts.filter(pl.col("stage").replace_strict(ends, default="") != "won")
    is_exit = ~pl.col("next_state").is_in([ONGOING, SEEN_LATE])
    whole = counts.filter(is_exit & (pl.col("segment") == ALL))
    is_timed = pl.col("weeks_in_stage").is_not_null() & (pl.col("visits") > 0)
    states = _ending(whole.filter(is_timed), ends)
    named = tuple(sorted({*counts["segment"], *segments} - {ALL}))
    codes = {state: FIRST_STATE + number for number, state in enumerate(states)}
    width = FIRST_STATE + len(states) + 2
    for state in {*counts["next_state"]} - {*states, ONGOING, SEEN_LATE}:
        outcome = ends.get(state, state)
        codes[state] = WON if outcome == "won" else width + (CLOSED if outcome in OUTCOMES else UNKNOWN)
    codes |= {ONGOING: width, SEEN_LATE: width + 1}

    visits, broken, undated = _weekly(counts.filter(pl.col("stage").is_in(states)), (ALL, *named), states, codes)
    visits, broken = _spread(visits, broken, undated)
    days = _at_risk(visits[..., : width + 1].sum(axis=-1), broken[..., : width + 1].sum(axis=-1))
    days -= _at_risk(visits[..., width + 1], broken[..., width + 1])
    exits = visits[..., :width]
    closed_ends = [state for state in set(whole["next_state"]) if ends.get(state, state) in OUTCOMES]
    is_closed = np.array([ends.get(state, state) in OUTCOMES for state in states], dtype=np.bool_)
    return Exits(
        segments=(ALL, *named),
        states=states,
        is_closed=is_closed,
        exits=exits,
        days=np.maximum(days, exits.sum(axis=-1) * LEAST_DAYS),
        visits=exits.sum(axis=(2, 3)),
        kinds=_kinds(inputs, funnel, states, is_closed),
        closes=int(whole.filter(pl.col("next_state").is_in(closed_ends))["visits"].sum()),
        ends=ends,
    )


def _ending(moves: pl.DataFrame, ends: Mapping[str, str]) -> tuple[str, ...]:
    """The stages left, those aside from which deals only got to each other."""
    pairs = set(moves.select("stage", "next_state").iter_rows())
    left = {stage for stage, _ in pairs}
    ending = {stage for stage in left if ends.get(stage, stage) in OUTCOMES}
    while True:
        more = {stage for stage, entered in pairs if entered in ending or entered not in left} - ending
        if not more:
            return tuple(sorted(ending))
        ending |= more


def _weekly(
    counts: pl.DataFrame, segments: Sequence[str], states: Sequence[str], codes: Mapping[str, int]
) -> tuple[Floats, Floats, Floats]:
    """Visits and days of their broken week by (segment, state, week, next), and visits without weeks but for that."""
    shape = (len(segments), len(states), WEEKS, max(codes.values()) + 1)
    visits, broken = np.zeros(shape), np.zeros(shape)
    undated = np.zeros((shape[0], shape[1], shape[3]))
    places = (
        ("segment", {segment: code for code, segment in enumerate(segments)}),
        ("stage", {state: code for code, state in enumerate(states)}),
        ("next_state", codes),
    )
    rows = counts.with_columns(
        *(pl.col(name).replace_strict(known, default=None, return_dtype=pl.Int64) for name, known in places),
        pl.col("days").fill_null(3.5 * pl.col("visits")),
    )
    dated, without = (
        rows.filter(pl.col("weeks_in_stage").is_not_null()),
        rows.filter(pl.col("weeks_in_stage").is_null()),
    )
    week = dated["weeks_in_stage"].to_numpy()
    last = np.minimum(week, WEEKS - 1)
    number = dated["visits"].to_numpy().astype(np.float64)
    place = (dated["segment"].to_numpy(), dated["stage"].to_numpy(), last, dated["next_state"].to_numpy())
    np.add.at(visits, place, number)
    np.add.at(broken, place, dated["days"].to_numpy() + 7.0 * (week - last) * number)
    place_without = tuple(without[name].to_numpy() for name in ("segment", "stage", "next_state"))
    np.add.at(undated, place_without, without["visits"].to_numpy())
    return visits, broken, undated


def _spread(visits: Floats, broken: Floats, undated: Floats) -> tuple[Floats, Floats]:
    """Visits without weeks given the weeks that dated ones of the funnel had; of any end where none had this one."""
    same_end = visits[0]
    any_end = np.broadcast_to(visits[0].sum(axis=-1, keepdims=True), same_end.shape)
    like = np.where(same_end.sum(axis=1, keepdims=True) > 0, same_end, any_end)
    share = _ratio(like, like.sum(axis=1, keepdims=True))
    rest = _ratio(broken[0].sum(axis=-1), visits[0].sum(axis=-1))[:, :, None]
    added = share[None] * undated[:, :, None, :]
    return visits + added, broken + added * rest


def _at_risk(visits: Floats, broken: Floats) -> Floats:
    """Days at risk in each week: seven for each visit that outlasted it, the broken week's own for the others."""
    outlasting = np.flip(np.cumsum(np.flip(visits, axis=-1), axis=-1), axis=-1) - visits
    return 7.0 * outlasting + broken


def _kinds(inputs: ForecastInputs, funnel: str, states: Sequence[str], is_closed: Flags) -> npt.NDArray[np.int64]:
    stages = inputs.stages.filter((pl.col("funnel") == funnel) & pl.col("outcome").is_null()).sort("version")
    rank_of = dict(stages.select("stage", "stage_rank").iter_rows())
    rank = np.array([rank_of.get(state) or 0 for state in states], dtype=np.float64)
    kinds = np.full((len(states), FIRST_STATE + len(states) + 2), _OTHERWISE)
    kinds[:, WON] = _ONWARD
    is_later = (rank[None, :] > rank[:, None]) & ~is_closed[None, :]
    kinds[:, FIRST_STATE:-2][is_later] = _ONWARD
    kinds[is_closed] = _BACK
    return kinds
