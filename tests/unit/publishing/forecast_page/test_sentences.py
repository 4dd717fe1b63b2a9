"""The sentence at the head of the forecast page, in every state that a night may be in."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from forecast_nights import BUSINESS_DATE, forecast_deal, period, served, standards

from orchestration.publishing.forecast_page.compose import compose
from orchestration.publishing.forecast_page.sentences import headline
from orchestration.publishing.wording import short_money


def said(**rows: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    made = compose(served(**rows), standards(), BUSINESS_DATE)
    text = headline(made.views[0], made.currency)
    return text.en, text.zh


def test_it_says_what_is_expected_how_sure_that_is_and_how_far_the_target_is() -> None:
    row = period(won=12_400_000, opened=6_300_000, new=1_900_000, spread=2_450_000, target=24_000_000)
    assert said(forecast_period=[row]) == (
        "We expect 20.6M CNY in FY2026-Q4; eight times in ten it comes between 18.2M and 23.1M. "
        "That is 3.40M short of the 24.0M target.",
        "预计 FY2026-Q4 赢单 2060万 CNY，有八成把握落在 1815万 至 2305万 之间。距目标 2400万 还差 340万。",
    )


@pytest.mark.parametrize(
    ("target", "end"),
    [(None, "."), (90, ". That is 10 above the 90 target."), (100, ". That is the 100 target.")],
)
def test_a_target_that_is_passed_met_or_not_set_is_told_so(target: int | None, end: str) -> None:
    english, _ = said(forecast_period=[period(opened=100, target=target)])
    assert english == f"We expect 100 CNY in FY2026-Q4{end}"


def test_an_interval_that_has_no_width_or_is_not_known_is_not_told() -> None:
    assert said(forecast_period=[period(opened=100, spread=None)])[0] == "We expect 100 CNY in FY2026-Q4."
    assert said(forecast_period=[period(opened=100, spread=0)])[0] == "We expect 100 CNY in FY2026-Q4."


def test_open_deals_of_unknown_worth_are_not_told_as_zero() -> None:
    english, chinese = said(forecast_period=[period(won=0, opened=None, new=None, open_deals=7)])
    assert english == ("What the 7 open deals of FY2026-Q4 will bring is not known: too few deals have closed to say.")
    assert "尚不可知" in chinese


def test_a_method_without_timing_says_what_but_not_when() -> None:
    rows = {
        "forecast_period": [period("stage_average", status="untimed", opened=16_000, won=None, new=None)],
        "forecast_deal": [forecast_deal("1", method="stage_average")],
    }
    assert said(**rows)[0] == "We expect 16.0K CNY from 1 open deal; when it comes, history is too short to say."


def test_a_night_without_a_forecast_says_so() -> None:
    assert said() == ("There is no forecast for this night.", "今晚没有预测。")


@pytest.mark.parametrize(
    ("amount", "english", "chinese"),
    [
        ("20600000", "20.6M", "2060万"),
        ("1234567", "1.23M", "123万"),
        ("123456789", "123M", "1.23亿"),
        ("999.49", "999", "999"),
        ("999999", "1.00M", "100万"),
        ("999500", "1.00M", "100万"),
        ("12345", "12.3K", "1.23万"),
        ("-3400000", "−3.40M", "−340万"),
        ("0", "0", "0"),
        ("2500000000000", "2.50T", "2.50万亿"),
    ],
)
def test_amounts_are_told_as_people_say_them(amount: str, english: str, chinese: str) -> None:
    text = short_money(Decimal(amount))
    assert (text.en, text.zh) == (english, chinese)


def test_an_amount_that_is_not_known_is_a_dash() -> None:
    assert short_money(None).en == "—"
