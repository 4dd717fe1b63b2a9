from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from worlds import won, world

from orchestration.forecasting.realisation import realisations, won_amounts


def at(stage: str, won_deals: int, amount_at_stage: str, amount_won: str, funnel: str = "direct") -> dict[str, Any]:
    amounts = {"amount_at_stage": Decimal(amount_at_stage), "amount_won": Decimal(amount_won)}
    return {"funnel": funnel, "stage": stage, "won_deals": won_deals, **amounts}


def ratios(*rows: dict[str, Any], **more: Any) -> dict[Any, Decimal]:
    made = realisations(world(stage_amounts=rows, **more))
    return {stage: ratio for _, stage, ratio, _ in made.iter_rows()}


def test_many_won_deals_show_their_own_ratio() -> None:
    made = ratios(at("proposal", 20_000, "1000000.00", "900000.00"))
    assert abs(made["proposal"] - Decimal("0.9")) < Decimal("0.001")


def test_few_won_deals_are_drawn_to_the_funnel_and_the_funnel_to_one() -> None:
    made = ratios(at("contact", 2, "200.00", "100.00"), at("proposal", 18, "1800.00", "1700.00"))
    # 20 deals of mean amount 100 are 2000: (1800 + 2000) / (2000 + 2000), then (100 + 2000 x 0.95) / (200 + 2000).
    assert made[None] == Decimal("0.95")
    assert made["contact"] == Decimal("0.909090909091")


def test_amounts_of_nothing_say_nothing_of_what_is_left_of_them() -> None:
    made = ratios(at("contact", 5, "0.00", "70.00"), at("proposal", 5, "100.00", "-30.00"))
    assert made[None] == made["contact"] == made["proposal"]


def test_without_shrinkage_the_ratio_is_that_of_the_sums() -> None:
    assert ratios(at("proposal", 2, "300.00", "100.00"), shrinkage_deals=0)["proposal"] == Decimal("0.333333333333")


@pytest.mark.parametrize(("giant_then", "giant_won"), [("100000000.00", "50000000.00"), ("10.00", "100000000.00")])
def test_one_giant_won_deal_does_not_set_the_realisation_of_all(giant_then: str, giant_won: str) -> None:
    usual = at("proposal", 100, "1000000.00", "1000000.00") | {"amount_digits": 5}
    giant = at("proposal", 1, giant_then, giant_won) | {"amount_digits": 9}
    for stage in ("proposal", None):
        ratio = ratios(usual, giant, shrinkage_deals=0)[stage]
        # It weighs as ten deals of 10,000: at most a tenth of the others.
        assert ratio != 1
        assert abs(ratio - 1) <= Decimal("0.1")
    giants_alone = [at("proposal", 30, "3000000000.00", "1500000000.00") | {"amount_digits": 9}]
    assert ratios(*giants_alone, shrinkage_deals=0)["proposal"] == Decimal("0.5")


def test_deals_up_to_ten_usual_ones_weigh_by_their_amount() -> None:
    usual = at("proposal", 100, "1000000.00", "1000000.00") | {"amount_digits": 5}
    large = at("proposal", 10, "1000000.00", "500000.00") | {"amount_digits": 6}
    assert ratios(usual, large, shrinkage_deals=0)["proposal"] == Decimal("0.75")


def test_a_giant_in_one_stage_is_held_against_the_deals_of_all_stages() -> None:
    usual = at("contact", 100, "1000000.00", "1000000.00") | {"amount_digits": 5}
    giant = at("proposal", 1, "100000000.00", "50000000.00") | {"amount_digits": 9}
    made = ratios(usual, giant, shrinkage_deals=0)
    assert (made["contact"], made["proposal"]) == (1, Decimal("0.5"))
    assert made[None] == Decimal("0.954545454545")


def test_the_mean_won_amount_of_a_small_segment_is_drawn_to_the_funnel() -> None:
    deals = [won(f"w{number}", date(2026, 5, 1), "100.00") for number in range(30)]
    deals += [won("b1", date(2026, 5, 1), "400.00", segment="B"), won("b2", date(2026, 5, 2), None, segment="B")]
    amounts = won_amounts(world(won_deals=deals, minimum_n=10, shrinkage_deals=20))
    whole = Fraction(3400, 31)
    assert (amounts["direct", None].mean, amounts["direct", None].deals) == (whole, 31)
    assert amounts["direct", "A"].mean == 100
    assert amounts["direct", "A"].sd == 0
    assert amounts["direct", "B"].mean == (400 + 20 * whole) / 21
    assert amounts["direct", "B"].sd == amounts["direct", None].sd > 0


def test_credit_notes_alone_give_no_mean_won_amount() -> None:
    assert won_amounts(world(won_deals=[won("w", date(2026, 5, 1), "-400.00")])) == {}
