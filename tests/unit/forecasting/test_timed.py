from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import BUSINESS_DATE, deal, hazards, history, moves, won, world

from orchestration.forecasting.forecast import forecast as forecast_of
from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import ForecastMethod, MethodForecast
from orchestration.forecasting.methods import timed, timed_adjusted
from orchestration.forecasting.rates import log_odds_sd
from orchestration.forecasting.timing import chances_by, dated_months

HISTORY = [
    *hazards("contact", "proposal", {0: 10, 1: 40, 2: 30, 4: 10}),
    *hazards("contact", "lost", {0: 10, 2: 40, 8: 20}),
    *hazards("proposal", "won", {1: 20, 3: 20, 6: 5}),
    *hazards("proposal", "lost", {1: 10, 5: 25}),
    *hazards("proposal", "contact", {2: 5}),
    *hazards("lost", "proposal", {12: 4}),
    {"stage": "lost", "next_state": "(ongoing)", "weeks_in_stage": 80, "visits": 100, "days": 300.0}
    | {"funnel": "direct", "segment": "all"},
]
WON = [won(f"w{number}", date(2026, 6, 1), f"{10000 * number}.00") for number in range(1, 6)]


def made(**parts: Any) -> MethodForecast:
    return timed.forecast(world(**{"counts": HISTORY, "won_deals": WON, **parts}))


def of_deal(forecast: MethodForecast, key: str) -> dict[str, Any]:
    return forecast.deals.filter(pl.col("deal_key") == key).row(0, named=True)


def assert_sums_are_exact(forecast: MethodForecast, inputs: ForecastInputs) -> None:
    assert sorted(forecast.deals["deal_key"]) == sorted(inputs.open_deals["deal_key"])
    sums = forecast.chances.group_by("deal_key").agg(
        pl.when(pl.col("chance").is_not_null().all()).then(pl.col("chance").sum()).alias("chance"),
        pl.when(pl.col("expected_amount").is_not_null().all()).then(pl.col("expected_amount").sum()).alias("expected"),
        pl.col("amount_if_won").first(),
        (pl.col("chance") < 0).any().alias("is_negative"),
    )
    assert sums.height == inputs.open_deals.height
    for row in sums.join(forecast.deals, on="deal_key").iter_rows(named=True):
        assert row["chance"] == row["win_rate"]
        assert not row["is_negative"]
        assert (row["expected"] is None) == (row["amount_exclusion"] is not None)
        if row["expected"] is not None:
            cent = Decimal("0.01")
            assert row["expected"] == (row["win_rate"] * row["amount_if_won"]).quantize(cent, "ROUND_HALF_UP")


def test_a_deal_may_be_won_in_each_month_to_the_end_of_the_second_quarter_ahead_or_later() -> None:
    forecast = made(deals=[deal("d", days_in_stage=3.2)])
    assert forecast.chances["period_status"].to_list() == ["dated"] * 8 + ["later"]
    assert forecast.chances["period_start"].to_list() == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        *(date(2027, month, 1) for month in range(1, 7)),
        None,
    ]
    assert of_deal(forecast, "d")["win_rate"] == forecast.chances["chance"].sum()


def test_on_the_last_day_of_a_quarter_nothing_more_is_won_in_it() -> None:
    inputs = world(business_date=date(2026, 9, 30), counts=HISTORY, deals=[deal("d", days_in_stage=3.0)])
    months = dated_months(inputs)
    assert (months["period_start"][0], months["last_day"][0]) == (date(2026, 9, 1), 0)
    assert months["period_end"][-1] == date(2027, 3, 31)
    chances = timed.forecast(inputs).chances
    assert chances["chance"][0] == 0
    assert chances["chance"][1] > 0


def test_the_chances_of_months_are_those_by_their_last_days() -> None:
    inputs = world(counts=HISTORY, deals=[deal("d", days_in_stage=10.0)])
    by_day = chances_by(inputs, inputs.open_deals, [8, 39])
    chances = timed.forecast(inputs).chances["chance"].cast(pl.Float64)
    assert chances[0] == pytest.approx(by_day[0, 0], abs=1e-11)
    assert chances[0] + chances[1] == pytest.approx(by_day[0, 1], abs=1e-11)


def test_half_of_the_chance_is_used_by_the_expected_day() -> None:
    inputs = world(counts=HISTORY, deals=[deal("d", days_in_stage=0.0)])
    row = of_deal(timed.forecast(inputs), "d")
    days = (row["expected_win_on"] - BUSINESS_DATE).days
    before, by = chances_by(inputs, inputs.open_deals, [days - 1, days])[0]
    assert before < float(row["win_rate"]) / 2 <= by


def test_a_deal_is_worth_what_deals_of_its_stage_were_won_for() -> None:
    amounts = [
        {"funnel": "direct", "stage": "proposal", "won_deals": 20} | {"amount_at_stage": 1000, "amount_won": 800}
    ]
    forecast = made(deals=[deal("d", amount="500.00"), deal("c", "contact", "500.00")], stage_amounts=amounts)
    worth = dict(forecast.chances.select("deal_key", "amount_if_won").unique().iter_rows())
    # The funnel: (800 + 20 x 50) / (1000 + 20 x 50) = 0.9; the stage: (800 + 1000 x 0.9) / 2000 = 0.85.
    assert worth == {"d": Decimal("425.00"), "c": Decimal("450.00")}


def test_a_deal_without_an_amount_is_worth_a_mean_won_deal_and_says_so() -> None:
    forecast = made(deals=[deal("d", amount=None), deal("own")])
    assert of_deal(forecast, "d")["amount_basis"] == "mean_won"
    assert of_deal(forecast, "own")["amount_basis"] == "own"
    assert forecast.chances.filter(pl.col("deal_key") == "d")["amount_if_won"][0] == Decimal("30000.00")


@pytest.mark.parametrize("method", [timed, timed_adjusted])
def test_the_served_realisation_is_what_a_deals_own_amount_is_scaled_by(method: ForecastMethod) -> None:
    stage_amounts = [
        {"funnel": "direct", "stage": "proposal", "won_deals": 37} | {"amount_at_stage": 1001, "amount_won": 803}
    ]
    deals = [deal("d", amount="98765.43"), deal("c", "contact", "500.55"), deal("mean", amount=None)]
    inputs = world(counts=HISTORY, won_deals=WON, deals=deals, stage_amounts=stage_amounts)
    served = forecast_of(inputs, [method], draws=10)
    worth = dict(served.deal_periods.select("deal_key", "amount_if_won").unique().iter_rows())
    ratios = dict(served.deals.select("deal_key", "realisation").iter_rows())
    assert ratios.pop("mean") is None
    assert 0 < ratios["d"] < ratios["c"] < 1
    for each in served.deals.filter(pl.col("amount_basis") == "own").iter_rows(named=True):
        scaled = each["amount_reporting"] * Decimal(repr(ratios.pop(each["deal_key"])))
        assert worth[each["deal_key"]] == scaled.quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert ratios == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "-5.00"}, "negative_amount"),
        ({"amount": None, "amount_exclusion": "missing_rate"}, "missing_rate"),
    ],
)
def test_an_amount_that_is_wrong_or_cannot_be_converted_is_excluded_with_the_reason(
    changes: dict[str, Any], reason: str
) -> None:
    inputs = world(counts=HISTORY, won_deals=WON, deals=[deal("d", **changes)])
    forecast = timed.forecast(inputs)
    row = of_deal(forecast, "d")
    assert (row["amount_exclusion"], row["amount_basis"]) == (reason, None)
    assert row["win_rate"] > 0
    assert forecast.chances["expected_amount"].null_count() == forecast.chances.height
    assert_sums_are_exact(forecast, inputs)


def test_without_any_won_amount_a_deal_without_one_is_excluded() -> None:
    assert of_deal(made(deals=[deal("d", amount=None)], won_deals=[]), "d")["amount_exclusion"] == "missing_amount"


def test_an_amount_of_zero_is_expected_to_bring_nothing() -> None:
    forecast = made(deals=[deal("d", amount="0.00")])
    assert forecast.chances["expected_amount"].sum() == 0
    assert of_deal(forecast, "d")["amount_exclusion"] is None


def test_no_closed_deals_give_no_chances_and_say_insufficient_history() -> None:
    forecast = made(counts=hazards("contact", "proposal", {1: 50}), deals=[deal("d"), deal("c", "contact")])
    for key in ("d", "c"):
        row = of_deal(forecast, key)
        assert (row["win_rate"], row["is_insufficient_history"]) == (None, True)
        assert (row["amount_exclusion"], row["expected_win_on"], row["rate_sd"]) == ("no_rate_history", None, 0.0)
    assert forecast.chances.select("period_start", "period_status", "chance").rows() == [(None, "untimed", None)] * 2
    assert forecast.new_business.height == 0


def test_a_funnel_with_fewer_closes_than_the_minimum_is_left_to_simpler_methods() -> None:
    closes = moves({("proposal", "won"): 10, ("proposal", "lost"): 10})
    assert of_deal(made(counts=closes, deals=[deal("d")], minimum_n=21), "d")["win_rate"] is None
    assert of_deal(made(counts=closes, deals=[deal("d")], minimum_n=20), "d")["win_rate"] is not None


def test_a_stage_nobody_has_left_yet_has_no_rate_while_the_others_have() -> None:
    forecast = made(deals=[deal("d", "demo"), deal("p")])
    assert of_deal(forecast, "d")["win_rate"] is None
    assert of_deal(forecast, "p")["win_rate"] > 0


def test_a_stage_from_which_too_many_run_into_the_unknown_has_no_rate() -> None:
    def rate(lost_sight_of: int) -> Any:
        counts = [*HISTORY, *hazards("proposal", "funnel_change", {1: lost_sight_of})]
        return of_deal(made(counts=counts, deals=[deal("d")]), "d")["win_rate"]

    assert rate(3) is not None
    assert rate(40) is None


def test_where_all_were_won_every_deal_will_be_and_where_none_was_none_will() -> None:
    all_won = made(counts=moves({("proposal", "won"): 50}), deals=[deal("d")])
    assert of_deal(all_won, "d")["win_rate"] == 1
    assert of_deal(all_won, "d")["rate_sd"] == pytest.approx(log_odds_sd(Fraction(1), 50))
    none_won = made(counts=moves({("proposal", "lost"): 50}), deals=[deal("d")])
    assert of_deal(none_won, "d")["win_rate"] == 0
    assert of_deal(none_won, "d")["rate_sd"] == pytest.approx(log_odds_sd(Fraction(0), 50))
    assert of_deal(none_won, "d")["expected_win_on"] is None
    assert none_won.chances["expected_amount"].sum() == 0


@pytest.mark.parametrize("segment", ["A", "never seen"])
def test_thirty_of_thirty_won_is_not_certain(segment: str) -> None:
    pipeline = [deal(f"d{number}", amount="1000.00", segment=segment) for number in range(50)]
    seen = {("proposal", "won"): 30}
    inputs = world(counts=[*moves(seen), *moves(seen, segment="A")], deals=pipeline)
    rows = forecast_of(inputs, [timed], draws=2000).periods
    quarter = rows.filter(period_kind="quarter", scope="all", funnel="all").row(0, named=True)
    assert quarter["open_p10_amount"] < Decimal(49_000)
    assert Decimal(45_000) < quarter["open_p50_amount"] <= quarter["open_p90_amount"]


def test_a_deal_overdue_for_years_has_the_rate_of_the_oldest() -> None:
    inputs = world(counts=HISTORY, deals=[deal("a", days_in_stage=400.0), deal("b", days_in_stage=4000.0)])
    rates = timed.forecast(inputs).deals["win_rate"]
    assert rates[0] == rates[1]


def test_one_giant_deal_changes_nothing_about_the_others() -> None:
    few = [deal(f"d{number}") for number in range(4)]
    without, with_giant = made(deals=few), made(deals=[*few, deal("giant", amount="9999999999999999.99")])
    kept = with_giant.chances.filter(pl.col("deal_key") != "giant")
    assert kept.equals(without.chances)
    inputs = world(counts=HISTORY, deals=[deal("giant", amount="9999999999999999.99")])
    assert_sums_are_exact(timed.forecast(inputs), inputs)


def test_funnels_do_not_learn_from_each_other() -> None:
    other = [each | {"funnel": "partner"} for each in moves({("proposal", "won"): 90, ("proposal", "lost"): 10})]
    forecast = made(
        counts=[*HISTORY, *other], deals=[deal("d"), deal("p", funnel="partner")], funnels=("direct", "partner")
    )
    assert of_deal(forecast, "p")["win_rate"] == Decimal("0.9")
    assert of_deal(forecast, "d")["win_rate"] == of_deal(made(deals=[deal("d")]), "d")["win_rate"]


def test_deals_share_what_is_not_known_of_their_rate_with_their_segment_and_old_ones_with_the_funnel() -> None:
    counts = []
    by_week = {week: round(300 * 0.6**week) for week in range(10)} | {40: 2}
    for segment, segments in (("a", 1), ("b", 1), ("c", 1), ("all", 3)):
        for next_state in ("won", "lost"):
            seen = {week: segments * visits for week, visits in by_week.items()}
            counts += hazards("proposal", next_state, seen, segment)
    deals = [
        deal(f"{segment}{days}", segment=segment, days_in_stage=days) for segment in ("a", "b") for days in (2.0, 290.0)
    ]
    forecast = made(counts=counts, deals=deals)
    assert dict(forecast.deals.select("deal_key", "rate_group").iter_rows()) == {
        "a2.0": "direct/a",
        "b2.0": "direct/b",
        "a290.0": "direct",
        "b290.0": "direct",
    }
    sd = dict(forecast.deals.select("deal_key", "rate_sd").iter_rows())
    assert sd["a290.0"] > 3 * sd["a2.0"] > 0


def test_chances_are_asked_for_any_rows_in_their_own_order() -> None:
    inputs = world(counts=HISTORY)
    rows = pl.DataFrame(
        {
            "funnel": ["direct", "other", "direct", "direct"],
            "segment": ["A", "A", "never seen", "A"],
            "stage": ["proposal", "proposal", "contact", "proposal"],
            "days_in_stage": [0.0, 0.0, 3.0, None],
        }
    )
    chances = chances_by(inputs, rows, [30, 0, 10])
    assert chances.shape == (4, 3)
    assert np.isnan(chances[1]).all()
    assert (chances[[0, 2, 3], 1] == 0).all()
    assert (chances[[0, 2, 3], 0] > chances[[0, 2, 3], 2]).all()
    assert np.array_equal(chances_by(inputs, rows[::-1], [30, 0, 10])[::-1], chances, equal_nan=True)


def test_the_forecast_of_a_past_day_is_made_as_tonights() -> None:
    day = date(2026, 5, 31)
    then = [each | {"as_of_date": day} for each in HISTORY]
    past = history(as_ofs=[day], counts=[*then, *moves({("proposal", "won"): 1})], deals=[deal("d", as_of_date=day)])
    alone = world(business_date=day, counts=HISTORY, deals=[deal("d")])
    assert timed.forecast(past.inputs(day)).chances.equals(timed.forecast(alone).chances)


amounts = st.one_of(st.none(), st.decimals("-10", "100000000", places=2).map(str))
ages = st.one_of(st.none(), st.floats(0, 3000))
pipelines = st.lists(
    st.tuples(st.sampled_from(["contact", "proposal", "demo"]), amounts, ages, st.sampled_from(["A", "B"])), max_size=15
)


def deals_of(pipeline: list[Any]) -> list[dict[str, Any]]:
    return [
        deal(f"d{number:02d}", stage, amount, days_in_stage=age, segment=segment)
        for number, (stage, amount, age, segment) in enumerate(pipeline)
    ]


@settings(max_examples=40, deadline=None)
@given(pipelines)
def test_chances_sum_to_the_rate_and_money_to_the_cent(pipeline: list[Any]) -> None:
    inputs = world(counts=HISTORY, won_deals=WON, deals=deals_of(pipeline))
    assert_sums_are_exact(timed.forecast(inputs), inputs)


@settings(max_examples=20, deadline=None)
@given(pipelines, st.randoms(use_true_random=False))
def test_the_order_of_deals_does_not_matter(pipeline: list[Any], random: Any) -> None:
    inputs = world(counts=HISTORY, won_deals=WON, deals=deals_of(pipeline))
    places = list(range(inputs.open_deals.height))
    random.shuffle(places)
    shuffled = ForecastInputs(**{**vars(inputs), "open_deals": inputs.open_deals[places]})
    first, second = timed.forecast(inputs), timed.forecast(shuffled)
    assert first.deals.sort("deal_key").equals(second.deals.sort("deal_key"))
    order = ["deal_key", "period_status", "period_start"]
    assert first.chances.sort(order).equals(second.chances.sort(order))
