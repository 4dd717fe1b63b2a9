"""The chance that a deal in a stage is won in the end, from counts of completed visits.

Belongs here: the absorbing Markov chain, solved exactly. Not here: segments, shrinkage, amounts, frames.

The chain is that of Kemeny and Snell, *Finite Markov Chains* (1960), chapter III: with Q the moves between open
stages and r the moves to won, the chances x solve (I - Q) x = r. Rates of adjacent stages are never multiplied:
deals skip, move back and come again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

Moves = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Absorption:
    """What the counts say of one state.

    won: chance to be won in the end among deals whose end the counts tell, 0 to 1; None where they tell none.
    unresolved: share of deals that end where the counts tell nothing further, 0 to 1.
    visits: completed visits of the state.
    """

    won: Fraction | None
    unresolved: Fraction
    visits: int


def absorption(moves: Moves, won: str, closed: Collection[str]) -> dict[str, Absorption]:
    """Chance of ending in `won`, for every state of `moves` that is not closed.

    Args:
        moves: completed visits by (state left, state entered); counts are not negative.
        won: the closed state asked about.
        closed: the states where a deal ends, `won` among them.

    A state from which no closed state can be reached (nobody ever left it, or deals only went round in circles)
    has no chance to tell: `won` is None and `unresolved` is 1. Upstream of it, the share of deals that run into it
    is `unresolved`, and `won` is the chance among the others.

    Raises:
        ValueError: a count is negative, or a closed state is left.
    """
    left: dict[str, dict[str, int]] = defaultdict(dict)
    states: dict[str, None] = {}
    for (from_state, to_state), count in sorted(moves.items()):
        if count < 0:
            raise ValueError(f"{count} visits from {from_state} to {to_state}: a count is never negative")
        if from_state in closed:
            raise ValueError(f"{from_state} is a closed state, yet {count} visits leave it")
        states[from_state] = None
        if to_state not in closed:
            states[to_state] = None
        if count:
            left[from_state][to_state] = count

    resolvable = _reaching(closed, left)
    solved = _solve(left, [state for state in states if state in resolvable], won, closed)
    return {
        state: _told(*solved[state], visits=sum(left[state].values()))
        if state in solved
        else Absorption(None, Fraction(1), sum(left[state].values()))
        for state in states
    }


def _told(won: Fraction, unresolved: Fraction, visits: int) -> Absorption:
    return Absorption(won / (1 - unresolved), unresolved, visits)


def _reaching(closed: Collection[str], left: Mapping[str, Mapping[str, int]]) -> set[str]:
    """The open states from which a closed state can be reached."""
    came_from: dict[str, set[str]] = defaultdict(set)
    for from_state, targets in left.items():
        for to_state in targets:
            came_from[to_state].add(from_state)
    reaching: set[str] = set()
    waiting = list(closed)
    while waiting:
        for state in came_from[waiting.pop()] - reaching:
            reaching.add(state)
            waiting.append(state)
    return reaching


def _solve(
    left: Mapping[str, Mapping[str, int]], states: list[str], won: str, closed: Collection[str]
) -> dict[str, tuple[Fraction, Fraction]]:
    """(chance of won, chance of an unresolved end) by state, by Gaussian elimination in fractions.

    Every state reaches a closed one, so I - Q is a nonsingular M-matrix: its pivots are positive in any order.
    """
    place = {state: number for number, state in enumerate(states)}
    size = len(states)
    rows: list[list[Fraction]] = []
    for state in states:
        visits = sum(left[state].values())
        row = [Fraction(0)] * (size + 2)
        row[place[state]] = Fraction(1)
        for to_state, count in left[state].items():
            share = Fraction(count, visits)
            if to_state in place:
                row[place[to_state]] -= share
            elif to_state == won:
                row[size] += share
            elif to_state not in closed:
                row[size + 1] += share
        rows.append(row)

    for pivot in range(size):
        scale = rows[pivot][pivot]
        rows[pivot] = [value / scale for value in rows[pivot]]
        for other in range(size):
            factor = rows[other][pivot]
            if other != pivot and factor:
                rows[other] = [value - factor * base for value, base in zip(rows[other], rows[pivot], strict=True)]
    return {state: (rows[number][size], rows[number][size + 1]) for state, number in place.items()}
