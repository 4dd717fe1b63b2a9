from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

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
