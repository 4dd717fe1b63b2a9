from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import hazards, world

from orchestration.forecasting.absorption import absorption
from orchestration.forecasting.hazards import WEEKS, Exits, Floats, Hazards, exits_of, hazards_of
from orchestration.forecasting.multistate import UNKNOWN_AGE, Solution, solve

STATES = ("contact", "lost", "proposal")
# What is entered, in the order of the last axis of rates.
NEXT = ("won", *STATES, "closed", "unknown")


def model(rates: dict[tuple[str, str], Any], states: tuple[str, ...] = STATES) -> Hazards:
    """Hazards of one segment from rates per day by week (or one for all weeks) and move."""
    table = np.zeros((1, len(states), WEEKS, len(states) + 3))
    to = ("won", *states, "closed", "unknown")
    for (left, entered), rate in rates.items():
        table[0, states.index(left), :, to.index(entered)] = rate
    is_closed = np.array([state == "lost" for state in states])
    table[:, is_closed, -1] = 0
    seen = Exits(
        ("all",),
        states,
        is_closed,
        np.zeros_like(table),
        np.ones(table.shape[:3]),
        np.ones(table.shape[:2]),
        np.zeros((len(states), len(to)), dtype=np.int64),
        1,
        {},
    )
    return Hazards(seen, table, hazards_of(seen, 20).doubt)


def bumpy(low: float, high: float) -> Floats:
    """A rate that rises for two weeks and falls for the rest, as sales stages have it."""
    week = np.arange(WEEKS)
    return np.where(week < 3, low + (high - low) * week / 2, low + (high - low) * np.exp(-(week - 2) / 4))


SALES = {
    ("contact", "proposal"): bumpy(0.01, 0.09),
    ("contact", "lost"): bumpy(0.005, 0.03),
    ("proposal", "won"): bumpy(0.0, 0.06),
    ("proposal", "contact"): bumpy(0.002, 0.01),
    ("proposal", "lost"): bumpy(0.01, 0.03),
    ("lost", "proposal"): bumpy(0.0005, 0.004),
    ("contact", "closed"): 0.004,
}


def told(made: Hazards, days: list[int], **more: Any) -> Solution:
    return solve(made, days, **more)


def daily(rates: Any) -> list[float]:
    """Rates by day, from those by week: straight lines within a week, flat where it is a peak and in the last."""
    week = [float(each) for each in np.broadcast_to(rates, WEEKS)]
    days = []
    for number, rate in enumerate(week):
        slope = 0.0
        if number < WEEKS - 1:
            up = (week[number + 1] - rate) / 7
            down = (rate - week[number - 1]) / 7 if number else up
            if up * down > 0:
                slope = min(up, down, key=abs)
                slope = max(-rate / 3.5, min(rate / 3.5, slope))
        days += [rate + slope * (day - 3) for day in range(7)]
    return days


def slowly(rates: dict[tuple[str, str], Any], stage: str, age: int, days: int, steps: int = 16) -> float:
    """P(won within days) by following where a deal may be, forwards, in steps of a sixteenth of a day."""
    by_day = {move: daily(rate) for move, rate in rates.items()}
    at: dict[str, dict[int, float]] = {stage: {age * steps: 1.0}}
    won = 0.0
    for _ in range(days * steps):
        after: dict[str, dict[int, float]] = {}
        for state, ages in at.items():
            exits = [(to, rate) for (left, to), rate in by_day.items() if left == state]
            for ticks, share in ages.items():
                if share < 1e-9:
                    continue
                day = min(ticks // steps, 7 * WEEKS - 1)
                stays = 1.0
                for to, rate in exits:
                    moves = rate[day] / steps
                    stays -= moves
                    if to == "won":
                        won += share * moves
                    elif to in {left for left, _ in by_day}:
                        there = after.setdefault(to, {})
                        there[0] = there.get(0, 0.0) + share * moves
                here = after.setdefault(state, {})
                here[ticks + 1] = here.get(ticks + 1, 0.0) + share * stays
        at = after
    return won


@pytest.mark.parametrize(
    ("stage", "age"), [("contact", 0), ("contact", 25), ("proposal", 0), ("proposal", 10), ("lost", 3)]
)
def test_the_recursion_agrees_with_following_a_deal_forwards_in_small_steps(stage: str, age: int) -> None:
    days = [7, 30, 60]
    solution = told(model(SALES), days)
    for place, day in enumerate(days):
        expected = slowly(SALES, stage, age, day, steps=4 if day == 60 else 16)
        assert solution.won_by[place, 0, STATES.index(stage), age] == pytest.approx(expected, abs=2e-3)


def test_the_recursion_agrees_with_lives_drawn_at_random() -> None:
    rng = np.random.Generator(np.random.PCG64(11))
    drawn, until_day = 20_000, 90
    moves = {move: np.array(daily(rate)) for move, rate in SALES.items()}
    won_at = np.full(drawn, np.inf)
    state, clock = np.full(drawn, "contact", dtype=object), np.zeros(drawn)
    for _ in range(40):
        for stage in STATES:
            going = np.flatnonzero((state == stage) & (clock < until_day))
            rates = {to: rate for (left, to), rate in moves.items() if left == stage}
            total = np.sum(list(rates.values()), axis=0)
            passed = np.concatenate([[0.0], np.cumsum(total)])
            aim = rng.exponential(size=going.size)
            age = np.minimum(np.searchsorted(passed, aim, side="right") - 1, total.size - 1)
            days = age + (aim - passed[age]) / total[age]
            shares = np.cumsum([rate / total for rate in rates.values()], axis=0)[:, age]
            to = (rng.random(going.size)[None] >= shares).sum(axis=0).clip(max=len(rates) - 1)
            clock[going] += days
            state[going] = np.array(list(rates), dtype=object)[to]
            won = going[state[going] == "won"]
            won_at[won] = np.minimum(won_at[won], clock[won])
    solution = told(model(SALES), [30, 60, until_day])
    for place, until in enumerate([30, 60, until_day]):
        share = (won_at <= until).mean()
        error = (share * (1 - share) / drawn) ** 0.5
        assert solution.won_by[place, 0, 0, 0] == pytest.approx(share, abs=3.5 * error)


def test_without_age_the_chance_in_the_end_is_that_of_the_absorbing_chain() -> None:
    counts = {
        ("contact", "proposal"): 60,
        ("contact", "closed"): 40,
        ("proposal", "won"): 30,
        ("proposal", "contact"): 10,
        ("proposal", "closed"): 20,
    }
    rates = {move: count / 1000 for move, count in counts.items()}
    chain = absorption(counts, "won", ["won", "closed"])
    solution = told(model(rates, ("contact", "proposal")), [])
    for place, stage in enumerate(("contact", "proposal")):
        assert isinstance(chain[stage].won, Fraction)
        assert solution.won[0, place] == pytest.approx(float(chain[stage].won or 0), abs=1e-12)


def test_what_is_won_after_years_comes_to_the_chance_in_the_end() -> None:
    solution = told(model(SALES), [3000])
    is_open = [STATES.index("contact"), STATES.index("proposal")]
    assert solution.won_by[0][:, is_open] == pytest.approx(solution.won[:, is_open], abs=1e-6)


def test_a_reopened_deal_counts_and_a_move_back_starts_the_stage_anew() -> None:
    without = {move: rate for move, rate in SALES.items() if move[0] != "lost"}
    assert told(model(SALES), []).won[0, 0, 0] > told(model(without), []).won[0, 0, 0] + 0.01
    only_back = {("proposal", "contact"): 1.0, ("contact", "won"): bumpy(0.0, 0.05), ("contact", "closed"): 0.001}
    solution = told(model(only_back, ("contact", "proposal")), [0, 29, 30, 31])
    assert solution.won_by[3, 0, 1, 200] == pytest.approx(solution.won_by[2, 0, 0, 0], abs=0.02)


def test_half_of_the_chance_is_used_by_the_day_that_is_told() -> None:
    days = [*range(1, 400)]
    solution = told(model(SALES), days)
    for state, age in ((0, 0), (0, 100), (2, 0), (2, 40), (2, UNKNOWN_AGE)):
        half = int(solution.half_day[0, state, age])
        until = solution.won_by[:, 0, state, age]
        assert until[half - 1] >= solution.won[0, state, age] / 2 > until[half - 2]


def test_a_deal_of_unknown_age_is_the_mean_of_those_met_in_its_stage() -> None:
    # Ages are met in proportion to who is left at them.
    rates = {("contact", "won"): np.where(np.arange(WEEKS) < 2, 0.01, 0.03), ("contact", "closed"): 0.02}
    solution = told(model(rates, ("contact",)), [10])
    total = np.array(daily(rates["contact", "won"]))[:357] + 0.02
    left = np.exp(-np.concatenate([[0.0], np.cumsum(total)]))
    left[-1] /= 1 - np.exp(-0.05)
    expected = (left * solution.won_by[0, 0, 0, :UNKNOWN_AGE]).sum() / left.sum()
    assert solution.won_by[0, 0, 0, UNKNOWN_AGE] == pytest.approx(expected)


def test_what_runs_into_the_unknown_is_told_apart_and_left_out() -> None:
    rates = {("contact", "won"): 0.01, ("contact", "closed"): 0.03, ("contact", "unknown"): 0.01}
    solution = told(model(rates, ("contact",)), [20])
    assert solution.unresolved[0, 0] == pytest.approx(0.2)
    assert solution.won[0, 0] == pytest.approx(0.25)
    assert solution.won_by[0, 0, 0] == pytest.approx(0.25 * (1 - np.exp(-1.0)))


def test_where_every_closed_deal_was_reopened_at_once_nothing_is_known_of_the_end() -> None:
    # Nobody leaves the circle but on the way in: one stage is sold from, the other only goes round.
    rates = {
        ("contact", "lost"): 1e9,
        ("lost", "contact"): 1e9,
        ("proposal", "won"): 0.02,
        ("proposal", "lost"): 0.02,
    }
    solution = told(model(rates), [10])
    contact, proposal = STATES.index("contact"), STATES.index("proposal")
    assert (solution.unresolved[0, contact, 0], solution.won[0, contact, 0]) == (pytest.approx(1, abs=0.01), 0)
    assert solution.unresolved[0, proposal, 0] == pytest.approx(0.5, abs=0.01)
    assert solution.won[0, proposal, 0] == pytest.approx(1, abs=0.02)
    assert np.isfinite(solution.log_odds_sd).all()


def test_a_day_before_as_of_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 is before as-of"):
        told(model(SALES), [-1, 3])


rate = st.floats(0.0, 3.0)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(STATES), st.sampled_from(NEXT)).filter(lambda move: move[0] != move[1]),
        st.tuples(rate, rate),
        max_size=9,
    )
)
def test_chances_lie_between_0_and_1_and_never_fall_in_time(moves: dict[tuple[str, str], tuple[float, float]]) -> None:
    # Every state needs a way out, as `exits_of` sees to.
    rates: dict[tuple[str, str], Any] = {(state, "closed"): 1e-4 for state in STATES}
    rates |= {move: bumpy(low, high) for move, (low, high) in moves.items()}
    solution = told(model(rates), [0, 1, 2, 13, 90, 200], entry_days=30)
    assert (solution.won_by[0] == 0).all()
    assert (np.diff(solution.won_by, axis=0) >= -1e-12).all()
    assert (solution.won_by <= solution.won + 1e-12).all()
    assert ((solution.won >= 0) & (solution.won <= 1)).all()
    assert (np.diff(solution.from_entry, axis=0) >= -1e-12).all()
    assert len(solution.from_entry) == 201
    assert np.isfinite(solution.log_odds_sd).all()


def test_the_standard_error_is_the_spread_of_histories_drawn_anew() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    truth = {"contact": (0.05, 0.02), "proposal": (0.03, 0.03)}
    deals, drawn = 400, []
    said = []
    for _ in range(60):
        counts: list[dict[str, Any]] = []
        reached = deals
        for stage, forward in (("contact", "proposal"), ("proposal", "won")):
            on, off = truth[stage]
            days = rng.exponential(1 / (on + off), reached)
            is_on = rng.random(reached) < on / (on + off)
            for next_state, chosen in ((forward, is_on), ("lost", ~is_on)):
                weeks, number = np.unique(days[chosen] // 7, return_counts=True)
                by_week = dict(zip(weeks.astype(int).tolist(), number.tolist(), strict=True))
                counts += [
                    each | {"days": float((days[chosen][days[chosen] // 7 == each["weeks_in_stage"]] % 7).sum())}
                    for each in hazards(stage, next_state, by_week)
                ]
            reached = int(is_on.sum())
        solution = told(hazards_of(exits_of(world(counts=counts), "direct", []), 20), [])
        chance = solution.won[0, 0, 0]
        drawn.append(np.log(chance / (1 - chance)))
        said.append(solution.log_odds_sd[0, 0, 0])
    assert np.mean(said) == pytest.approx(np.std(drawn, ddof=1), rel=0.35)
    # In the end only where they go counts: the delta method for a product of two shares.
    p, q, n = 5 / 7, 1 / 2, deals
    product = ((1 - p) / (p * n) + (1 - q) / (q * n * p)) ** 0.5 / (1 - p * q)
    assert np.mean(said) == pytest.approx(product, rel=0.15)


def test_more_history_is_less_doubt_and_one_of_few_deals_has_more_than_the_funnel() -> None:
    def of(scale: int) -> Floats:
        counts = []
        for segment, (won, lost) in {"a": (40, 10), "b": (10, 40), "c": (2, 1), "all": (52, 51)}.items():
            counts += hazards("proposal", "won", {0: won * scale, 2: won * scale}, segment)
            counts += hazards("proposal", "lost", {0: lost * scale, 2: lost * scale}, segment)
        return solve(hazards_of(exits_of(world(counts=counts), "direct", []), 20), []).log_odds_sd[:, 0, 0]

    few, many = of(1), of(25)
    assert (many < few / 3).all()
    assert few[3] > few[1] > few[0]
