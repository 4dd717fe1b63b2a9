"""What the forecast page says: whose figures lead, what they are made of, and what it says where there is nothing."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from forecast_nights import (
    BEFORE,
    BUSINESS_DATE,
    NEXT,
    RUNNING,
    accuracy,
    busy,
    calibration,
    chances,
    coverage,
    deal,
    forecast_deal,
    money,
    moved,
    period,
    quality,
    quarter_and_months,
    reason,
    said,
    served,
    standards,
    unplaced,
)

from orchestration.publishing.forecast_page.compose import compose
from orchestration.publishing.forecast_page.content import ForecastPage, ForecastPageRefusedError, View

LINKS = {"generic": "https://crm.example.com/deals/{deal_id}"}


def page(**rows: Iterable[Mapping[str, Any]]) -> ForecastPage:
    return compose(served(**rows), standards(links=LINKS), BUSINESS_DATE)


def view(**rows: Iterable[Mapping[str, Any]]) -> View:
    made = page(**rows)
    assert len(made.views) == 1
    return made.views[0]


# Whose figures lead


def test_the_champion_of_the_funnel_leads() -> None:
    rows = [*quarter_and_months("timed", opened=3000), *quarter_and_months("timed_adjusted", opened=6000)]
    judged = [accuracy("timed"), accuracy("timed_adjusted", is_champion=True)]
    made = view(forecast_period=rows, forecast_accuracy=judged)
    assert (made.method, made.is_champion) == ("timed_adjusted", True)
    assert made.running is not None
    assert made.running.expected.open == Decimal("6000.00")


@pytest.mark.parametrize(
    ("spoken", "leading"),
    [
        (["crm_probability", "stage_average", "weighted_stage", "timed", "timed_adjusted"], "timed"),
        (["crm_probability", "stage_average", "weighted_stage"], "weighted_stage"),
        (["crm_probability"], "crm_probability"),
        (["house_method"], "house_method"),
    ],
)
def test_without_a_champion_timed_leads_and_else_the_next_simpler_one_that_speaks(
    spoken: list[str], leading: str
) -> None:
    made = view(forecast_period=[period(method, opened=100) for method in spoken])
    assert (made.method, made.is_champion) == (leading, False)


def test_a_champion_that_does_not_speak_tonight_does_not_lead() -> None:
    made = view(
        forecast_period=[period("timed", opened=100)], forecast_accuracy=[accuracy("timed_adjusted", is_champion=True)]
    )
    assert (made.method, made.is_champion) == ("timed", False)


def test_each_funnel_has_a_view_with_its_own_champion_and_all_together_come_first() -> None:
    rows = [
        {**row, "funnel": funnel}
        for funnel in ("all", "channel", "direct")
        for method in ("weighted_stage", "timed")
        for row in (period(method, opened=100), period(method, NEXT, opened=100))
    ]
    judged = [accuracy("timed", is_champion=True), accuracy("weighted_stage", funnel="channel", is_champion=True)]
    tables = served(
        forecast_period=rows,
        forecast_accuracy=judged,
        forecast_deal=[
            forecast_deal(key, method=method, funnel=funnel)
            for key, funnel in (("1", "direct"), ("2", "channel"))
            for method in ("timed", "weighted_stage")
        ],
    )
    made = compose(tables, standards(funnels=("direct", "channel")), BUSINESS_DATE)
    assert [(each.key, each.method) for each in made.views] == [
        ("all", "timed"),
        ("direct", "timed"),
        ("channel", "weighted_stage"),
    ]
    # Both deals by the method of all funnels, and that of the channel by its own too.
    assert made.methods == ("timed", "weighted_stage")
    listed = made.tables.expected.select("method", "funnel_view").rows()
    assert sorted(listed) == [(0, 1), (0, 2), (1, 2)]
    assert set(made.tables.levels.filter(pl.col("view") == 0)["scope"]) == {"funnel"}


def test_one_funnel_has_no_view_beside_that_of_all() -> None:
    rows = [{**period(opened=100), "funnel": funnel} for funnel in ("all", "direct")]
    assert [each.key for each in page(forecast_period=rows).views] == ["all"]


# Periods


def test_a_quarter_stands_with_its_months_and_what_each_is_made_of() -> None:
    made = view(**{name: frame.to_dicts() for name, frame in busy().items()})
    assert [each.quarter.label for each in made.quarters] == ["FY2026-Q4", "FY2027-Q1", "FY2027-Q2"]
    assert [month.label for month in made.quarters[0].months] == ["2026-11", "2026-12"]
    running = made.quarters[0].quarter
    assert (running.is_running, running.days_left) == (True, 39)
    expected = running.expected
    assert (expected.won, expected.open, expected.new_business) == (
        money(12_400_000),
        money(6_300_000),
        money(1_900_000),
    )
    assert expected.total == money(20_600_000)
    assert (expected.low, expected.high) == (money(18_150_000), money(23_050_000))
    assert (expected.target, expected.gap) == (money(24_000_000), money(3_400_000))
    pipeline = running.pipeline
    assert pipeline is not None
    assert (pipeline.coverage, pipeline.required, pipeline.commit) == (2.1, 2.8, money(15_100_000))


def test_rows_of_other_nights_and_of_parts_of_a_funnel_are_not_those_of_the_whole() -> None:
    made = view(
        forecast_period=[
            period(opened=100),
            period(opened=7, business_date=BEFORE),
            period(opened=9, scope="team", scope_value="East"),
        ]
    )
    assert [each.quarter.expected.open for each in made.quarters] == [Decimal("100.00")]


def test_on_the_last_day_of_a_quarter_it_is_still_the_running_one_with_no_day_left() -> None:
    tables = served(
        forecast_period=[
            period(opened=100, business_date=date(2026, 12, 31)),
            period(start=NEXT, opened=200, business_date=date(2026, 12, 31)),
        ]
    )
    nights = tables["nights"].with_columns(business_date=date(2026, 12, 31))
    made = compose(tables | {"nights": nights}, standards(), date(2026, 12, 31)).views[0]
    assert made.running is not None
    assert (made.running.label, made.running.days_left) == ("FY2026-Q4", 0)
    assert made.next is not None
    assert made.next.label == "FY2027-Q1"


def test_what_stands_in_no_period_is_told_where_there_is_any() -> None:
    made = view(
        forecast_period=[
            period("weighted_stage", opened=100),
            period("weighted_stage", status="overdue", opened=50, won=None, open_deals=4),
            period("weighted_stage", status="undated", opened=0, won=None, open_deals=0),
        ]
    )
    assert [(each.status, each.deals, each.amount) for each in made.outside] == [("overdue", 4, Decimal("50.00"))]


def test_methods_stand_side_by_side_from_the_simplest_with_their_past_error() -> None:
    rows = [
        *quarter_and_months("timed", opened=300),
        *quarter_and_months("crm_probability", opened=900, new=None),
        period("stage_average", status="untimed", opened=500, won=None, new=None),
    ]
    made = view(forecast_period=rows, forecast_accuracy=[accuracy("timed", wape=0.125, is_champion=True)])
    assert [line.key for line in made.methods] == ["crm_probability", "stage_average", "timed"]
    crm, average, timed = made.methods
    assert crm.compared[0] is not None
    assert crm.compared[0].new_business is None
    assert average.compared == (None,)
    assert [(each.status, each.amount) for each in average.outside] == [("untimed", Decimal("500.00"))]
    assert (timed.is_headline, timed.is_champion, timed.wape) == (True, True, 0.125)


def test_a_method_that_says_nothing_of_when_leads_without_periods_and_is_still_held_against_the_others() -> None:
    made = view(
        forecast_period=[
            period("stage_average", status="untimed", opened=500, won=None, new=None),
            period("crm_probability", opened=900, new=None),
        ]
    )
    assert (made.method, made.quarters) == ("stage_average", ())
    assert [each.label for each in made.compared] == ["FY2026-Q4"]


def test_who_speaks_in_the_stead_of_a_method_is_named_by_funnel() -> None:
    rows = [
        {**period(opened=100), "funnel": "all", "fell_back_to": "weighted_stage"},
        {**period(opened=60), "funnel": "direct"},
        {**period(opened=40), "funnel": "channel", "fell_back_to": "weighted_stage"},
    ]
    made = compose(served(forecast_period=rows), standards(funnels=("direct", "channel")), BUSINESS_DATE)
    of_all, direct, channel = made.views
    assert [(funnel.en, method.en) for funnel, method in of_all.fallbacks] == [("Channel", "Weighted by stage")]
    assert direct.fallbacks == ()
    assert len(channel.fallbacks) == 1


# Record


def test_what_was_said_keeps_nights_and_backtest_apart_and_holds_to_the_method_shown() -> None:
    rows = [
        said(date(2026, 9, 30), RUNNING, 900, None),
        said(date(2026, 9, 30), RUNNING, 1, None, method="crm_probability"),
    ]
    nights = [said(BEFORE, RUNNING, 950, None, source="night"), said(BEFORE, RUNNING, 5, None, part="open")]
    made = page(forecast_period=[period(opened=100)], forecast_backtest=rows, forecast_record=nights)
    told = made.tables.said.select("source", "as_of_date", "forecast").rows()
    assert told == [("backtest", date(2026, 9, 30), Decimal("900.00")), ("night", BEFORE, Decimal("950.00"))]


def test_a_night_that_was_published_again_is_marked_in_the_record_and_a_backtest_never_is() -> None:
    nights = [
        said(date(2026, 9, 30), RUNNING, 900, None, source="night", is_republished=True),
        said(BEFORE, RUNNING, 950, None, source="night", is_republished=False),
    ]
    rows = [said(date(2026, 9, 30), RUNNING, 910, None)]
    made = page(forecast_period=[period(opened=100)], forecast_backtest=rows, forecast_record=nights)
    told = made.tables.said.select("source", "as_of_date", "is_republished").rows()
    assert told == [
        ("backtest", date(2026, 9, 30), False),
        ("night", date(2026, 9, 30), True),
        ("night", BEFORE, False),
    ]


@pytest.mark.parametrize(("is_first_word", "is_later_word"), [(True, False), (False, True), (None, False)])
def test_a_night_that_says_other_than_it_first_said_knows_so(is_first_word: bool | None, is_later_word: bool) -> None:
    assert page(forecast_period=[period(opened=100, is_first_word=is_first_word)]).is_later_word is is_later_word


def test_periods_that_were_over_long_ago_are_not_told() -> None:
    old = date(2024, 1, 1)
    made = page(forecast_period=[period(opened=100)], forecast_backtest=[said(date(2023, 12, 31), old, 900, 800)])
    assert made.tables.said.height == 0


def test_accuracy_is_told_by_lead_time_and_method_with_the_wide_leads_first() -> None:
    rows = [
        accuracy(method, lead) for lead in ("15-45", "0-14", "all", "30+") for method in ("timed", "crm_probability")
    ] + [accuracy("timed", part="open", wape=9.0), accuracy("timed", period_kind="month", n=0)]
    (table,) = view(forecast_period=[period(opened=100)], forecast_accuracy=rows).accuracy
    assert (table.source, table.kind) == ("backtest", "quarter")
    assert [line.lead.en for line in table.lines if line.is_first_of_lead] == [
        "Any lead time",
        "30 days and more",
        "0–14 days",
        "15–45 days",
    ]
    assert [line.name.en for line in table.lines[:2]] == ["The CRM's own probability", "Timed by stage and age"]


def test_calibration_is_told_by_question_with_its_summary() -> None:
    rows = [calibration(2), calibration(0, 240), calibration(1, mean=0.1, share=0.09)]
    rows += [calibration(1, method="weighted_stage"), calibration(1, question="never_asked")]
    made = page(forecast_period=[period(opened=100)], forecast_calibration=rows).tables.calibration
    assert made.select("question", "bin").rows() == [("running_quarter", each) for each in (0, 1, 2)]


# Movement


def test_movements_close_on_tonight_and_name_their_periods() -> None:
    rows = [
        moved("won", -100, 100),
        moved("won", -100, 100, closing_night=BEFORE),
        moved("won", -100, 100, start=date(2025, 1, 1)),
        moved("lost", -30, 30, start=None),
    ]
    made = page(
        forecast_period=[period(opened=100)], pipeline_movement=rows, forecast_movement=[moved("new_business", 7)]
    ).tables.movement
    assert made.select("measure", "kind", "label", "bucket", "change").rows() == [
        ("forecast", "quarter", "FY2026-Q4", "new_business", Decimal("21.00")),
        ("amount", "all", None, "lost", Decimal("-90.00")),
        ("amount", "quarter", "FY2026-Q4", "won", Decimal("-300.00")),
        ("expected", "all", None, "lost", Decimal("-30.00")),
        ("expected", "quarter", "FY2026-Q4", "won", Decimal("-100.00")),
    ]


# Proof


def test_a_quota_of_another_span_is_named_beside_the_targets_until_it_is_over() -> None:
    rows = [
        unplaced(),
        unplaced(funnel="direct"),
        unplaced(funnel="channel", team="West", amount_reporting=None),
        unplaced(owner_key="generic:ann"),
        unplaced(funnel="nobody knows", end=BUSINESS_DATE),
        unplaced(end=BUSINESS_DATE - timedelta(days=1)),
    ]
    tables = served(
        deals_current=[deal("1", owner_key="generic:ann", owner_name="Ann")],
        forecast_period=[period(funnel=funnel, opened=1) for funnel in ("all", "direct", "channel")],
        forecast_unplaced_targets=rows,
    )
    made = compose(tables, standards(funnels=("direct", "channel")), BUSINESS_DATE)
    told = [[(each.whose.en, each.is_whose_named, each.amount) for each in view.unplaced] for view in made.views]
    amount = money(90_000_000)
    assert told == [
        [
            ("nobody knows", False, amount),
            ("the whole company", True, amount),
            ("Ann", False, amount),
            ("West", False, None),
            ("Direct sales", True, amount),
        ],
        [("Direct sales", True, amount)],
        [("West", False, None)],
    ]


def test_the_split_by_proof_begins_with_the_worst_and_tells_shares() -> None:
    made = view(
        forecast_period=[period(opened=100), period(start=NEXT, opened=100)],
        forecast_quality=[quality("met", 300), quality("violated", 100), quality("met", None, NEXT, open_deals=0)],
    )
    (running,) = made.proof
    assert running.expected == Decimal("400.00")
    assert [(line.state, line.deals, line.wins, line.expected, line.share) for line in running.lines] == [
        ("violated", 10, 2.25, Decimal("100.00"), 0.25),
        ("met", 10, 2.25, Decimal("300.00"), 0.75),
    ]


@pytest.mark.parametrize(
    ("parts", "wins"),
    [
        ({"won": 100}, 4.25),
        ({"new": None}, 4.25),
        ({"won": 100, "expected_wins": None}, None),
        ({"won": 100, "won_deals": 3, "expected_wins": Decimal("4.999999999999")}, 0),
    ],
)
def test_wins_expected_of_open_deals_are_those_that_neither_were_won_nor_are_new(
    parts: dict[str, Any], wins: float | None
) -> None:
    made = view(forecast_period=[period(opened=100, **parts)])
    assert made.running is not None
    assert made.running.expected.open_wins == wins


def test_the_largest_unproven_deals_are_those_expected_most_of_in_the_running_quarter() -> None:
    made = view(
        deals_current=[deal("1"), deal("2", deal_name=" "), deal("3"), deal("4")],
        forecast_period=quarter_and_months(opened=100),
        forecast_deal=[
            forecast_deal("1", criteria_state="violated"),
            forecast_deal("2", criteria_state="violated"),
            forecast_deal("3", criteria_state="met"),
            forecast_deal("4", criteria_state="violated"),
        ],
        forecast_deal_period=[
            *chances("1", {1: "0.10", 2: "0.10", 3: "0.50"}),
            *chances("2", {2: "0.30"}),
            *chances("3", {2: "0.90"}),
            *chances("4", {4: "0.90"}),
        ],
    )
    assert [(each.name, each.expected, each.chance) for each in made.unproven] == [
        ("2", Decimal("12000.00"), pytest.approx(0.3)),
        ("Deal 1", Decimal("8000.00"), pytest.approx(0.2)),
    ]
    assert (made.unproven_deals, made.unproven_expected) == (2, Decimal("20000.00"))
    assert made.unproven[0].link == "https://crm.example.com/deals/2"


def test_a_deal_is_linked_by_its_escaped_id_and_only_to_the_web() -> None:
    rows = {
        "deals_current": [deal("1", deal_id='a/b?"<script>')],
        "forecast_period": [period(opened=100)],
        "forecast_deal": [forecast_deal("1", criteria_state="violated")],
        "forecast_deal_period": chances("1", {1: "0.10"}),
    }
    (found,) = view(**rows).unproven
    assert found.link == "https://crm.example.com/deals/a%2Fb%3F%22%3Cscript%3E"
    elsewhere = compose(served(**rows), standards(links={"generic": "javascript:{deal_id}"}), BUSINESS_DATE)
    assert elsewhere.views[0].unproven[0].link is None


# Levels and deals


def test_levels_are_named_and_those_of_nobody_come_with_their_words() -> None:
    rows = [
        period(opened=100),
        period(start=NEXT, opened=11),
        period(opened=30, target=50, scope="owner", scope_value="generic:li"),
        period(opened=60, scope="owner", scope_value="(none)"),
        period(opened=100, scope="team", scope_value="East"),
        period(start=NEXT, opened=11, scope="team", scope_value="East"),
    ]
    made = page(
        deals_current=[deal("1")],
        forecast_period=rows,
        forecast_coverage=[coverage(scope="team", scope_value="East", coverage=1.5)],
    ).tables.levels
    assert made.select("scope", "name_en", "name_zh", "is_named", "running_total", "next_total").rows() == [
        ("team", "East", "East", False, Decimal("100.00"), Decimal("11.00")),
        ("owner", "No owner", "无负责人", True, Decimal("60.00"), None),
        ("owner", "Li Na 李娜", "Li Na 李娜", False, Decimal("30.00"), None),
    ]
    assert made["running_gap"].to_list() == [None, None, Decimal("20.00")]
    assert made["running_coverage"].to_list() == [1.5, None, None]


def test_a_deal_tells_its_chances_by_month_and_how_far_it_is_from_the_crms_date() -> None:
    made = page(
        deals_current=[deal("1")],
        forecast_period=[*quarter_and_months(opened=100), *quarter_and_months(start=NEXT, opened=100)],
        forecast_deal=[forecast_deal("1", expected_win_on=date(2027, 1, 20), period_start=NEXT)],
        forecast_deal_period=chances("1", {1: "0.05", 2: "0.10", 3: "0.04", -1: "0.02"}),
    )
    assert made.months == ("2026-11", "2026-12", "2027-01", "2027-02", "2027-03")
    (row,) = made.tables.expected.to_dicts()
    assert [row[f"chance_{place}"] for place in (*range(5), "rest")] == [0.05, 0.10, 0.04, 0, 0, 0.02]
    assert [row["amount_1"], row["amount_rest"]] == [Decimal("4000.00"), Decimal("800.00")]
    assert (row["running_chance"], row["next_chance"]) == (pytest.approx(0.15), pytest.approx(0.04))
    assert (row["close_gap_days"], row["place"]) == (36, "FY2027-Q1")


def test_a_chance_that_is_not_known_is_not_told_as_none() -> None:
    unknown = [{**row, "chance": None, "expected_amount": None} for row in chances("1", {1: "0.05"})]
    made = page(
        deals_current=[deal("1")],
        forecast_period=quarter_and_months(opened=100),
        forecast_deal=[forecast_deal("1", None, win_rate=None, amount_exclusion="no_rate_history")],
        forecast_deal_period=unknown,
    )
    (row,) = made.tables.expected.to_dicts()
    assert (row["win_rate"], row["chance_0"], row["amount_0"]) == (None, None, None)
    assert row["chance_1"] == 0


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"period_start": RUNNING}, "FY2026-Q4"),
        ({"period_start": date(2027, 4, 1)}, "later"),
        ({"period_start": None, "period_status": "overdue"}, "overdue"),
        ({"period_start": None, "period_status": "untimed"}, "untimed"),
    ],
)
def test_where_a_deal_is_expected_is_a_quarter_shown_or_why_it_is_in_none(more: dict[str, Any], place: str) -> None:
    made = page(
        forecast_period=[period(opened=100), period(start=NEXT, opened=100)], forecast_deal=[forecast_deal("1", **more)]
    )
    assert made.tables.expected["place"].to_list() == [place]


def test_reasons_are_those_of_the_method_shown_and_else_of_the_one_that_tells_any() -> None:
    rows = {
        "deals_current": [deal("1"), deal("2")],
        "forecast_period": [period(opened=100)],
        "forecast_deal": [forecast_deal("1", 200), forecast_deal("2", 100)],
    }
    told = [
        reason("1", 2, "3.00", fact="icp_band", level="A", value=None, usual_value=None),
        reason("1"),
        reason("1", method="timed_adjusted", fact="pushes"),
        reason("2", method="timed_adjusted", points="0.60"),
    ]
    made = page(**rows, forecast_reasons=told).tables.reasons
    assert made.select("expected", "teller", "wording_en", "points_en", "raises").rows() == [
        (0, "timed", "The customer was last active 40 days ago (usual: 9)", "−5 points", False),
        (0, "timed", "The customer is in ICP band A", "+3 points", True),
        (1, "timed_adjusted", "The customer was last active 40 days ago (usual: 9)", "+0.6 points", True),
    ]


def test_a_deal_that_has_left_the_crm_still_has_a_name() -> None:
    made = page(forecast_period=[period(opened=100)], forecast_deal=[forecast_deal("77")])
    assert made.tables.deals.select("crm", "deal_id", "deal_name").rows() == [("generic", "77", "77")]


# What may be missing


def test_a_table_that_is_not_there_is_an_empty_one_and_a_column_that_is_not_there_is_not_known() -> None:
    bare = pl.DataFrame([period(opened=100)]).select(
        *("business_date", "method", "funnel", "period_kind", "period_start", "period_end", "period_status"),
        "total_amount",
    )
    made = compose({"nights": served()["nights"], "forecast_period": bare}, standards(), BUSINESS_DATE)
    expected = made.views[0].quarters[0].quarter.expected
    assert (expected.total, expected.won, expected.has_interval) == (Decimal("100.00"), None, False)


def test_a_column_without_which_rows_mean_nothing_is_asked_for_by_name() -> None:
    tables = served(forecast_period=[period(opened=100)])
    tables["forecast_period"] = tables["forecast_period"].drop("total_amount")
    with pytest.raises(ForecastPageRefusedError, match="forecast_period has no column total_amount"):
        compose(tables, standards(), BUSINESS_DATE)


def test_a_night_that_is_not_recorded_has_no_page() -> None:
    with pytest.raises(ForecastPageRefusedError, match="nights has 0 rows for 2026-11-23"):
        compose(served(), standards(), BUSINESS_DATE + timedelta(days=1))


def test_a_night_without_any_forecast_has_a_view_that_says_nothing() -> None:
    made = page(previous=None)  # type: ignore[arg-type]
    (only,) = made.views
    assert (only.methods, only.quarters, only.accuracy, only.proof, only.unproven) == ((), (), (), (), ())
    assert {frame.height for frame in vars(made.tables).values()} == {0}
