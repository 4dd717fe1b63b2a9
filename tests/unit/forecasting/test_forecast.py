from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from worlds import BUSINESS_DATE, calendar, deal, moves, tables, world

from orchestration.forecasting.forecast import DEAL_COLUMNS, Forecast, ForecastSumError, forecast
from orchestration.forecasting.inputs import ForecastInputs, read_inputs
from orchestration.forecasting.method import MethodForecast
from orchestration.forecasting.methods import stage_average, weighted_stage
from orchestration.forecasting.registry import METHODS

ONE_IN_FIVE = {("proposal", "won"): 20, ("proposal", "lost"): 80}
TEN_WON = {"funnel": "direct", "won_deals": 10, "won_deals_with_amount": 10, "won_amount": Decimal("500000.00")}


def period(periods: pl.DataFrame, **where: Any) -> dict[str, Any]:
    return periods.filter(*[pl.col(column).eq_missing(value) for column, value in where.items()]).row(0, named=True)


def november(made: Forecast | MethodForecast, **where: Any) -> dict[str, Any]:
    return period(made.periods, period_kind="month", period_start=date(2026, 11, 1), **where)


def test_one_hundred_deals_at_twenty_percent_and_fifty_thousand_are_exactly_one_million() -> None:
    inputs = world(
        deals=[deal(f"d{number}", amount=None) for number in range(100)],
        counts=moves(ONE_IN_FIVE),
        won_amounts=[TEN_WON],
    )
    made = stage_average.forecast(inputs)
    assert made.deals["expected_amount"].to_list() == [Decimal("10000.00")] * 100
    assert period(made.periods, funnel="direct")["total_amount"] == Decimal("1000000.00")
    assert period(made.periods, funnel="all")["total_amount"] == Decimal("1000000.00")


def test_the_same_hundred_deals_weighted_by_stage_are_one_million_too() -> None:
    inputs = world(deals=[deal(f"d{number}") for number in range(100)], counts=moves(ONE_IN_FIVE))
    made = weighted_stage.forecast(inputs)
    december = period(made.periods, funnel="direct", period_kind="month", period_start=date(2026, 12, 1))
    assert december["total_amount"] == Decimal("1000000.00")


def test_a_stage_total_is_rounded_once_and_its_deals_sum_to_it() -> None:
    # Two sevenths of 100.00 for three deals: 85.714285..., not three times 28.57.
    inputs = world(
        deals=[deal(f"d{number}") for number in range(3)],
        counts=moves({("proposal", "won"): 2, ("proposal", "lost"): 5}),
        won_amounts=[TEN_WON | {"won_deals_with_amount": 1, "won_amount": Decimal("100.00")}],
    )
    deals = stage_average.forecast(inputs).deals
    assert deals["expected_amount"].to_list() == [Decimal("28.57"), Decimal("28.57"), Decimal("28.57")]
    inputs = world(
        deals=[deal(f"d{number}") for number in range(5)],
        counts=moves({("proposal", "won"): 1, ("proposal", "lost"): 2}),
        won_amounts=[TEN_WON | {"won_deals_with_amount": 1, "won_amount": Decimal("100.00")}],
    )
    deals = stage_average.forecast(inputs).deals
    assert deals["expected_amount"].sum() == Decimal("166.67")
    assert sorted(set(deals["expected_amount"])) == [Decimal("33.33"), Decimal("33.34")]


def test_a_weighted_amount_is_the_published_rate_times_the_amount_to_the_cent() -> None:
    inputs = world(
        deals=[deal("d1", amount="0.03"), deal("d2", amount="9999999999999999.99")],
        counts=moves({("proposal", "won"): 1, ("proposal", "lost"): 1}),
    )
    deals = weighted_stage.forecast(inputs).deals
    assert deals["expected_amount"].to_list() == [Decimal("0.02"), Decimal("5000000000000000.00")]


def test_no_closed_deals_give_nulls_and_counted_exclusions_and_no_money() -> None:
    made = forecast(world(deals=[deal("d1"), deal("d2", stage="contact")]))
    assert made.deals["expected_amount"].null_count() == 4
    assert set(made.deals["amount_exclusion"]) == {"no_rate_history"}
    assert made.deals["is_insufficient_history"].all()
    untimed = period(made.periods, method="stage_average", funnel="all")
    assert (untimed["open_deals"], untimed["excluded_deals"], untimed["open_amount"]) == (2, 2, None)
    assert untimed["total_amount"] is None


def test_no_won_amounts_leave_the_stage_average_null_and_say_why() -> None:
    won_without_amount = TEN_WON | {"won_deals_with_amount": 0, "won_amount": None}
    inputs = world(deals=[deal("d1")], counts=moves(ONE_IN_FIVE), won_amounts=[won_without_amount])
    deals = stage_average.forecast(inputs).deals
    assert deals.select("expected_amount", "amount_exclusion").row(0) == (None, "no_won_amount")
    assert deals["win_rate"].item() == Decimal("0.200000000000")


def test_deals_without_an_amount_are_counted_and_are_not_zero() -> None:
    inputs = world(
        deals=[deal("d1", amount=None), deal("d2", amount=None, amount_exclusion="missing_rate")],
        counts=moves(ONE_IN_FIVE),
    )
    made = weighted_stage.forecast(inputs)
    assert made.deals["amount_exclusion"].to_list() == ["missing_amount", "missing_rate"]
    december = period(made.periods, funnel="direct", period_kind="month", period_start=date(2026, 12, 1))
    assert (december["open_deals"], december["excluded_deals"]) == (2, 2)
    assert (december["open_amount"], december["total_amount"]) == (None, None)


def test_a_negative_amount_is_left_out_by_name_and_a_zero_amount_is_worth_zero() -> None:
    inputs = world(deals=[deal("d1", amount="-5.00"), deal("d2", amount="0.00")], counts=moves(ONE_IN_FIVE))
    deals = weighted_stage.forecast(inputs).deals
    assert deals["amount_exclusion"].to_list() == ["negative_amount", None]
    assert deals["expected_amount"].to_list() == [None, Decimal("0.00")]


def test_with_no_open_deals_the_running_month_and_quarter_still_stand() -> None:
    won = {"funnel": "direct", "won_deals": 2, "won_deals_with_amount": 1, "won_amount": Decimal("700.00")}
    inputs = world(
        won_to_date=[
            won | {"period_kind": "month", "period_start": date(2026, 11, 1)},
            won | {"period_kind": "quarter", "period_start": date(2026, 10, 1)},
        ]
    )
    made = weighted_stage.forecast(inputs)
    row = november(made, funnel="direct")
    assert (row["open_deals"], row["open_amount"], row["won_deals"]) == (0, Decimal("0.00"), 2)
    assert (row["won_amount"], row["won_excluded_deals"]) == (Decimal("700.00"), 1)
    assert (row["total_amount"], row["new_business_amount"]) == (Decimal("700.00"), None)
    quarter = period(made.periods, funnel="all", period_kind="quarter")
    assert (quarter["period_label"], quarter["total_amount"]) == ("FY2026-Q4", Decimal("700.00"))
    assert set(made.periods["period_status"]) == {"dated", "overdue", "undated"}
    assert made.deals.height == 0


def test_won_deals_of_unknown_worth_make_the_period_unknown_and_not_zero() -> None:
    won = {"funnel": "direct", "won_deals": 2, "won_deals_with_amount": 0, "won_amount": None}
    inputs = world(won_to_date=[won | {"period_kind": "month", "period_start": date(2026, 11, 1)}])
    row = november(weighted_stage.forecast(inputs), funnel="direct")
    assert (row["won_deals"], row["won_amount"], row["total_amount"]) == (2, None, None)


def test_overdue_undated_and_far_off_deals_stand_in_rows_of_their_own() -> None:
    inputs = world(
        deals=[
            deal("year_old", expected_close_date=date(2025, 11, 1)),
            deal("yesterday", expected_close_date=date(2026, 11, 21)),
            deal("today", expected_close_date=BUSINESS_DATE),
            deal("none", expected_close_date=None),
            deal("placeholder", expected_close_date=date(2099, 12, 31)),
        ],
        counts=moves(ONE_IN_FIVE),
    )
    made = weighted_stage.forecast(inputs)
    by_key = dict(made.deals.select("deal_key", "period_status").iter_rows())
    assert by_key == {
        "year_old": "overdue",
        "yesterday": "overdue",
        "today": "dated",
        "none": "undated",
        "placeholder": "undated",
    }
    assert made.deals.filter(pl.col("period_status") != "dated")["period_start"].null_count() == 4
    sums = dict(
        made.periods.filter(pl.col("funnel") == "all", pl.col("period_kind") != "quarter")
        .select("period_status", "open_amount")
        .iter_rows()
    )
    assert sums == {"dated": Decimal("10000.00"), "overdue": Decimal("20000.00"), "undated": Decimal("20000.00")}


def test_the_last_day_of_a_quarter_still_belongs_to_it() -> None:
    made = weighted_stage.forecast(
        world(
            business_date=date(2026, 12, 31),
            deals=[deal("d1", expected_close_date=date(2026, 12, 31))],
            counts=moves(ONE_IN_FIVE),
        )
    )
    quarter = period(made.periods, funnel="direct", period_kind="quarter", period_label="FY2026-Q4")
    assert quarter["open_amount"] == Decimal("10000.00")


def test_the_tables_carry_exactly_the_served_columns() -> None:
    made = forecast(world(deals=[deal("d1")], counts=moves(ONE_IN_FIVE), won_amounts=[TEN_WON]))
    assert made.deals.columns == ["business_date", "method", *DEAL_COLUMNS]
    assert made.deals.schema["win_rate"] == pl.Decimal(13, 12)
    assert made.deals.schema["expected_amount"] == pl.Decimal(18, 2)
    assert made.deals["method"].to_list() == ["stage_average", "weighted_stage"]
    assert made.periods.columns == [
        "business_date",
        "method",
        "funnel",
        "period_kind",
        "period_start",
        "period_end",
        "period_label",
        "period_status",
        "won_deals",
        "won_excluded_deals",
        "won_amount",
        "open_deals",
        "excluded_deals",
        "open_amount",
        "new_business_amount",
        "total_amount",
    ]


def test_an_empty_company_has_the_same_columns_and_types_as_a_full_one() -> None:
    empty = forecast(world())
    full = forecast(world(deals=[deal("d1")], counts=moves(ONE_IN_FIVE), won_amounts=[TEN_WON]))
    assert empty.deals.schema == full.deals.schema
    assert empty.periods.schema == full.periods.schema


def test_a_method_whose_parts_do_not_sum_is_stopped() -> None:
    class Loses:
        name = "loses"

        def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
            made = weighted_stage.forecast(inputs)
            return MethodForecast(made.deals, made.periods.filter(pl.col("period_kind") != "month"))

    with pytest.raises(ForecastSumError, match=r"loses: 1 deals sum to 10000\.00"):
        forecast(world(deals=[deal("d1")], counts=moves(ONE_IN_FIVE)), [Loses()])


def test_method_names_stand_once() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)


STATES = ["contact", "proposal", "won", "lost", "nurture", "elsewhere"]
AMOUNTS = st.none() | st.decimals(-100, 10**9, places=2)
FUNNELS = st.sampled_from(["direct", "partner"])


@st.composite
def companies(draw: st.DrawFn) -> dict[str, pl.DataFrame]:
    deals = [
        deal(
            f"d{number:02d}",
            stage=draw(st.sampled_from(["contact", "proposal"])),
            amount=None,
            funnel=draw(FUNNELS),
            segment=draw(st.sampled_from(["A", "B", "(none)"])),
            expected_close_date=draw(st.none() | st.dates(date(2025, 6, 1), date(2029, 1, 1))),
        )
        | {"amount_reporting": draw(AMOUNTS)}
        for number in range(draw(st.integers(0, 12)))
    ]
    counts = draw(
        st.dictionaries(
            st.tuples(
                FUNNELS, st.sampled_from(["all", "A", "B"]), st.sampled_from(STATES[:2]), st.sampled_from(STATES)
            ),
            st.integers(0, 60),
            max_size=20,
        )
    )
    won_deals = draw(st.integers(0, 5))
    won = {
        "funnel": "direct",
        "won_deals": 5,
        "won_deals_with_amount": won_deals,
        "won_amount": draw(st.decimals(0, 10**9, places=2)) if won_deals else None,
    }
    return tables(
        deals=deals,
        counts=[
            row
            for (funnel, segment, left, entered), n in counts.items()
            for row in moves({(left, entered): n}, segment, funnel)
        ],
        won_amounts=[won],
        won_to_date=[
            won | {"period_kind": row["period_kind"], "period_start": row["period_start"]}
            for row in calendar(2026, 2026)
        ],
        funnels=["direct", "partner"],
        minimum_n=draw(st.integers(0, 40)),
        shrinkage_deals=draw(st.integers(0, 30)),
    )


@settings(max_examples=60, deadline=None)
@given(companies())
def test_deals_sum_to_periods_and_funnels_to_the_whole_to_the_cent(made: dict[str, pl.DataFrame]) -> None:
    answer = forecast(read_inputs(made, BUSINESS_DATE))
    assert answer.deals["win_rate"].drop_nulls().is_between(Decimal(0), Decimal(1)).all()
    assert (answer.deals["expected_amount"].is_null() == answer.deals["amount_exclusion"].is_not_null()).all()
    for method in METHODS:
        deals = answer.deals.filter(pl.col("method") == method.name)
        periods = answer.periods.filter(pl.col("method") == method.name)
        for funnel in ("direct", "partner", "all"):
            own = deals if funnel == "all" else deals.filter(pl.col("funnel") == funnel)
            for kind in ("month", "quarter"):
                parts = periods.filter(pl.col("funnel") == funnel, pl.col("period_kind").is_in([kind, "none"]))
                assert parts["open_amount"].sum() == own["expected_amount"].sum()
                assert parts["open_deals"].sum() == own.height
                assert parts["excluded_deals"].sum() == own["expected_amount"].null_count()
        parts = periods.filter(pl.col("funnel") != "all")
        whole = periods.filter(pl.col("funnel") == "all")
        for column in ("open_deals", "excluded_deals", "won_deals", "won_excluded_deals", "open_amount", "won_amount"):
            # `all` holds the running periods and those of any funnel, so that the parts meet in it.
            key = ["period_kind", "period_start", "period_status"]
            summed = parts.group_by(key).agg(pl.col(column).sum())
            both = whole.join(summed, on=key, how="left", nulls_equal=True)
            if column.startswith("won"):
                both = both.filter(pl.col("period_label").is_in(["2026-11", "FY2026-Q4"]))
            assert both[column].fill_null(0).to_list() == both[f"{column}_right"].fill_null(0).to_list()


@settings(max_examples=40, deadline=None)
@given(companies(), st.integers(0, 10**6))
def test_the_order_of_input_rows_changes_nothing(made: dict[str, pl.DataFrame], seed: int) -> None:
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=seed) for name, frame in made.items()}
    straight = forecast(read_inputs(made, BUSINESS_DATE))
    mixed = forecast(read_inputs(shuffled, BUSINESS_DATE))
    assert_frame_equal(straight.deals, mixed.deals)
    assert_frame_equal(straight.periods, mixed.periods)
