from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.forecasting.absorption import Absorption, absorption

CLOSED = ("won", "lost")
STATES = ("s1", "s2", "s3", "s4", "s5")

counts = st.dictionaries(
    st.tuples(st.sampled_from(STATES), st.sampled_from((*STATES, *CLOSED))), st.integers(0, 1000), max_size=25
)


def by_linear_algebra(moves: dict[tuple[str, str], int], states: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(chance of won, chance of closing at all), solved in floating point; states that nothing leaves stay put."""
    place = {state: number for number, state in enumerate(states)}
    stays, won, closes = np.eye(len(states)), np.zeros(len(states)), np.zeros(len(states))
    for (left, entered), count in moves.items():
        share = count / sum(visits for (other, _), visits in moves.items() if other == left)
        if entered in place:
            stays[place[left], place[entered]] -= share
        else:
            closes[place[left]] += share
            won[place[left]] += share if entered == "won" else 0
    return np.linalg.solve(stays, won), np.linalg.solve(stays, closes)


def by_paths(moves: dict[tuple[str, str], int], state: str) -> Fraction:
    """Sum over every path to won of a chain that never moves back."""
    visits = sum(count for (left, _), count in moves.items() if left == state)
    return sum(
        (
            Fraction(count, visits) * (Fraction(1) if entered == "won" else by_paths(moves, entered))
            for (left, entered), count in moves.items()
            if left == state and entered != "lost"
        ),
        Fraction(0),
    )


def test_twenty_of_a_hundred_is_a_fifth() -> None:
    assert absorption({("s1", "won"): 20, ("s1", "lost"): 80}, "won", CLOSED) == {
        "s1": Absorption(Fraction(1, 5), Fraction(0), 100)
    }


def test_moves_back_count_as_often_as_they_happen() -> None:
    # x1 = x2/2 + 0, x2 = x1/3 + 1/3: a deal that falls back tries again.
    told = absorption(
        {("s1", "s2"): 1, ("s1", "lost"): 1, ("s2", "s1"): 1, ("s2", "won"): 1, ("s2", "lost"): 1}, "won", CLOSED
    )
    assert (told["s1"].won, told["s2"].won) == (Fraction(1, 5), Fraction(2, 5))


def test_a_stage_that_nobody_has_left_has_no_rate_and_is_not_zero() -> None:
    told = absorption({("s1", "s2"): 1, ("s1", "won"): 9, ("s1", "lost"): 10}, "won", CLOSED)
    assert told["s2"] == Absorption(None, Fraction(1), 0)
    assert told["s1"] == Absorption(Fraction(9, 19), Fraction(1, 20), 20)


def test_stages_that_deals_only_circle_between_have_no_rate() -> None:
    told = absorption({("s1", "s2"): 7, ("s2", "s1"): 5, ("s3", "s1"): 1, ("s3", "won"): 1}, "won", CLOSED)
    assert told["s1"].won is None
    assert told["s2"] == Absorption(None, Fraction(1), 5)
    assert told["s3"] == Absorption(Fraction(1), Fraction(1, 2), 2)


def test_a_stage_from_which_all_were_lost_has_a_rate_of_zero() -> None:
    assert absorption({("s1", "lost"): 3}, "won", CLOSED)["s1"].won == 0


def test_no_counts_give_no_states() -> None:
    assert absorption({}, "won", CLOSED) == {}


def test_a_closed_state_that_is_left_is_refused() -> None:
    with pytest.raises(ValueError, match="lost is a closed state"):
        absorption({("lost", "s1"): 1}, "won", CLOSED)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="never negative"):
        absorption({("s1", "won"): -1}, "won", CLOSED)


def test_a_chain_of_forty_stages_stays_exact() -> None:
    moves = {(f"a{n:02d}", f"a{n + 1:02d}" if n < 39 else "won"): 99_991 for n in range(40)}
    moves |= {(f"a{n:02d}", "lost"): 10_007 for n in range(40)}
    assert absorption(moves, "won", CLOSED)["a00"].won == Fraction(99_991, 109_998) ** 40


@settings(max_examples=150, deadline=None)
@given(counts)
def test_every_rate_agrees_with_linear_algebra(moves: dict[tuple[str, str], int]) -> None:
    told = absorption(moves, "won", CLOSED)
    solvable = [state for state, answer in told.items() if answer.won is not None]
    kept = {(left, entered): count for (left, entered), count in moves.items() if left in solvable and count}
    # A move to where nothing is told leaves the chain; the reference sees it as a way to close that is not won.
    known = {*solvable, *CLOSED}
    named = {}
    for (left, entered), count in kept.items():
        key = (left, entered if entered in known else "nowhere")
        named[key] = named.get(key, 0) + count
    won, _ = by_linear_algebra(named, solvable)
    _, nowhere = by_linear_algebra(
        {(left, "won" if entered == "nowhere" else entered): n for (left, entered), n in named.items()}, solvable
    )
    nowhere_only, _ = by_linear_algebra(
        {
            (left, {"nowhere": "won", "won": "lost"}.get(entered, entered)): n
            for (left, entered), n in _merged_losses(named).items()
        },
        solvable,
    )
    assert np.allclose(nowhere, 1, atol=1e-9)
    for state, chance, lost_sight in zip(solvable, won, nowhere_only, strict=True):
        answer = told[state]
        assert answer.won is not None
        assert float(answer.unresolved) == pytest.approx(lost_sight, abs=1e-9)
        assert float(answer.won * (1 - answer.unresolved)) == pytest.approx(chance, abs=1e-9)


def _merged_losses(moves: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Won and lost as one, so that renaming one of them overwrites no count."""
    merged: dict[tuple[str, str], int] = {}
    for (left, entered), count in moves.items():
        key = (left, "lost" if entered == "won" else entered)
        merged[key] = merged.get(key, 0) + count
    return merged


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.tuples(st.integers(0, 4), st.integers(1, 6)), st.integers(1, 50), max_size=15))
def test_chains_without_moves_back_agree_with_all_their_paths(forward: dict[tuple[int, int], int]) -> None:
    name = {5: "won", 6: "lost"}
    moves = {
        (f"s{left}", name.get(entered, f"s{entered}")): count
        for (left, entered), count in forward.items()
        if entered > left
    }
    # Every state can lose, so that each has an end.
    moves |= {(f"s{state}", "lost"): moves.get((f"s{state}", "lost"), 1) for state in range(5)}
    told = absorption(moves, "won", CLOSED)
    for state in told:
        assert told[state] == Absorption(by_paths(moves, state), Fraction(0), told[state].visits)


@settings(max_examples=200, deadline=None)
@given(counts, st.randoms())
def test_rates_lie_between_nothing_and_one_in_any_order_of_counts(moves, random) -> None:  # type: ignore[no-untyped-def]
    told = absorption(moves, "won", CLOSED)
    shuffled = list(moves.items())
    random.shuffle(shuffled)
    assert absorption(dict(shuffled), "won", CLOSED) == told
    for answer in told.values():
        assert 0 <= answer.unresolved <= 1
        assert answer.won is None or 0 <= answer.won <= 1
