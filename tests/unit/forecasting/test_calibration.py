from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import accuracy_reference as reference
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.forecasting.calibration import ANSWERED, brier_by_lead, calibration

METHODS = ("simple", "rich")


def given_chance(chance: str | None, deals: int, won: int, **more: Any) -> dict[str, Any]:
    return {
        "as_of_date": date(2026, 3, 31),
        "method": "simple",
        "funnel": "direct",
        "question": "running_month",
        "period_kind": "month",
        "lead_days": 30,
        "lead_bucket": "15-45",
        "chance": None if chance is None else Decimal(chance),
        "deals": deals,
        "won_deals": won,
        "still_open_deals": 0,
        **more,
    }


def eventual(chance: str, deals: int, won: int, still_open: int, **more: Any) -> dict[str, Any]:
    dated = {"question": "eventual", "period_kind": None, "lead_days": None, "lead_bucket": None}
    return given_chance(chance, deals, won, still_open_deals=still_open, **dated, **more)


def answered(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ANSWERED)


def table(rows: Sequence[dict[str, Any]], **where: Any) -> list[dict[str, Any]]:
    asked = {"funnel": "direct", **where}
    made = calibration(answered(rows), METHODS, minimum_n=30)
    return made.filter(*[pl.col(name) == value for name, value in asked.items()]).to_dicts()


def test_brier_is_the_mean_squared_difference_from_what_happened() -> None:
    whole = table([given_chance("0.25", 4, 1), given_chance("1", 1, 1)], bin=0)[0]
    assert (whole["n"], whole["won_deals"]) == (5, 2)
    assert whole["brier"] == pytest.approx((3 * 0.25**2 + 0.75**2) / 5)
    assert whole["mean_chance"] == pytest.approx(0.4)


def test_calibration_error_is_zero_where_each_tenth_kept_its_word() -> None:
    rows = [given_chance(f"0.{tenth}", 10, tenth) for tenth in range(10)]
    made = table(rows)
    assert [row["bin"] for row in made] == list(range(11))
    assert made[0]["ece"] == pytest.approx(0)
    assert [row["observed_share"] for row in made[1:]] == [tenth / 10 for tenth in range(10)]


def test_equal_chances_stay_in_one_bin_and_leave_others_out() -> None:
    made = table([given_chance("0.1", 90, 9), given_chance("0.9", 10, 5)])
    assert [(row["bin"], row["n"]) for row in made] == [(0, 100), (5, 90), (10, 10)]
    assert made[0]["ece"] == pytest.approx(0.1 * 0.4)
    assert (made[1]["lowest_chance"], made[1]["highest_chance"]) == (Decimal("0.1"), Decimal("0.1"))


def test_an_observed_share_has_its_wilson_interval() -> None:
    row = table([given_chance("0.5", 100, 50)], bin=0)[0]
    # Newcombe (1998), table I, of 81 in 263, and the textbook value of 50 in 100.
    assert (row["observed_low"], row["observed_high"]) == (
        pytest.approx(0.40383, abs=1e-5),
        pytest.approx(0.59617, abs=1e-5),
    )
    row = table([given_chance("0.5", 263, 81)], bin=0)[0]
    assert (row["observed_low"], row["observed_high"]) == (
        pytest.approx(0.2553, abs=1e-4),
        pytest.approx(0.3662, abs=1e-4),
    )


def test_deals_without_a_chance_are_counted_and_not_judged() -> None:
    whole = table([given_chance("0.5", 10, 5), given_chance(None, 7, 7)], bin=0)[0]
    assert (whole["n"], whole["n_without_chance"], whole["brier"]) == (10, 7, pytest.approx(0.25))


def test_a_method_that_gave_no_chance_at_all_stands_with_nulls() -> None:
    whole = table([given_chance(None, 7, 3)])
    assert len(whole) == 1
    assert (whole[0]["n"], whole[0]["n_without_chance"], whole[0]["brier"], whole[0]["ece"]) == (0, 7, None, None)
    assert whole[0]["observed_low"] is None
    assert whole[0]["is_insufficient_history"]


def test_whether_a_deal_is_ever_won_is_asked_of_dates_whose_deals_have_ended() -> None:
    old = eventual("0.5", 100, 50, still_open=5)
    young = eventual("0.5", 100, 0, still_open=6, as_of_date=date(2026, 4, 30))
    whole = table([old, young], bin=0)[0]
    assert (whole["n"], whole["won_deals"], whole["n_still_open"], whole["n_as_ofs"]) == (95, 50, 5, 1)


def test_where_no_date_is_old_enough_the_question_stands_unanswered() -> None:
    whole = table([eventual("0.5", 10, 0, still_open=10)])
    assert [(row["n"], row["n_still_open"], row["ece"]) for row in whole] == [(0, 0, None)]


def test_a_deal_still_open_at_the_end_of_a_period_was_not_won_by_then() -> None:
    whole = table([given_chance("0.5", 10, 2)], bin=0)[0]
    assert (whole["n"], whole["observed_share"]) == (10, 0.2)


def test_all_funnels_together_are_judged_too() -> None:
    rows = [given_chance("0.2", 10, 2), given_chance("0.2", 10, 4, funnel="partners")]
    assert [(row["bin"], row["n"], row["won_deals"]) for row in table(rows, funnel="all")] == [(0, 20, 6), (6, 20, 6)]


def test_brier_by_lead_goes_with_the_rows_of_accuracy() -> None:
    rows = [
        given_chance("0.5", 10, 5),
        given_chance(
            "0.5", 10, 10, question="running_quarter", period_kind="quarter", lead_days=92, lead_bucket="76-105"
        ),
        eventual("0.1", 10, 10, still_open=0),
    ]
    found = brier_by_lead(answered(rows)).filter(pl.col("funnel") == "direct").sort("period_kind", "lead_bucket")
    assert found.select("source", "period_kind", "lead_bucket", "ece", "n_chances").rows() == [
        ("backtest", "month", "15-45", 0.0, 10),
        ("backtest", "month", "30+", 0.0, 10),
        ("backtest", "month", "all", 0.0, 10),
        ("backtest", "quarter", "30+", 0.5, 10),
        ("backtest", "quarter", "76-105", 0.5, 10),
        ("backtest", "quarter", "all", 0.5, 10),
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12).map(lambda twelfth: Fraction(twelfth * 83, 1000)), st.booleans()), max_size=40
    )
)
def test_reliability_agrees_with_the_slow_reference(answers: list[tuple[Fraction, bool]]) -> None:
    asked = Counter(chance for chance, _ in answers)
    won = Counter(chance for chance, is_won in answers if is_won)
    rows = [given_chance(str(float(chance)), deals, won[chance]) for chance, deals in asked.items()]
    brier, ece, bins = reference.reliability(answers)
    made = table(rows)
    if not answers:
        assert made == []
        return
    assert made[0]["brier"] == pytest.approx(float(brier or 0), rel=1e-12)
    assert made[0]["ece"] == pytest.approx(float(ece or 0), rel=1e-9, abs=1e-12)
    assert {row["bin"]: (row["n"], row["mean_chance"], row["observed_share"]) for row in made[1:]} == {
        tenth: (n, pytest.approx(float(promised)), pytest.approx(float(came)))
        for tenth, (n, promised, came) in bins.items()
    }
