"""A deal's own facts as numbers, by examples reckoned by hand."""

from datetime import date
from math import log2
from typing import Any

import polars as pl
import pytest
from worlds import deal, hazards, history, world

from orchestration.forecasting.features import (
    AMOUNT,
    DWELL,
    FACTS,
    ICP_BAND,
    LATE,
    NONE_ASKED,
    NOT_POSITIVE,
    NUMBERS,
    PUSHES,
    SILENCE,
    UNKNOWN,
    UNPROVEN,
    Usual,
    facts_of,
    typical_dwell,
    usual_of,
)
from orchestration.forecasting.inputs import ONGOING, SEEN_LATE

ALL_ASKED = {
    "criteria_asked": 4,
    "criteria_met": 4,
    "criteria_late": 0,
    "criteria_violated": 0,
    "criteria_waived": 0,
    "criteria_not_evaluated": 0,
}
USUAL = Usual(
    dwell=pl.DataFrame({"funnel": ["direct"], "stage": ["proposal"], "typical_days": [14.0]}),
    amount=pl.DataFrame({"funnel": ["direct"], "median_amount": [50_000.0]}),
)


def facts(**more: Any) -> dict[str, Any]:
    """The facts of one deal of the funnel, in the stage proposal."""
    deals = world(deals=[deal("d", **{**ALL_ASKED, **more})]).open_deals
    return facts_of(deals, USUAL).row(0, named=True)


def test_each_fact_is_the_number_that_it_says():
    row = facts(
        amount="100000.00",
        icp_band="B",
        criteria_met=2,
        criteria_late=1,
        criteria_violated=1,
        days_since_customer_activity=21.0,
        pushes=3,
        days_in_stage=42.0,
    )

    assert row["icp_band_level"] == "B"
    assert (row["unproven_share"], row["unproven_doublings"], row["late_share"]) == (0.25, 1.0, 0.25)
    assert row["silent_week_doublings"] == pytest.approx(2.0)
    assert row["push_doublings"] == pytest.approx(2.0)
    assert row["amount_doublings"] == pytest.approx(1.0)
    assert row["dwell_doublings"] == pytest.approx(2.0)
    values = {fact: row[f"{fact}_value"] for fact in FACTS}
    assert values == {ICP_BAND: None, UNPROVEN: 1, LATE: 1, SILENCE: 21, PUSHES: 3, AMOUNT: 100_000, DWELL: 42}
    assert (row["amount_usual"], row["days_in_stage_usual"]) == (50_000, 14)
    assert {row[f"{fact}_level"] for fact in FACTS if fact != ICP_BAND} == {None}


@pytest.mark.parametrize(
    ("fact", "missing", "level"),
    [
        (ICP_BAND, {"icp_band": None}, UNKNOWN),
        (SILENCE, {"days_since_customer_activity": None}, UNKNOWN),
        (PUSHES, {"pushes": None}, UNKNOWN),
        (AMOUNT, {"amount": None}, UNKNOWN),
        (AMOUNT, {"amount": "0.00"}, NOT_POSITIVE),
        (AMOUNT, {"amount": "-5.00"}, NOT_POSITIVE),
        (DWELL, {"days_in_stage": None}, UNKNOWN),
        (DWELL, {"stage": "contact", "days_in_stage": 3.0}, UNKNOWN),
        (UNPROVEN, {"criteria_asked": 0, "criteria_met": 0}, NONE_ASKED),
        (UNPROVEN, {"criteria_met": 0, "criteria_not_evaluated": 4}, UNKNOWN),
        (UNPROVEN, {"criteria_asked": None, "criteria_met": None}, UNKNOWN),
    ],
)
def test_what_is_not_known_is_a_level_of_its_own_and_never_a_number(fact: str, missing: dict[str, Any], level: str):
    row = facts(**missing)

    assert row[f"{fact}_level"] == level
    assert {row[number] for number in NUMBERS[fact]} <= {None}


@pytest.mark.parametrize("nothing", [{"criteria_asked": 0, "criteria_met": 0}, {"criteria_asked": None}])
def test_that_nothing_was_asked_is_told_once(nothing: dict[str, Any]):
    row = facts(**{**nothing, "criteria_met": 0})

    assert row["criteria_unproven_level"] is not None
    assert (row["criteria_late_level"], row["criteria_late_value"], row["late_share"]) == (None, None, None)


def test_known_zeros_are_numbers():
    row = facts(days_since_customer_activity=0.0, pushes=0, days_in_stage=0.0)

    assert [row[name] for name in ("silent_week_doublings", "push_doublings", "dwell_doublings")] == [0, 0, 0]
    assert (row["unproven_share"], row["late_share"]) == (0, 0)


def test_a_waived_criterion_is_not_proven_and_one_that_was_not_evaluated_does_not_count():
    row = facts(criteria_met=1, criteria_violated=1, criteria_waived=1, criteria_not_evaluated=1)

    assert row["unproven_share"] == pytest.approx(2 / 3)
    assert row["unproven_doublings"] == pytest.approx(log2(3))


def test_extreme_amounts_and_stays_say_no_more_than_those_at_the_limit():
    assert facts(amount="999999999.00")["amount_doublings"] == 3
    assert facts(amount="0.01")["amount_doublings"] == -3
    assert facts(days_in_stage=10_000.0)["dwell_doublings"] == 4


def test_an_event_dated_after_as_of_is_no_negative_silence():
    assert facts(days_since_customer_activity=-2.0)["silent_week_doublings"] == 0


def test_facts_keep_the_order_of_the_deals():
    deals = world(deals=[deal("b", pushes=1), deal("a", pushes=7), deal("c", pushes=3)]).open_deals.reverse()

    assert facts_of(deals, USUAL)["pushes_value"].to_list() == deals["pushes"].to_list()


def test_typical_dwell_is_the_kaplan_meier_median_within_its_week():
    # Of 10 visits 4 end in week 0; of the 6 left 1 is ongoing in week 1, where 3 end: 0.6 falls to 0.3, so that a
    # half is passed after one third of week 1.
    counts = [
        *hazards("proposal", "won", {0: 1, 1: 2}),
        *hazards("proposal", "lost", {0: 3, 1: 1}),
        *hazards("proposal", ONGOING, {1: 1, 5: 2}),
    ]

    dwell = typical_dwell(world(counts=counts).hazard_counts)

    assert dwell.row(0) == ("direct", "proposal", pytest.approx(7 + 7 / 3))


def test_visits_seen_late_are_not_at_risk_before_they_were_seen():
    # Without the four that were seen from week 2 on, 2 of 4 end in week 0.
    counts = [
        *hazards("proposal", "lost", {0: 2, 3: 6}),
        *hazards("proposal", SEEN_LATE, {2: 4}),
    ]

    assert typical_dwell(world(counts=counts).hazard_counts)["typical_days"].to_list() == [pytest.approx(7.0)]


def test_a_stage_that_most_visits_have_not_left_has_no_typical_dwell():
    counts = [*hazards("proposal", "lost", {0: 1}), *hazards("proposal", ONGOING, {3: 9})]

    assert typical_dwell(world(counts=counts).hazard_counts)["typical_days"].to_list() == [None]


def test_segments_and_undated_visits_are_not_counted_beside_the_whole_funnel():
    counts = [
        *hazards("proposal", "lost", {0: 2}),
        *hazards("proposal", "lost", {9: 50}, segment="A"),
        {"funnel": "direct", "segment": "all", "stage": "proposal", "next_state": "lost", "visits": 90},
    ]

    assert typical_dwell(world(counts=counts).hazard_counts)["typical_days"].to_list() == [pytest.approx(3.5)]


def test_the_usual_amount_is_of_positive_amounts_known_by_as_of():
    first, second = date(2026, 9, 30), date(2026, 10, 31)
    made = history(
        as_ofs=[first, second],
        deals=[
            deal("a", amount="10000.00", as_of_date=first),
            deal("b", amount="30000.00", as_of_date=second),
            deal("c", amount="-1.00", as_of_date=second),
            deal("d", amount=None, as_of_date=second),
            deal("e", amount="90000.00"),
        ],
    )

    assert usual_of(made.inputs(second)).amount["median_amount"].to_list() == [20_000]
    assert usual_of(made.inputs()).amount["median_amount"].to_list() == [30_000]
