from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import accuracy_reference as reference
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from worlds import deal, world

from orchestration.forecasting.accuracy import LEAD_BUCKETS, SAID, accuracy, champions, lead_bucket
from orchestration.forecasting.method import WITHOUT_TIMING
from orchestration.forecasting.registry import METHODS as METHODS_OF_NIGHT

METHODS = ("simple", "middle", "rich")


def pair(
    forecast: str | None,
    actual: str | None,
    *,
    as_of: date = date(2026, 3, 31),
    months: int = 1,
    p10: str | None = None,
    p50: str | None = None,
    p90: str | None = None,
    naive: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What was said on a date of the month that ends `months` later; the interval is the forecast itself by default."""
    start = as_of + timedelta(days=30 * (months - 1) + 1)

    def money(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return {
        "source": "backtest",
        "as_of_date": as_of,
        "method": "simple",
        "funnel": "direct",
        "period_kind": "month",
        "period_start": start,
        "part": "total",
        "lead_days": 30 * months,
        "forecast_amount": money(forecast),
        "p10_amount": money(p10 if p10 is not None else forecast),
        "p50_amount": money(p50 if p50 is not None else forecast),
        "p90_amount": money(p90 if p90 is not None else forecast),
        "actual_amount": money(actual),
        "naive_amount": money(naive),
        "is_scored": forecast is not None and actual is not None,
        **more,
    }


def said(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SAID).with_columns(lead_bucket=lead_bucket(pl.col("lead_days")))


def measured(rows: Sequence[dict[str, Any]], **where: Any) -> dict[str, Any]:
    asked = {"lead_bucket": "all", **where}
    return accuracy(said(rows), METHODS).row(
        by_predicate=pl.all_horizontal(pl.col(k) == v for k, v in asked.items()), named=True
    )


def test_wape_and_bias_are_shares_of_what_came() -> None:
    row = measured([pair("120", "100"), pair("50", "100", months=2)])
    assert (row["n"], row["wape"], row["bias"]) == (2, 0.35, -0.15)
    assert (row["forecast_amount"], row["actual_amount"]) == (Decimal("170.00"), Decimal("200.00"))


def test_a_share_of_nothing_is_null_and_not_infinite() -> None:
    row = measured([pair("120", "0", p10="0", p90="200")])
    assert (row["n"], row["wape"], row["bias"], row["width"]) == (1, None, None, None)
    assert (row["coverage"], row["mean_width_amount"]) == (1.0, 200.0)
    assert row["pinball_loss"] == pytest.approx((0 + 60 + 20) / 3)


def test_a_period_that_is_not_over_is_not_scored_and_one_without_a_forecast_is_counted() -> None:
    row = measured([pair("120", None), pair(None, "100", months=2)])
    assert (row["n"], row["n_silent"], row["wape"], row["coverage"]) == (0, 1, None, None)
    assert row["is_insufficient_history"]


def test_mase_compares_with_the_year_before_over_the_pairs_that_have_one() -> None:
    row = measured(
        [pair("120", "100", naive="60"), pair("500", "100", months=2), pair("90", "100", months=3, naive="100")]
    )
    assert (row["n"], row["n_naive"], row["mase"]) == (3, 2, 30 / 40)


def test_there_is_no_mase_where_the_year_before_was_right() -> None:
    assert measured([pair("120", "100", naive="100")])["mase"] is None


def test_both_ends_of_an_interval_are_in_it() -> None:
    rows = [
        pair("100", actual, months=months, p10="80", p90="120")
        for months, actual in enumerate(("80", "120", "79.99", "120.01"), start=1)
    ]
    row = measured(rows)
    assert (row["n_intervals"], row["coverage"], row["mean_width_amount"]) == (4, 0.5, 40.0)


def test_a_shortfall_weighs_nine_times_an_excess_at_p90() -> None:
    short, over = pair("0", "100"), pair("100", "0", months=2)
    assert measured([short])["pinball_p90"] == 90.0
    assert measured([over])["pinball_p90"] == 10.0


def test_leads_of_whole_months_stay_in_one_bucket_whatever_the_month() -> None:
    days = pl.DataFrame({"days": [28, 29, 30, 31, 59, 60, 61, 62, 89, 90, 91, 92, 120, 184, 0]})
    buckets = days.select(bucket=lead_bucket(pl.col("days")))["bucket"]
    assert buckets.to_list() == ["15-45"] * 4 + ["46-75"] * 4 + ["76-105"] * 4 + ["106+"] * 2 + ["0-14"]


def test_the_wide_buckets_hold_the_others() -> None:
    table = accuracy(said([pair("1", "2", lead_days=29), pair("1", "2", months=2), pair("1", "2", months=3)]), METHODS)
    n = dict(table.select("lead_bucket", "n").iter_rows())
    assert n == {"15-45": 1, "46-75": 1, "76-105": 1, "30+": 2, "all": 3}


def test_rows_stand_in_the_order_of_leads_and_of_the_methods_from_simple_to_rich() -> None:
    rows = [
        pair("1", "2", method=method, months=months, funnel=funnel)
        for method in ("rich", "simple")
        for months in (4, 1)
        for funnel in ("direct", "all")
    ]
    table = accuracy(said(rows), METHODS)
    assert table["funnel"].unique(maintain_order=True).to_list() == ["all", "direct"]
    first = table.filter(pl.col("funnel") == "all").select("lead_bucket", "method").rows()
    assert first == [
        (bucket, method)
        for bucket in LEAD_BUCKETS
        if bucket in ("15-45", "106+", "30+", "all")
        for method in ("simple", "rich")
    ]


def test_a_method_that_another_one_spoke_for_says_so() -> None:
    row = measured([pair("1", "2", fell_back_to="simple"), pair("1", "2", months=2)])
    assert (row["n"], row["n_fell_back"]) == (2, 1)


def test_history_suffices_from_eight_periods_on() -> None:
    rows = [pair("1", "1", months=months) for months in range(1, 9)]
    assert measured(rows[:7])["is_insufficient_history"]
    assert not measured(rows)["is_insufficient_history"]


def test_nothing_said_gives_no_rows_and_no_champion() -> None:
    assert accuracy(said([]), METHODS).height == 0
    assert champions(said([]), METHODS).height == 0


# Champions


def months_of(method: str, errors: Sequence[str], **more: Any) -> list[dict[str, Any]]:
    """One as-of date a month; the forecast is off by an amount each."""
    return [
        pair(
            str(100 + Decimal(error)),
            "100",
            as_of=date(2025 + number // 12, number % 12 + 1, 28),
            method=method,
            **more,
        )
        for number, error in enumerate(errors)
    ]


def test_the_champion_has_the_least_loss_over_the_last_eight_as_ofs_alone() -> None:
    rows = months_of("simple", ["0"] * 4 + ["9"] * 8) + months_of("rich", ["90"] * 4 + ["8"] * 8)
    assert champions(said(rows), METHODS).rows() == [("direct", "rich")]
    assert measured(rows, method="rich")["is_champion"]
    assert not measured(rows, method="simple")["is_champion"]


def test_the_simpler_of_two_equal_methods_is_champion() -> None:
    rows = months_of("rich", ["5"] * 8) + months_of("simple", ["5"] * 8) + months_of("middle", ["5"] * 8)
    assert champions(said(rows), METHODS).rows() == [("direct", "simple")]


def test_silence_about_a_hard_period_does_not_win() -> None:
    quiet = months_of("simple", ["1"] * 7 + ["80"])
    quiet[-1] |= {
        "forecast_amount": None,
        "p10_amount": None,
        "p50_amount": None,
        "p90_amount": None,
        "is_scored": False,
    }
    assert champions(said(quiet + months_of("rich", ["5"] * 7 + ["80"])), METHODS).rows() == [("direct", "rich")]


def test_a_method_that_does_not_say_when_is_no_champion() -> None:
    rows = months_of("stage_average", ["0"] * 8) + months_of("simple", ["5"] * 8)
    methods = ("stage_average", *METHODS)
    assert champions(said(rows), methods).rows() == [("direct", "simple")]
    assert champions(said(months_of("stage_average", ["0"] * 8)), methods).height == 0


def test_methods_that_do_not_say_when_are_known_by_name() -> None:
    inputs = world(deals=[deal("d")])
    silent_about_time = {method.name for method in METHODS_OF_NIGHT if not method.forecast(inputs).has_timing}
    assert silent_about_time == set(WITHOUT_TIMING)


def test_periods_of_which_not_every_amount_is_known_are_counted_and_measured_by_no_method() -> None:
    partly = {"actual_excluded_deals": 1, "is_scored": False}
    rows = [
        pair("10", "10"),
        pair("10", "4", months=2, **partly),
        pair("10", "4", months=2, as_of=date(2026, 3, 1), lead_days=90, period_start=date(2026, 5, 1), **partly),
    ]
    row = measured(rows)
    assert (row["n"], row["n_periods"], row["n_periods_unknown_amounts"], row["wape"]) == (1, 1, 1, 0.0)


def test_each_funnel_has_its_own_champion() -> None:
    rows = [
        *months_of("simple", ["1"] * 8),
        *months_of("rich", ["2"] * 8),
        *months_of("simple", ["2"] * 8, funnel="partners"),
        *months_of("rich", ["1"] * 8, funnel="partners"),
    ]
    assert champions(said(rows), METHODS).rows() == [("direct", "simple"), ("partners", "rich")]


def test_what_nights_said_makes_no_champion() -> None:
    rows = months_of("simple", ["1"] * 8) + months_of("rich", ["0"] * 8, source="night")
    assert champions(said(rows), METHODS).rows() == [("direct", "simple")]


# Against the reference

CENTS = st.integers(-(10**6), 10**13).map(lambda cents: Decimal(cents) / 100)


@st.composite
def pairs(draw: st.DrawFn) -> dict[str, Any]:
    amounts = st.none() | CENTS | st.just(Decimal("0.00"))
    low, middle, high = sorted(draw(st.tuples(CENTS, CENTS, CENTS)))
    has_interval = draw(st.integers(0, 9)) > 0
    forecast, actual = draw(amounts), draw(amounts)
    excluded = draw(st.sampled_from([None, 0, 0, 2]))
    part = draw(st.sampled_from(["total", "total", "open"]))
    month = draw(st.integers(0, 11))
    return {
        "source": draw(st.sampled_from(["backtest", "backtest", "night"])),
        "as_of_date": date(2025, month + 1, 28),
        "method": draw(st.sampled_from(METHODS)),
        "funnel": draw(st.sampled_from(["direct", "all"])),
        "period_kind": draw(st.sampled_from(["month", "quarter"])),
        "period_start": date(2026, draw(st.integers(1, 3)), 1),
        "part": part,
        "lead_days": draw(st.sampled_from([0, 14, 15, 29, 30, 45, 46, 75, 76, 105, 106, 184])),
        "forecast_amount": forecast,
        "p10_amount": low if has_interval else None,
        "p50_amount": middle if has_interval else None,
        "p90_amount": high if has_interval else None,
        "actual_amount": actual,
        "naive_amount": draw(amounts) if part == "total" else None,
        "actual_excluded_deals": excluded,
        "is_scored": forecast is not None and actual is not None and not excluded,
    }


def row_key(row: dict[str, Any]) -> tuple[Any, ...]:
    names = ("source", "as_of_date", "method", "funnel", "period_kind", "period_start", "part", "lead_days")
    return tuple(row[name] for name in names)


ROWS = st.lists(pairs(), max_size=60, unique_by=row_key)


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_measures_agree_with_the_slow_reference(rows: list[dict[str, Any]]) -> None:
    table = accuracy(said(rows), METHODS)
    expected = reference.measures(rows)
    keys = ("source", "method", "funnel", "period_kind", "lead_bucket", "part")
    assert {row[:6] for row in table.select(keys).iter_rows()} == set(expected)
    for row in table.iter_rows(named=True):
        for name, value in expected[tuple(row[key] for key in keys)].items():
            assert row[name] == (None if value is None else pytest.approx(float(value), rel=1e-12)), name


@settings(max_examples=150, deadline=None)
@given(st.lists(pairs(), max_size=60, unique_by=lambda row: row_key(row)[:-1]))
def test_champions_agree_with_the_slow_reference(rows: list[dict[str, Any]]) -> None:
    found = dict(champions(said(rows), METHODS).iter_rows())
    for funnel in ("direct", "all"):
        assert found.get(funnel) == reference.champion(rows, funnel, METHODS)


@settings(max_examples=50, deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_what_was_said_changes_nothing(rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert_frame_equal(accuracy(said(rows), METHODS), accuracy(said(shuffled), METHODS), check_exact=True)
