from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from worlds import BUSINESS_DATE, STAGES, deal, hazards, moves, tables, won, world

from orchestration.forecasting.fallback import spoken
from orchestration.forecasting.forecast import (
    DEAL_COLUMNS,
    PERIOD_COLUMNS,
    Forecast,
    ForecastSumError,
    forecast,
    refuse_unequal_sums,
)
from orchestration.forecasting.inputs import ForecastInputs, read_history
from orchestration.forecasting.method import ForecastMethod, MethodForecast
from orchestration.forecasting.methods import crm_probability, stage_average, weighted_stage
from orchestration.forecasting.periods import period_rows, placed_by_close_date
from orchestration.forecasting.registry import METHODS

ONE_IN_FIVE = {("proposal", "won"): 20, ("proposal", "lost"): 80}
LONG_AGO = date(2026, 2, 3)
TEN_WON = [won(f"w{number}", LONG_AGO) for number in range(10)]
# Enough to have a tenth part; what is drawn plays no role where sums are looked at.
FEW_DRAWS = 10
ONE_PERIOD_EACH = (crm_probability, stage_average, weighted_stage)


def of(method: ForecastMethod, inputs: ForecastInputs) -> Forecast:
    return forecast(inputs, [method], draws=FEW_DRAWS, scopes=["all"])


def period(periods: pl.DataFrame, **where: Any) -> dict[str, Any]:
    return periods.filter(*[pl.col(column).eq_missing(value) for column, value in where.items()]).row(0, named=True)


def november(made: Forecast, **where: Any) -> dict[str, Any]:
    return period(made.periods, period_kind="month", period_start=date(2026, 11, 1), **where)


def test_one_hundred_deals_at_twenty_percent_and_fifty_thousand_are_exactly_one_million() -> None:
    inputs = world(
        deals=[deal(f"d{number}", amount=None) for number in range(100)],
        counts=moves(ONE_IN_FIVE),
        won_deals=TEN_WON,
    )
    made = of(stage_average, inputs)
    assert made.deals["expected_amount"].to_list() == [Decimal("10000.00")] * 100
    assert period(made.periods, funnel="direct")["total_amount"] == Decimal("1000000.00")
    assert period(made.periods, funnel="all")["total_amount"] == Decimal("1000000.00")


def test_the_same_hundred_deals_weighted_by_stage_are_one_million_too() -> None:
    inputs = world(deals=[deal(f"d{number}") for number in range(100)], counts=moves(ONE_IN_FIVE))
    made = of(weighted_stage, inputs)
    december = period(made.periods, funnel="direct", period_kind="month", period_start=date(2026, 12, 1))
    assert december["total_amount"] == Decimal("1000000.00")


def test_a_stage_total_is_rounded_once_and_its_deals_sum_to_it() -> None:
    # Two sevenths of 100.00 for three deals: 85.714285..., not three times 28.57.
    inputs = world(
        deals=[deal(f"d{number}") for number in range(3)],
        counts=moves({("proposal", "won"): 2, ("proposal", "lost"): 5}),
        won_deals=[won("w1", LONG_AGO, "100.00"), won("w2", LONG_AGO, None)],
    )
    deals = of(stage_average, inputs).deals
    assert deals["expected_amount"].to_list() == [Decimal("28.57"), Decimal("28.57"), Decimal("28.57")]
    inputs = world(
        deals=[deal(f"d{number}") for number in range(5)],
        counts=moves({("proposal", "won"): 1, ("proposal", "lost"): 2}),
        won_deals=[won("w1", LONG_AGO, "100.00"), won("w2", LONG_AGO, None)],
    )
    deals = of(stage_average, inputs).deals
    assert deals["expected_amount"].sum() == Decimal("166.67")
    assert sorted(set(deals["expected_amount"])) == [Decimal("33.33"), Decimal("33.34")]


def test_a_weighted_amount_is_the_published_rate_times_the_amount_to_the_cent() -> None:
    inputs = world(
        deals=[deal("d1", amount="0.03"), deal("d2", amount="9999999999999999.99")],
        counts=moves({("proposal", "won"): 1, ("proposal", "lost"): 1}),
    )
    deals = of(weighted_stage, inputs).deals
    assert deals["expected_amount"].to_list() == [Decimal("0.02"), Decimal("5000000000000000.00")]


def test_no_closed_deals_give_nulls_and_counted_exclusions_and_no_money() -> None:
    history = [stage_average, weighted_stage]
    made = forecast(world(deals=[deal("d1"), deal("d2", stage="contact")]), history, draws=FEW_DRAWS)
    assert made.deals["expected_amount"].null_count() == 4
    assert set(made.deals["amount_exclusion"]) == {"no_rate_history"}
    assert made.deals["is_insufficient_history"].all()
    untimed = period(made.periods, method="stage_average", funnel="all", scope="all")
    assert (untimed["open_deals"], untimed["excluded_deals"], untimed["open_amount"]) == (2, 2, None)
    assert [untimed[column] for column in ("total_amount", "p10_amount", "p90_amount", "expected_wins")] == [None] * 4
    assert untimed["is_insufficient_history"] is True


def test_no_won_amounts_leave_the_stage_average_null_and_say_why() -> None:
    inputs = world(deals=[deal("d1")], counts=moves(ONE_IN_FIVE), won_deals=[won("w1", LONG_AGO, None)])
    deals = of(stage_average, inputs).deals
    assert deals.select("expected_amount", "amount_exclusion").row(0) == (None, "no_won_amount")
    assert deals["win_rate"].item() == Decimal("0.200000000000")


def test_deals_without_an_amount_are_counted_and_are_not_zero() -> None:
    inputs = world(
        deals=[deal("d1", amount=None), deal("d2", amount=None, amount_exclusion="missing_rate")],
        counts=moves(ONE_IN_FIVE),
    )
    made = of(weighted_stage, inputs)
    assert made.deals["amount_exclusion"].to_list() == ["missing_amount", "missing_rate"]
    december = period(made.periods, funnel="direct", period_kind="month", period_start=date(2026, 12, 1))
    assert (december["open_deals"], december["excluded_deals"]) == (2, 2)
    assert (december["open_amount"], december["total_amount"]) == (None, None)


def test_a_negative_amount_is_left_out_by_name_and_a_zero_amount_is_worth_zero() -> None:
    inputs = world(deals=[deal("d1", amount="-5.00"), deal("d2", amount="0.00")], counts=moves(ONE_IN_FIVE))
    deals = of(weighted_stage, inputs).deals
    assert deals["amount_exclusion"].to_list() == ["negative_amount", None]
    assert deals["expected_amount"].to_list() == [None, Decimal("0.00")]


def test_with_no_open_deals_the_running_month_and_quarter_still_stand() -> None:
    inputs = world(won_deals=[won("w1", date(2026, 11, 1), "700.00"), won("w2", BUSINESS_DATE, None)])
    made = of(weighted_stage, inputs)
    row = november(made, funnel="direct")
    assert (row["open_deals"], row["open_amount"], row["won_deals"]) == (0, Decimal("0.00"), 2)
    assert (row["won_amount"], row["won_excluded_deals"]) == (Decimal("700.00"), 1)
    assert (row["total_amount"], row["new_business_amount"]) == (Decimal("700.00"), None)
    assert (row["p10_amount"], row["p90_amount"], row["open_p90_amount"]) == (Decimal(700), Decimal(700), Decimal(0))
    quarter = period(made.periods, funnel="all", period_kind="quarter")
    assert (quarter["period_label"], quarter["total_amount"]) == ("FY2026-Q4", Decimal("700.00"))
    assert set(made.periods["period_status"]) == {"dated", "overdue", "undated"}
    assert made.deals.height == 0
    assert set(of(stage_average, inputs).periods["period_status"]) == {"untimed"}


def test_won_deals_of_unknown_worth_make_the_period_unknown_and_not_zero() -> None:
    inputs = world(won_deals=[won("w1", date(2026, 11, 1), None), won("w2", date(2026, 11, 2), None)])
    row = november(of(weighted_stage, inputs), funnel="direct")
    assert (row["won_deals"], row["won_amount"], row["total_amount"], row["p50_amount"]) == (2, None, None, None)


def test_where_all_were_won_the_whole_pipeline_is_expected_and_is_no_certainty() -> None:
    inputs = world(
        deals=[deal(f"d{number}") for number in range(10)],
        counts=moves({("proposal", "won"): 3}),
        won_deals=TEN_WON,
    )
    for method in (stage_average, weighted_stage):
        made = forecast(inputs, [method], draws=1000, scopes=["all"]).periods
        row = made.filter(pl.col("open_deals") > 0, pl.col("funnel") == "all").row(0, named=True)
        assert (row["open_amount"], row["p90_amount"]) == (Decimal(500000), Decimal(500000))
        assert row["p10_amount"] < Decimal(450000)


def test_a_deal_overdue_for_a_year_is_worth_as_much_and_in_no_period() -> None:
    inputs = world(deals=[deal("d1", expected_close_date=date(2025, 11, 1))], counts=moves(ONE_IN_FIVE))
    periods = of(weighted_stage, inputs).periods.filter(pl.col("funnel") == "all")
    assert dict(periods.filter(pl.col("open_amount") > 0).select("period_status", "open_amount").iter_rows()) == {
        "overdue": Decimal(10000)
    }


# A few weeks of every end, so that every method of the registry has a rate.
LIVES = [
    *hazards("contact", "proposal", {0: 60, 3: 60}),
    *hazards("contact", "lost", {1: 60}),
    *hazards("proposal", "won", {1: 40, 5: 40}),
    *hazards("proposal", "lost", {2: 40}),
]


def expected_by_deal(made: Forecast) -> dict[tuple[str, str], list[Any]]:
    rows = made.deals.select("method", "deal_key", "win_rate", "expected_amount", "amount_exclusion")
    return {(method, key): rest for method, key, *rest in rows.iter_rows()}


def test_a_deal_in_a_stage_that_no_funnel_file_maps_is_counted_and_takes_nothing_from_the_others() -> None:
    others = [deal("a", probability=0.5), deal("b", stage="contact", probability=0.5)]
    odd = deal("odd", stage="Odd", stage_rank=None, probability=0.3)
    without, made = (
        forecast(world(deals=deals, counts=LIVES, won_deals=TEN_WON), draws=FEW_DRAWS)
        for deals in (others, [*others, odd])
    )
    before, after = expected_by_deal(without), expected_by_deal(made)
    assert {place: after[place] for place in before} == before
    assert {name: after[name, "odd"][2] for name in (method.name for method in METHODS)} == {
        "crm_probability": None,
        "stage_average": "no_rate_history",
        "weighted_stage": "no_rate_history",
        "timed": "no_rate_history",
        "timed_adjusted": "no_rate_history",
    }
    assert after["crm_probability", "odd"][1] == Decimal("15000.00")
    untold = period(made.periods, method="timed", funnel="all", scope="all", period_status="untimed")
    assert (untold["open_deals"], untold["excluded_deals"]) == (1, 1)


def test_a_stage_that_came_into_the_funnel_last_month_has_no_rate_yet_and_the_later_ones_keep_theirs() -> None:
    now = [STAGES[0], ("pilot", None), *STAGES[1:]]
    deals = [deal("a"), deal("new", stage="pilot"), deal("b", stage="contact")]
    # Since then nine of about two hundred have gone to it, and none of them any farther.
    counts = [*LIVES, *hazards("contact", "pilot", {1: 9})]
    before = expected_by_deal(forecast(world(deals=deals, counts=LIVES, won_deals=TEN_WON), draws=FEW_DRAWS))
    made = forecast(
        world(deals=deals, counts=counts, won_deals=TEN_WON, stages=now, stages_before=STAGES), draws=FEW_DRAWS
    )
    after = expected_by_deal(made)
    for method in ("stage_average", "weighted_stage", "timed", "timed_adjusted"):
        assert after[method, "new"] == [None, None, "no_rate_history"]
        assert after[method, "a"] == before[method, "a"]
        assert after[method, "b"][1] is not None


def test_where_many_went_to_a_new_stage_nobody_knows_what_becomes_of_those_before_it() -> None:
    now = [STAGES[0], ("pilot", None), *STAGES[1:]]
    counts = [*LIVES, *hazards("contact", "pilot", {1: 60})]
    deals = [deal("a"), deal("b", stage="contact")]
    inputs = world(deals=deals, counts=counts, won_deals=TEN_WON, stages=now, stages_before=STAGES)
    after = expected_by_deal(forecast(inputs, draws=FEW_DRAWS))
    for method in ("stage_average", "weighted_stage", "timed", "timed_adjusted"):
        assert after[method, "b"] == [None, None, "no_rate_history"]
        assert after[method, "a"][1] is not None


def test_a_stage_that_ends_a_deal_since_last_month_still_has_the_rate_of_those_who_went_on() -> None:
    """Who stands in it entered it while it was open."""
    now = [STAGES[0], ("proposal", "lost"), *STAGES[2:]]
    inputs = world(deals=[deal("a")], counts=LIVES, won_deals=TEN_WON, stages=now, stages_before=STAGES)
    assert of(weighted_stage, inputs).deals["win_rate"].item() == Decimal("0.666666666667")


def test_amounts_without_a_rate_are_counted_and_the_rest_is_summed() -> None:
    deals = [deal("cny", amount="100.00"), deal("eur", amount=None, amount_exclusion="missing_rate")]
    row = period(
        of(weighted_stage, world(deals=deals, counts=moves(ONE_IN_FIVE))).periods,
        funnel="all",
        period_label="FY2026-Q4",
    )
    assert (row["open_deals"], row["excluded_deals"], row["total_amount"]) == (2, 1, Decimal(20))
    assert row["expected_wins"] == Decimal("0.4")


def test_a_deal_won_on_the_last_day_of_a_quarter_counts_in_it_and_not_in_the_next() -> None:
    on_the_day = {"business_date": date(2026, 12, 31), "won_deals": [won("w1", date(2026, 12, 31))]}
    made = of(weighted_stage, world(**on_the_day)).periods.filter(pl.col("funnel") == "all")
    by_label = dict(made.select("period_label", "won_deals").iter_rows())
    assert (by_label["2026-12"], by_label["FY2026-Q4"], by_label["2027-01"], by_label["FY2027-Q1"]) == (1, 1, 0, 0)


def test_overdue_undated_and_far_off_deals_stand_in_rows_of_their_own() -> None:
    inputs = world(
        deals=[
            deal("year_old", expected_close_date=date(2025, 11, 1)),
            deal("yesterday", expected_close_date=date(2026, 11, 21)),
            deal("today", expected_close_date=BUSINESS_DATE),
            deal("tomorrow", expected_close_date=date(2026, 11, 23)),
            deal("none", expected_close_date=None),
            deal("placeholder", expected_close_date=date(2099, 12, 31)),
            deal("next_year", expected_close_date=date(2027, 7, 1)),
        ],
        counts=moves(ONE_IN_FIVE),
    )
    made = of(weighted_stage, inputs)
    by_key = dict(made.deals.select("deal_key", "period_status").iter_rows())
    assert by_key == {
        "year_old": "overdue",
        "yesterday": "overdue",
        "today": "overdue",
        "tomorrow": "dated",
        "none": "undated",
        "placeholder": "undated",
        "next_year": "later",
    }
    assert made.deals.filter(pl.col("period_status") != "dated")["period_start"].null_count() == 6
    sums = dict(
        made.periods.filter(pl.col("funnel") == "all", pl.col("period_kind") != "quarter")
        .group_by("period_status")
        .agg(pl.col("open_amount").sum())
        .iter_rows()
    )
    assert sums == {
        "dated": Decimal("10000.00"),
        "overdue": Decimal("30000.00"),
        "undated": Decimal("20000.00"),
        "later": Decimal("10000.00"),
    }


OVERDUE = {
    "crm_probability": {"overdue"},
    "stage_average": {"untimed"},
    "weighted_stage": {"overdue"},
    "timed": {"dated", "later"},
    "timed_adjusted": {"dated", "later"},
}


@pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
def test_deals_overdue_for_a_year_are_worth_as_much_by_every_method_and_in_a_period_only_where_it_says_when(
    method: ForecastMethod,
) -> None:
    late = {"days_in_stage": 400.0, "days_since_created": 430.0, "probability": 0.5}
    deals = [
        deal("overdue", expected_close_date=date(2025, 11, 1), **late),
        deal("undated", expected_close_date=None, **late),
    ]
    made = of(method, world(deals=deals, counts=LIVES, won_deals=TEN_WON))
    worth = dict(made.deals.select("deal_key", "expected_amount").iter_rows())
    # stage_average shares out a sum, whose last cent goes to one of them.
    assert abs(worth["overdue"] - worth["undated"]) <= Decimal("0.01")
    assert worth["overdue"] > 0
    placed = made.deal_periods.filter(pl.col("deal_key") == "overdue", pl.col("chance") > 0)
    assert set(placed["period_status"]) <= OVERDUE[method.name]
    assert placed["chance"].sum() == made.deals.filter(pl.col("deal_key") == "overdue")["win_rate"].item()
    inside = made.periods.filter(pl.col("funnel") == "all", pl.col("scope") == "all", pl.col("open_amount") > 0)
    parts = inside.filter(pl.col("period_kind") != "month")
    assert parts["open_amount"].sum() == made.deals["expected_amount"].sum()


@pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
def test_at_the_end_of_a_quarters_last_day_no_method_expects_anything_more_in_it(method: ForecastMethod) -> None:
    last_day = date(2026, 12, 31)
    inputs = world(
        business_date=last_day,
        deals=[deal("d1", expected_close_date=last_day, probability=0.5, days_in_stage=3.0)],
        counts=LIVES,
        won_deals=TEN_WON,
    )
    made = of(method, inputs)
    assert made.deals["expected_amount"].item() > 0
    ended = made.periods.filter(pl.col("period_end") <= last_day)
    assert ended.filter(pl.col("open_amount") != 0).height == 0
    elsewhere = made.periods.filter(
        pl.col("funnel") == "all", pl.col("scope") == "all", pl.col("period_kind").is_in(["quarter", "none"])
    ).filter(pl.col("open_amount") > 0)
    assert elsewhere["open_amount"].sum() == made.deals["expected_amount"].item()
    placed = {"crm_probability": {"overdue"}, "weighted_stage": {"overdue"}, "stage_average": {"untimed"}}
    assert set(elsewhere["period_status"]) <= placed.get(method.name, {"dated", "later"})


def test_the_tables_carry_exactly_the_served_columns() -> None:
    made = forecast(world(deals=[deal("d1")], counts=moves(ONE_IN_FIVE), won_deals=TEN_WON), draws=FEW_DRAWS)
    assert made.deals.columns == ["business_date", "method", *DEAL_COLUMNS]
    assert made.deals.schema["win_rate"] == pl.Decimal(13, 12)
    assert made.deals.schema["expected_amount"] == pl.Decimal(18, 2)
    assert made.deals["method"].to_list() == [method.name for method in METHODS]
    assert made.periods.columns == ["business_date", "method", *PERIOD_COLUMNS]
    for column in ("open_amount", "total_amount", "open_p10_amount", "p90_amount", "target_amount", "gap_amount"):
        assert made.periods.schema[column] == pl.Decimal(38, 2)


def test_an_empty_company_has_the_same_columns_and_types_as_a_full_one() -> None:
    empty = forecast(world(), draws=FEW_DRAWS)
    full = forecast(world(deals=[deal("d1")], counts=moves(ONE_IN_FIVE), won_deals=TEN_WON), draws=FEW_DRAWS)
    assert empty.deals.schema == full.deals.schema
    assert empty.deal_periods.schema == full.deal_periods.schema
    assert empty.periods.schema == full.periods.schema
    assert empty.quality.schema == full.quality.schema


class Spreads:
    """Half of a deal's chance this month, half next month; and a little new business."""

    name = "spreads"
    has_timing = True

    def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
        made = weighted_stage.forecast(inputs)
        half = (pl.col("chance").to_physical() // 2).cast(pl.Decimal(12, 0)) * Decimal("0.000000000001")
        first = made.chances.with_columns(
            chance=half.cast(pl.Decimal(13, 12)),
            period_start=pl.lit(date(2026, 11, 1)),
            period_status=pl.lit("dated"),
            expected_amount=(pl.col("expected_amount") / 2).cast(pl.Decimal(18, 2)),
        )
        rest = made.chances.with_columns(
            chance=(pl.col("chance") - first["chance"]).cast(pl.Decimal(13, 12)),
            period_start=pl.lit(date(2026, 12, 1)),
            period_status=pl.lit("dated"),
            expected_amount=(pl.col("expected_amount") - first["expected_amount"]).cast(pl.Decimal(18, 2)),
        )
        new = inputs.open_deals.select(
            "funnel",
            "segment",
            "team",
            "owner_key",
            pl.lit(date(2027, 1, 1)).alias("period_start"),
            pl.lit(0.3).alias("deals"),
            pl.lit(0.1).alias("deals_sd"),
            pl.lit(Decimal("333.33")).cast(pl.Decimal(18, 2)).alias("amount_if_won"),
            pl.lit(50.0).alias("amount_sd"),
            pl.lit(Decimal("99.99")).cast(pl.Decimal(18, 2)).alias("expected_amount"),
        ).unique(["funnel", "segment", "team", "owner_key"])
        deals = made.deals.with_columns(expected_win_on=pl.lit(date(2026, 12, 3)))
        return MethodForecast(deals, pl.concat([first, rest]), new)


def test_a_chance_spread_over_months_is_one_deal_in_their_quarter() -> None:
    inputs = world(deals=[deal("d1", amount="100.01")], counts=moves(ONE_IN_FIVE))
    made = of(Spreads(), inputs)
    assert made.deals.select("expected_amount", "period_start", "period_status").row(0) == (
        Decimal("20.00"),
        date(2026, 12, 1),
        "dated",
    )
    assert made.deal_periods["period_start"].to_list() == [date(2026, 11, 1), date(2026, 12, 1)]
    quarter = period(made.periods, funnel="all", period_label="FY2026-Q4")
    assert (quarter["open_deals"], quarter["open_amount"]) == (1, Decimal("20.00"))
    assert quarter["expected_wins"] == Decimal("0.2")


def test_new_business_stands_beside_what_is_open_and_is_in_the_total() -> None:
    inputs = world(deals=[deal("d1", owner_key="o1")], counts=moves(ONE_IN_FIVE), won_deals=[won("w1", BUSINESS_DATE)])
    made = forecast(inputs, [Spreads()], draws=FEW_DRAWS)
    for scope, value in (("all", "all"), ("owner", "o1")):
        january = period(made.periods, funnel="direct", scope=scope, scope_value=value, period_label="2027-01")
        assert (january["open_amount"], january["new_business_amount"]) == (Decimal(0), Decimal("99.99"))
        assert (january["total_amount"], january["new_business_deals"]) == (Decimal("99.99"), Decimal("0.3"))
    november_of_all = november(made, funnel="all", scope="all")
    assert november_of_all["expected_wins"] == Decimal("1.1")
    assert november_of_all["total_amount"] == Decimal("55000.00")


@pytest.mark.parametrize("what", ["a chance", "a deal", "a deal's chances"])
def test_a_method_whose_parts_do_not_sum_is_stopped(what: str) -> None:
    class Loses:
        name = "loses"

        def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
            made = Spreads().forecast(inputs)
            deals, chances = made.deals, made.chances
            if what == "a chance":
                chances = chances.head(chances.height - 1)
            elif what == "a deal":
                deals = deals.head(1)
            else:
                chances = chances.filter(pl.col("deal_key") != "d1")
            return MethodForecast(deals, chances, made.new_business)

    with pytest.raises(ForecastSumError, match="loses: "):
        of(Loses(), world(deals=[deal("d1"), deal("d2")], counts=moves(ONE_IN_FIVE)))


@pytest.mark.parametrize("column", ["open_amount", "won_amount", "new_business_amount"])
@pytest.mark.parametrize("level", [("direct", "all"), ("direct", "owner"), ("all", "team"), ("partner", "segment")])
def test_a_cent_lost_at_any_level_is_found(column: str, level: tuple[str, str]) -> None:
    deals = [deal("d1", owner_key="o1", team="t"), deal("d2", funnel="partner", expected_close_date=BUSINESS_DATE)]
    inputs = world(
        deals=deals,
        counts=[*moves(ONE_IN_FIVE), *moves(ONE_IN_FIVE, funnel="partner")],
        won_deals=[won("w1", BUSINESS_DATE, owner_key="o1", team="t"), won("w2", BUSINESS_DATE, funnel="partner")],
        funnels=["direct", "partner"],
    )
    said = spoken(inputs, "spreads", lambda name: Spreads().forecast(inputs) if name == "spreads" else None)
    rows = period_rows(said, inputs)
    by_deal = said.made.chances.group_by("deal_key").agg(pl.col("expected_amount").sum())
    whole = inputs.open_deals.select("deal_key", "funnel").join(by_deal, on="deal_key")
    refuse_unequal_sums("spreads", whole, rows)
    is_one = (pl.col("funnel") == level[0]) & (pl.col("scope") == level[1]) & (pl.col(column) > 0)
    first = rows.with_row_index().filter(is_one)["index"][0]
    cent_less = pl.col(column) - pl.when(pl.int_range(pl.len()) == first).then(Decimal("0.01")).otherwise(Decimal(0))
    with pytest.raises(ForecastSumError, match=r"spreads: .* sum to .*; the method is wrong"):
        refuse_unequal_sums("spreads", whole, rows.with_columns(cent_less.cast(pl.Decimal(38, 2)).alias(column)))


def test_method_names_stand_once() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)


def test_a_scope_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="region is no scope; there are all, team, owner, segment"):
        forecast(world(), scopes=["region"])


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="9 draws have no tenth part"):
        forecast(world(), draws=9)


def test_the_crm_probability_is_taken_at_its_word_and_left_out_by_name_where_it_is_none() -> None:
    given = {"half": 0.5, "sure": 1.0, "never": 0.0, "none": None, "percent": 50.0, "less": -0.1, "nan": float("nan")}
    inputs = world(
        deals=[
            *(deal(key, amount="0.03", probability=probability) for key, probability in given.items()),
            deal("no_amount", amount=None, probability=0.5),
        ]
    )
    deals = of(crm_probability, inputs).deals
    by_key = {row["deal_key"]: row for row in deals.iter_rows(named=True)}
    assert by_key["half"]["expected_amount"] == Decimal("0.02")
    assert by_key["sure"]["expected_amount"] == Decimal("0.03")
    assert by_key["never"]["expected_amount"] == Decimal("0.00")
    left_out = {key: row["amount_exclusion"] for key, row in by_key.items() if row["expected_amount"] is None}
    assert left_out == {
        "none": "missing_probability",
        "percent": "probability_out_of_range",
        "less": "probability_out_of_range",
        "nan": "probability_out_of_range",
        "no_amount": "missing_amount",
    }
    assert by_key["no_amount"]["win_rate"] == Decimal("0.5")
    assert not deals["is_insufficient_history"].any()


def test_the_crm_probability_needs_no_history_and_stands_in_the_close_period() -> None:
    inputs = world(deals=[deal("d1", amount="200.00", probability=0.1), deal("d2", expected_close_date=None)])
    made = of(crm_probability, inputs)
    assert period(made.periods, funnel="all", period_label="2026-12")["total_amount"] == Decimal("20.00")
    undated = period(made.periods, funnel="all", period_status="undated")
    assert (undated["open_deals"], undated["excluded_deals"]) == (1, 1)
    assert made.deals["expected_win_on"].to_list() == [date(2026, 12, 15), None]


def test_a_method_without_timing_is_placed_by_close_dates_with_the_late_ones_in_the_running_month() -> None:
    class Placed:
        name = "stage_average"

        def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
            return placed_by_close_date(stage_average.forecast(inputs), inputs)

    dates = {"late": date(2026, 1, 1), "none": None, "next": date(2026, 12, 24), "far": date(2027, 9, 1)}
    inputs = world(
        deals=[deal(key, expected_close_date=day) for key, day in dates.items()],
        counts=moves(ONE_IN_FIVE),
        won_deals=TEN_WON,
    )
    made = of(Placed(), inputs)
    amounts = dict(made.periods.filter(pl.col("funnel") == "all").select("period_label", "open_amount").iter_rows())
    assert amounts["2026-11"] == Decimal("20000.00")
    assert amounts["2026-12"] == Decimal("10000.00")
    assert amounts["FY2026-Q4"] == Decimal("30000.00")
    assert period(made.periods, funnel="all", period_status="later")["open_amount"] == Decimal("10000.00")
    assert "untimed" in of(stage_average, inputs).periods["period_status"]


STATES = ["contact", "proposal", "won", "lost", "nurture", "elsewhere"]
AMOUNTS = st.none() | st.decimals(-100, 10**9, places=2)
FUNNELS = st.sampled_from(["direct", "partner"])
OWNERS = st.sampled_from([(None, None), ("o1", None), ("o2", "t1"), ("o3", "t1"), ("o4", "t2")])
SEGMENTS = st.sampled_from(["A", "B", "(none)"])


@st.composite
def companies(draw: st.DrawFn) -> dict[str, pl.DataFrame]:
    def owned(row: dict[str, Any]) -> dict[str, Any]:
        owner, team = draw(OWNERS)
        return row | {"funnel": draw(FUNNELS), "segment": draw(SEGMENTS), "owner_key": owner, "team": team}

    deals = [
        owned(deal(f"d{number:02d}", stage=draw(st.sampled_from(["contact", "proposal"])), amount=None))
        | {
            "amount_reporting": draw(AMOUNTS),
            "probability": draw(st.none() | st.floats(-0.1, 1.1)),
            "expected_close_date": draw(st.none() | st.dates(date(2025, 6, 1), date(2029, 1, 1))),
            "criteria_asked": draw(st.integers(0, 2)),
            "criteria_violated": draw(st.integers(0, 1)),
        }
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
    wins = [
        owned(won(f"w{number}", draw(st.dates(date(2026, 9, 1), BUSINESS_DATE)), None))
        | {"amount_reporting": draw(AMOUNTS)}
        for number in range(draw(st.integers(0, 6)))
    ]
    return tables(
        deals=deals,
        counts=[
            row
            for (funnel, segment, left, entered), n in counts.items()
            for row in moves({(left, entered): n}, segment, funnel)
        ],
        won_deals=wins,
        funnels=["direct", "partner"],
        minimum_n=draw(st.integers(0, 40)),
        shrinkage_deals=draw(st.integers(0, 30)),
    )


@settings(max_examples=40, deadline=None)
@given(companies())
def test_deals_sum_to_periods_and_every_level_to_the_whole_to_the_cent(made: dict[str, pl.DataFrame]) -> None:
    methods = [*METHODS, Spreads()]
    answer = forecast(read_history(made, BUSINESS_DATE).inputs(), methods, draws=FEW_DRAWS)
    assert answer.deals["win_rate"].drop_nulls().is_between(Decimal(0), Decimal(1)).all()
    assert (answer.deals["expected_amount"].is_null() == answer.deals["amount_exclusion"].is_not_null()).all()
    for method in methods:
        deals = answer.deals.filter(pl.col("method") == method.name)
        periods = answer.periods.filter(pl.col("method") == method.name)
        whole = periods.filter(pl.col("scope") == "all")
        for funnel in ("direct", "partner", "all"):
            own = deals if funnel == "all" else deals.filter(pl.col("funnel") == funnel)
            for kind in ("month", "quarter"):
                parts = whole.filter(pl.col("funnel") == funnel, pl.col("period_kind").is_in([kind, "none"]))
                assert parts["open_amount"].sum() == own["expected_amount"].sum()
                if method in ONE_PERIOD_EACH:
                    assert parts["open_deals"].sum() == own.height
                    assert parts["excluded_deals"].sum() == own["expected_amount"].null_count()
        key = ["period_kind", "period_start", "period_status"]
        counted = ["open_deals", "excluded_deals", "won_deals", "won_excluded_deals"]
        moneys = ["open_amount", "won_amount", "new_business_amount", "new_business_deals"]
        for scope in ("team", "owner", "segment"):
            parts = periods.filter(pl.col("scope") == scope)
            assert_same_sums(whole, parts, ["funnel", *key], [*counted, *moneys])
        of_all = periods.filter(pl.col("funnel") == "all")
        of_funnels = periods.filter(pl.col("funnel") != "all")
        assert_same_sums(of_all, of_funnels, ["scope", "scope_value", *key], [*counted, *moneys])
        split = answer.quality.filter(pl.col("method") == method.name)
        sums = ["open_deals", "excluded_deals", "expected_amount"]
        renamed = whole.rename({"open_amount": "expected_amount"})
        assert_same_sums(renamed, split, ["funnel", *key], sums)
        assert set(split.group_by("funnel", *key).len()["len"]) <= {5}
        assert (periods["p10_amount"] <= periods["p50_amount"]).fill_null(value=True).all()
        assert (periods["p50_amount"] <= periods["p90_amount"]).fill_null(value=True).all()
        assert (periods["p10_amount"].is_null() == periods["total_amount"].is_null()).all()


def assert_same_sums(whole: pl.DataFrame, parts: pl.DataFrame, key: list[str], columns: list[str]) -> None:
    summed = parts.group_by(key).agg(pl.col(columns).sum())
    both = whole.join(summed, on=key, how="full", coalesce=True, nulls_equal=True)
    for column in columns:
        assert both[column].fill_null(0).to_list() == both[f"{column}_right"].fill_null(0).to_list(), column


@settings(max_examples=25, deadline=None)
@given(companies(), st.integers(0, 10**6))
def test_the_order_of_input_rows_changes_nothing(made: dict[str, pl.DataFrame], seed: int) -> None:
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=seed) for name, frame in made.items()}
    methods = [*METHODS, Spreads()]
    straight = forecast(read_history(made, BUSINESS_DATE).inputs(), methods, draws=50)
    mixed = forecast(read_history(shuffled, BUSINESS_DATE).inputs(), methods, draws=50)
    for name in ("deals", "deal_periods", "periods", "quality"):
        assert_frame_equal(getattr(straight, name), getattr(mixed, name))
