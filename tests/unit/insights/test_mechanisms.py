"""The split of a difference into causes, against fractions over all orders; and what must hold of any split."""

import random

import numpy as np
import pytest
from causes_worlds import Deal, cells_of, random_deals, slow_shares
from hypothesis import given
from hypothesis import strategies as st

from orchestration.insights.causes import whole_shares
from orchestration.insights.mechanisms import CAUSES, Counts, Floats, counts_of, shapley, split
from orchestration.insights.proofs import with_proof_class


def counts(*groups: list[Deal]) -> list[Counts]:
    frames = []
    for deals in groups:
        cells = cells_of(deals)
        frames.append(with_proof_class(cells.filter(cells["scope"] == "quarter"), ()))
    return counts_of(frames)


def shares(focus: list[Deal], reference: list[Deal], shrinkage: float = 7) -> Floats:
    mine, theirs = counts(focus, reference)
    return split(mine, theirs, shrinkage)


@pytest.mark.parametrize("seed", range(6))
def test_the_split_is_that_of_fractions_over_all_orders(seed: int) -> None:
    draw = random.Random(seed)
    focus, reference = random_deals(draw, draw.choice([1, 6, 40]), 1.5), random_deals(draw, draw.choice([1, 9, 60]))
    for deal in focus:
        deal.has_loose_owner = draw.random() < 0.2
    expected = slow_shares(focus, reference, 7)
    assert shares(focus, reference) == pytest.approx([float(each) for each in expected], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_what_one_group_has_more_than_another_the_other_has_less(seed: int) -> None:
    draw = random.Random(seed)
    focus, reference = random_deals(draw, 80, 1.0), random_deals(draw, 120)
    assert shares(focus, reference) == pytest.approx(-shares(reference, focus), abs=1e-12)


def test_groups_that_are_alike_differ_by_nothing() -> None:
    deals = random_deals(random.Random(1), 90)
    assert shares(deals, list(reversed(deals))) == pytest.approx(np.zeros(5), abs=1e-12)
    assert shares(deals, [*deals, *deals], 1e-9) == pytest.approx(np.zeros(5), abs=1e-6)


@pytest.mark.parametrize(
    ("cause", "worse"),
    [
        ("lead_quality", {"quality_class": "weak"}),
        ("unproven_advancement", {"proof_class": "one"}),
        ("follow_up", {"cadence_class": "seldom"}),
        ("stalls_and_early_closes", {"pace_class": "stalled"}),
        ("stalls_and_early_closes", {"pace_class": "closed_early"}),
    ],
)
def test_more_deals_of_a_class_that_goes_on_seldom_are_its_cause_and_no_other(
    cause: str, worse: dict[str, str]
) -> None:
    good = [Deal(is_advanced=number % 5 > 0) for number in range(1000)]
    bad = [Deal(is_advanced=number % 5 == 0, **worse) for number in range(1000)]  # type: ignore[arg-type]
    found = dict(zip(CAUSES, shares(good[:500] + bad[:500], good[:900] + bad[:100], 1), strict=True))
    assert found.pop(cause) == pytest.approx(-0.24, abs=0.01)
    assert all(abs(share) < 0.01 for share in found.values())


def test_a_cause_is_not_blamed_for_what_an_earlier_one_made_of_it() -> None:
    """Weak leads stall more often, as they always did; there are only more of them."""

    def leads(weak: int, others: int) -> list[Deal]:
        return [
            Deal(quality, pace_class="stalled" if is_stalled else "flowing", is_advanced=not is_stalled)
            for quality, number, every in (("weak", weak, 2), ("strong", others, 10))
            for is_stalled in (place % every == 0 for place in range(number))
        ]

    found = dict(zip(CAUSES, shares(leads(600, 400), leads(200, 800), 1), strict=True))
    assert found["lead_quality"] == pytest.approx(-0.16, abs=0.01)
    assert found["stalls_and_early_closes"] == pytest.approx(0, abs=0.005)


@given(st.lists(st.floats(-1, 1), min_size=32, max_size=32), st.permutations(range(5)))
def test_shares_add_up_and_do_not_depend_on_how_players_are_numbered(values: list[float], order: list[int]) -> None:
    game = np.array(values).reshape((2,) * 5)
    found = shapley(game)
    assert found.sum() == pytest.approx(game[1, 1, 1, 1, 1] - game[0, 0, 0, 0, 0], abs=1e-9)
    assert shapley(game.transpose(order)) == pytest.approx(found[order], abs=1e-9)


@given(st.lists(st.floats(-1, 1), min_size=5, max_size=5), st.integers(-2, 2))
def test_whole_shares_add_up_exactly_and_stay_near(parts: list[float], off: int) -> None:
    change = round(sum(parts) * 1_000_000) + off
    whole = whole_shares(np.array(parts), change)
    assert sum(whole) == change
    assert all(abs(share - part * 1_000_000) < 2 for share, part in zip(whole, parts, strict=True))
