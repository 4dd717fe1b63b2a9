from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from worlds import deal, moves, world

from orchestration.forecasting.absorption import Absorption
from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.rates import log_odds_sd, rounded, shrunken, stage_to_won_rates


def rate(inputs: ForecastInputs, segment: str, stage: str) -> dict[str, object]:
    rates = stage_to_won_rates(inputs)
    return rates.filter((pl.col("segment") == segment) & (pl.col("stage") == stage)).row(0, named=True)


def test_a_segment_with_enough_history_keeps_its_own_rate() -> None:
    inputs = world(
        counts=[
            *moves({("proposal", "won"): 40, ("proposal", "lost"): 60}),
            *moves({("proposal", "won"): 30, ("proposal", "lost"): 20}, segment="A"),
        ],
        minimum_n=30,
    )
    row = rate(inputs, "A", "proposal")
    assert (row["rate"], row["visits"], row["is_insufficient_history"]) == (Decimal("0.600000000000"), 50, False)


def test_a_segment_with_little_history_is_drawn_to_the_funnel() -> None:
    inputs = world(
        counts=[
            *moves({("proposal", "won"): 40, ("proposal", "lost"): 60}),
            *moves({("proposal", "won"): 8, ("proposal", "lost"): 2}, segment="A"),
        ],
        minimum_n=30,
        shrinkage_deals=20,
    )
    row = rate(inputs, "A", "proposal")
    # (8 + 20 x 0.4) / (10 + 20)
    assert row["rate"] == Decimal("0.533333333333")
    assert row["own_rate"] == Decimal("0.800000000000")
    assert row["parent_rate"] == Decimal("0.400000000000")
    assert row["is_insufficient_history"] is True


def test_a_segment_without_history_takes_the_rate_of_the_funnel_and_says_so() -> None:
    inputs = world(
        deals=[deal("d1", segment="B")],
        counts=moves({("proposal", "won"): 40, ("proposal", "lost"): 60}),
        minimum_n=30,
    )
    row = rate(inputs, "B", "proposal")
    assert (row["rate"], row["visits"], row["is_insufficient_history"]) == (Decimal("0.400000000000"), 0, True)


def test_a_stage_without_history_has_no_rate_anywhere() -> None:
    inputs = world(deals=[deal("d1")], counts=moves({("contact", "lost"): 40}))
    for segment in ("all", "A"):
        row = rate(inputs, segment, "proposal")
        assert (row["rate"], row["visits"], row["is_insufficient_history"]) == (None, 0, True)


def test_terminal_stages_count_by_their_outcome_whatever_they_are_called() -> None:
    inputs = world(
        stages=[("proposal", None), ("signed", "won"), ("price", "lost"), ("silence", "lost")],
        counts=moves({("proposal", "signed"): 1, ("proposal", "price"): 1, ("proposal", "silence"): 2}),
    )
    assert rate(inputs, "all", "proposal")["rate"] == Decimal("0.250000000000")


def test_too_many_deals_without_a_known_end_leave_no_rate() -> None:
    # Only the quick losers have ended; ninety deals are in a stage that nobody has left.
    inputs = world(counts=moves({("contact", "lost"): 10, ("contact", "proposal"): 90}))
    row = rate(inputs, "all", "contact")
    assert (row["rate"], row["unresolved_share"], row["is_insufficient_history"]) == (None, 0.9, True)


def test_one_deal_that_left_for_an_unmapped_stage_does_not_cost_the_rate() -> None:
    inputs = world(counts=moves({("proposal", "won"): 20, ("proposal", "lost"): 79, ("proposal", "Legal 2"): 1}))
    row = rate(inputs, "all", "proposal")
    assert row["rate"] == Decimal("0.202020202020")
    assert row["unresolved_share"] == pytest.approx(0.01)


def test_a_handful_of_visits_with_an_unknown_parent_is_no_rate() -> None:
    own, unknown = Absorption(Fraction(1), Fraction(0), 2), Absorption(None, Fraction(1), 0)
    assert shrunken(own, unknown, minimum_n=30, shrinkage_deals=20).value is None
    assert shrunken(own, unknown, minimum_n=2, shrinkage_deals=20).value == 1


def test_the_fewer_visits_a_rate_rests_on_the_less_sure_it_is() -> None:
    counts = [
        *moves({("proposal", "won"): 40, ("proposal", "lost"): 60}),
        *moves({("proposal", "won"): 8, ("proposal", "lost"): 2}, segment="A"),
        *moves({("proposal", "won"): 20, ("proposal", "lost"): 30}, segment="B"),
    ]
    inputs = world(deals=[deal("d1", segment="C"), deal("d2", segment="D")], counts=counts, minimum_n=30)
    whole, few, many = (rate(inputs, segment, "proposal") for segment in ("all", "A", "B"))
    assert whole["rate_sd"] == pytest.approx((1 / 40.5 + 1 / 60.5) ** 0.5)
    assert many["rate_sd"] == pytest.approx((1 / 20.5 + 1 / 30.5) ** 0.5)
    # 16 wins of 30: ten visits of its own and the weight of twenty of the funnel's.
    assert few["rate_sd"] == pytest.approx((1 / 16.5 + 1 / 14.5) ** 0.5)
    assert len({whole["rate_group"], few["rate_group"], many["rate_group"]}) == 3
    for segment in ("C", "D"):
        borrowed = rate(inputs, segment, "proposal")
        assert (borrowed["rate_group"], borrowed["rate_sd"]) == (whole["rate_group"], whole["rate_sd"])


def test_a_rate_is_no_surer_than_the_visits_behind_the_rate_it_is_drawn_to() -> None:
    counts = [
        *moves({("proposal", "won"): 2, ("proposal", "lost"): 2}),
        *moves({("proposal", "won"): 1, ("proposal", "lost"): 1}, segment="A"),
    ]
    row = rate(world(counts=counts, minimum_n=30, shrinkage_deals=1000), "A", "proposal")
    assert row["rate_sd"] == pytest.approx((1 / 3.5 + 1 / 3.5) ** 0.5)


def test_even_a_rate_of_all_or_nothing_has_an_error_and_no_rate_has_none() -> None:
    assert log_odds_sd(Fraction(1), 3) == pytest.approx((1 / 3.5 + 1 / 0.5) ** 0.5)
    assert log_odds_sd(Fraction(0), 3) == log_odds_sd(Fraction(1), 3)
    assert log_odds_sd(None, 0) == 0


def test_a_rate_is_rounded_half_up_at_twelve_places() -> None:
    assert rounded(Fraction(2, 3)) == Decimal("0.666666666667")
    assert rounded(Fraction(1, 2 * 10**12)) == Decimal("0.000000000001")
    assert rounded(Fraction(1)) == Decimal("1.000000000000")
    assert rounded(None) is None
