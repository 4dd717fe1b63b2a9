from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import deal, hazards, moves, world

from orchestration.forecasting.hazards import CLOSED, UNKNOWN, WEEKS, WON, Exits, exits_of, hazards_of
from orchestration.forecasting.hazards import prior_weight as weight_of


def seen(*counts: dict[str, Any], **more: Any) -> Exits:
    return exits_of(world(counts=counts, **more), "direct", [])


def row(stage: str, next_state: str, week: int | None, visits: int, days: float | None) -> Any:
    return {
        "funnel": "direct",
        "segment": "all",
        "stage": stage,
        "weeks_in_stage": week,
        "next_state": next_state,
        "visits": visits,
        "days": days,
    }


def test_a_visit_is_at_risk_for_seven_days_in_each_whole_week_and_for_the_rest_in_its_last() -> None:
    counts = seen(row("proposal", "won", 2, 3, 10.5), row("proposal", "(ongoing)", 1, 2, 4.0))
    assert counts.days[0, 0, :4].tolist() == [35.0, 3 * 7 + 4.0, 10.5, 0.0]
    assert counts.exits[0, 0, :, WON].sum() == counts.exits[0, 0, 2, WON] == 3


def test_what_was_seen_late_was_not_at_risk_before() -> None:
    counts = seen(row("proposal", "won", 3, 4, 8.0), row("proposal", "(seen late)", 1, 2, 6.0))
    assert counts.days[0, 0, :4].tolist() == [4 * 7 - 2 * 7.0, 4 * 7 - 6.0, 28.0, 8.0]


def test_the_last_week_holds_all_that_came_after_it() -> None:
    counts = seen(row("proposal", "lost", 60, 2, 5.0))
    assert counts.days[0, 0, -1] == 2 * (60 - 51) * 7 + 5
    assert counts.exits[0, 0, -1, CLOSED] == 2


def test_visits_without_a_date_are_spread_as_the_dated_ones_with_the_same_end() -> None:
    counts = seen(
        row("proposal", "won", 0, 3, 9.0),
        row("proposal", "won", 4, 1, 3.0),
        row("proposal", "lost", 2, 5, 10.0),
        row("proposal", "won", None, 8, None),
    )
    assert counts.exits[0, 0, [0, 2, 4], WON].tolist() == [9.0, 0.0, 3.0]
    assert counts.visits[0, 0] == 17
    # The eight are as long at risk as the four: six in week 0 for three days, two for four weeks and three days.
    assert counts.days[0, 0, 0] == pytest.approx(9 + 7 + 35 + 6 * 3 + 2 * 7)


def test_a_stage_whose_exits_have_no_date_at_all_has_no_timing() -> None:
    counts = seen(row("contact", "lost", None, 50, None), *hazards("proposal", "won", {1: 5}))
    assert counts.states == ("proposal",)


def test_where_deals_go_is_told_apart_by_what_it_means() -> None:
    counts = seen(
        *hazards("contact", "proposal", {1: 4}),
        *hazards("contact", "nurture", {1: 3}),
        *hazards("contact", "funnel_change", {1: 2}),
        *hazards("proposal", "won", {0: 6}),
        *hazards("proposal", "lost", {0: 7}),
        *hazards("lost", "proposal", {9: 1}),
    )
    assert counts.states == ("contact", "lost", "proposal")
    assert counts.is_closed.tolist() == [False, True, False]
    width = counts.exits.sum(axis=2)[0]
    assert width[0].tolist() == [0, 0, 0, 4, 3, 2]
    assert (width[0, CLOSED], width[0, UNKNOWN]) == (3, 2)
    assert width[2].tolist() == [6, 0, 7, 0, 0, 0]
    assert counts.closes == 16


def test_a_won_deal_that_comes_back_does_not_make_won_a_stage() -> None:
    counts = seen(*hazards("proposal", "won", {0: 6}), *hazards("won", "proposal", {3: 2}))
    assert counts.states == ("proposal",)


def test_stages_between_which_deals_went_round_in_circles_are_unknown() -> None:
    counts = seen(
        *hazards("contact", "proposal", {0: 5}),
        *hazards("proposal", "contact", {0: 5}),
        *hazards("demo", "won", {0: 5}),
        *hazards("demo", "contact", {0: 1}),
    )
    assert counts.states == ("demo",)
    assert counts.exits[0, 0, 0].tolist() == [5, 0, 0, 1]


def test_the_rates_of_a_stage_that_deals_leave_evenly_are_exits_over_days() -> None:
    counts = [*hazards("proposal", "won", dict.fromkeys(range(5), 30)), *hazards("proposal", "lost", {0: 0, 5: 0})]
    even = seen(*counts, row("proposal", "(ongoing)", 5, 60, 210.0))
    # Weeks differ in days at risk; exits in proportion to them are what chance alone would give.
    exits = np.zeros_like(even.exits)
    exits[..., WON] = even.days * 0.02
    even = Exits(
        even.segments, even.states, even.is_closed, exits, even.days, even.visits, even.kinds, even.closes, even.ends
    )
    assert hazards_of(even, 20).rates[0, 0, :, WON] == pytest.approx(np.full(WEEKS, 0.02))


def test_a_week_without_history_is_as_the_last_weeks_that_have_one() -> None:
    counts = seen(*hazards("proposal", "won", {0: 400, 1: 100, 2: 10, 3: 10}), *hazards("proposal", "lost", {3: 400}))
    rates = hazards_of(counts, 20).rates[0, 0, :, WON]
    assert rates[40] == pytest.approx(rates[12])
    assert rates[12] < rates[0] / 5


def test_weeks_that_nobody_leaves_in_do_not_bind_those_that_follow() -> None:
    counts = seen(*hazards("proposal", "won", {2: 300, 3: 300}), *hazards("proposal", "lost", {2: 300, 3: 300}))
    rates = hazards_of(counts, 20).rates[0, 0, :, WON]
    assert rates[:2].max() < 1e-3
    # 600 of each end over 3.5 days in the week they left in, and 600 that stayed for seven more.
    assert rates[2:4] == pytest.approx([300 / (600 * 3.5 + 600 * 7), 300 / (600 * 3.5)], rel=0.02)


def test_a_segment_of_few_deals_is_drawn_to_the_funnel_and_one_of_many_keeps_its_own() -> None:
    counts = []
    shares = {"a": (400, 100), "b": (100, 400), "c": (2, 0), "d": (250, 250)}
    for segment, (won, lost) in shares.items():
        counts += hazards("proposal", "won", {0: won}, segment) + hazards("proposal", "lost", {0: lost}, segment)
    counts += hazards("proposal", "won", {0: 752}) + hazards("proposal", "lost", {0: 750})
    rates = hazards_of(seen(*counts), 20).rates[:, 0, 0]
    share = rates[:, WON] / rates.sum(axis=1)
    assert share[1] == pytest.approx(0.8, abs=0.01)
    assert share[2] == pytest.approx(0.2, abs=0.01)
    assert 0.5 < share[3] < 0.8


def test_a_segment_that_loses_more_than_others_in_one_stage_is_expected_to_in_the_next() -> None:
    counts = []
    for segment, won, lost in (("a", 700, 300), ("b", 300, 700), ("c", 500, 500), ("all", 1500, 1500)):
        counts += hazards("contact", "proposal", {1: won}, segment) + hazards("contact", "lost", {1: lost}, segment)
    for segment, won, lost in (("a", 300, 300), ("b", 3, 3), ("c", 250, 250), ("all", 553, 553)):
        counts += hazards("proposal", "won", {1: won}, segment) + hazards("proposal", "lost", {1: lost}, segment)
    made = hazards_of(seen(*counts), 20)
    won = made.rates[:, made.seen.states.index("proposal"), 1, WON]
    share = won / made.rates[:, made.seen.states.index("proposal"), 1].sum(axis=-1)
    assert share[0] == pytest.approx(0.5, abs=0.01)
    # Six deals of b are no reason to take it for the mean; hundreds of the others are.
    assert 0.3 < share[2] < 0.4
    assert share[[1, 3]] == pytest.approx([0.5, 0.5], abs=0.03)


def test_a_segment_nobody_saw_is_the_funnel() -> None:
    inputs = world(counts=moves({("proposal", "won"): 40, ("proposal", "lost"): 60}), deals=[deal("d", segment="new")])
    rates = hazards_of(exits_of(inputs, "direct", ["new"]), 20).rates
    assert rates[1] == pytest.approx(rates[0])


def test_who_stayed_closed_for_a_year_is_not_taken_to_come_back() -> None:
    counts = seen(
        *hazards("proposal", "lost", {0: 50}),
        *hazards("lost", "proposal", {10: 5}),
        row("lost", "(ongoing)", 150, 45, 100.0),
    )
    rates = hazards_of(counts, 20).rates[0, 0]
    assert counts.states[0] == "lost"
    assert rates[-1].sum() == 0
    assert rates[10].sum() > 0


def test_the_weight_of_the_common_rate_is_that_of_the_spread_between_parts() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    expected = np.full(20_000, 8.0)
    counts = rng.poisson(expected * rng.gamma(4.0, 1 / 4.0, expected.size)).astype(float)
    assert weight_of(counts, expected, axis=0) == pytest.approx(4.0, rel=0.05)
    assert weight_of(expected, expected, axis=0) == np.inf


visits_by_week = st.dictionaries(st.integers(0, 70), st.integers(1, 40), max_size=6)
histories = st.dictionaries(
    st.tuples(
        st.sampled_from(["contact", "proposal", "lost"]),
        st.sampled_from(["contact", "proposal", "won", "lost", "nurture", "(ongoing)", "elsewhere"]),
    ).filter(lambda pair: pair[0] != pair[1]),
    visits_by_week,
    max_size=8,
)


def counts_of(history: dict[tuple[str, str], dict[int, int]]) -> list[dict[str, Any]]:
    return [
        each
        for (stage, next_state), weeks in history.items()
        for segment in ("all", "A")
        for each in hazards(stage, next_state, weeks, segment)
    ]


@settings(max_examples=40, deadline=None)
@given(histories)
def test_rates_are_never_negative_and_never_unknown(history: dict[tuple[str, str], dict[int, int]]) -> None:
    made = hazards_of(seen(*counts_of(history)), 20)
    assert np.isfinite(made.rates).all()
    assert (made.rates >= 0).all()
    assert all(np.isfinite(each).all() and (each >= 0).all() for each in vars(made.doubt).values())


@settings(max_examples=40, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_counts_does_not_matter(history: dict[tuple[str, str], dict[int, int]], random: Any) -> None:
    counts = counts_of(history)
    inputs = world(counts=counts)
    random.shuffle(counts)
    shuffled = world(counts=counts)
    shuffled = type(shuffled)(
        **{**vars(shuffled), "hazard_counts": pl.DataFrame(counts, schema=inputs.hazard_counts.schema)}
    )
    assert np.array_equal(
        hazards_of(exits_of(inputs, "direct", []), 20).rates, hazards_of(exits_of(shuffled, "direct", []), 20).rates
    )
