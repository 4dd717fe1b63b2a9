from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from worlds import BUSINESS_DATE, deal, hazards, history, moves, tables, won

from orchestration.forecasting.inputs import ForecastInputsError, read_history

OCTOBER, SEPTEMBER = date(2026, 10, 31), date(2026, 9, 30)


def refused(made: dict[str, pl.DataFrame], business_date: date = BUSINESS_DATE) -> str:
    with pytest.raises(ForecastInputsError) as refusal:
        read_history(made, business_date).inputs()
    return str(refusal.value)


def test_a_missing_table_is_named() -> None:
    made = tables()
    del made["forecast_won_deals"]
    assert "forecast_won_deals is missing" in refused(made)


def test_a_missing_column_is_named() -> None:
    made = tables()
    made["forecast_open_deals"] = made["forecast_open_deals"].drop("segment")
    assert refused(made) == "forecast_open_deals has no column segment; the model must select it"


def test_a_column_of_another_type_is_named() -> None:
    made = tables(deals=[deal("d1")])
    made["forecast_open_deals"] = made["forecast_open_deals"].with_columns(expected_close_date=pl.lit("soon"))
    assert refused(made).startswith("forecast_open_deals.expected_close_date cannot be read as Date")


def test_a_deal_that_stands_twice_on_one_date_is_refused() -> None:
    assert "more than one row for 2026-11-22, d1" in refused(tables(deals=[deal("d1"), deal("d1", stage="contact")]))


def test_a_null_key_is_refused() -> None:
    assert "forecast_open_deals.segment is null in 1 rows" in refused(tables(deals=[deal("d1", segment=None)]))


def test_a_negative_count_is_refused() -> None:
    assert "forecast_hazard_counts.visits is negative" in refused(tables(counts=hazards("contact", "won", {0: -1})))


def test_a_funnel_called_all_is_refused() -> None:
    assert "rename it" in refused(tables(funnels=["all"]))


def test_a_business_date_outside_the_fiscal_periods_is_refused() -> None:
    assert "0 rows of kind month that hold 2031-01-01" in refused(
        tables(business_date=date(2031, 1, 1)), date(2031, 1, 1)
    )


def test_tonight_has_to_be_the_business_date() -> None:
    assert "forecast_as_ofs has 2026-11-22 for tonight" in refused(tables(), date(2026, 11, 23))


def test_a_date_that_is_no_as_of_date_is_refused() -> None:
    with pytest.raises(ForecastInputsError, match="2026-10-31 is no as-of date of this history; there are 1"):
        history(as_ofs=[SEPTEMBER]).inputs(OCTOBER)


def test_a_win_is_known_from_its_day_until_it_is_undone() -> None:
    known = history(
        as_ofs=[SEPTEMBER, OCTOBER],
        won_deals=[
            won("kept", SEPTEMBER),
            won("undone", SEPTEMBER, undone_on=OCTOBER),
            won("later", date(2026, 11, 2)),
        ],
    )
    keys = {day: known.inputs(day).won_deals["deal_key"].to_list() for day in (SEPTEMBER, OCTOBER, BUSINESS_DATE)}
    assert keys == {SEPTEMBER: ["kept", "undone"], OCTOBER: ["kept"], BUSINESS_DATE: ["kept", "later"]}


def test_a_win_and_a_creation_are_their_former_owners_on_the_dates_before_they_were_handed_over() -> None:
    stretches: list[dict[str, Any]] = [
        {"owner_key": "ann", "segment": "A", "until_as_of_date": SEPTEMBER},
        {"owner_key": "bob", "segment": "B", "from_as_of_date": OCTOBER},
    ]
    created = {"funnel": "direct", "stage": "contact", "created_on": date(2026, 8, 1), "deals": 1}
    known = history(
        as_ofs=[SEPTEMBER, OCTOBER],
        won_deals=[won("d", date(2026, 9, 2)) | each for each in stretches],
        creations=[created | each for each in stretches],
    )
    for day, owner, segment in ((SEPTEMBER, "ann", "A"), (OCTOBER, "bob", "B"), (BUSINESS_DATE, "bob", "B")):
        inputs = known.inputs(day)
        assert inputs.won_deals.select("deal_key", "owner_key", "segment").rows() == [("d", owner, segment)]
        assert inputs.creations.select("owner_key", "segment", "deals").rows() == [(owner, segment, 1)]


def test_an_amount_that_was_corrected_after_the_win_was_not_known_before_tonight() -> None:
    corrected = won("d", SEPTEMBER, amount="80.00", amount_when_won=Decimal("100.00"))
    known = history(as_ofs=[OCTOBER], won_deals=[corrected])
    assert known.inputs(OCTOBER).won_deals["amount_reporting"].to_list() == [Decimal("100.00")]
    assert known.inputs().won_deals["amount_reporting"].to_list() == [Decimal("80.00")]


def test_what_became_of_past_deals_is_told_as_far_as_it_was_known() -> None:
    known = history(
        as_ofs=[SEPTEMBER, OCTOBER],
        deals=[deal("d", as_of_date=SEPTEMBER), deal("d", as_of_date=OCTOBER), deal("e", as_of_date=SEPTEMBER)],
        outcomes=[
            {"as_of_date": SEPTEMBER, "deal_key": "d", "won_on": date(2026, 11, 9), "closed_on": date(2026, 11, 9)},
            {"as_of_date": OCTOBER, "deal_key": "d", "won_on": date(2026, 11, 9), "closed_on": date(2026, 11, 9)},
            {"as_of_date": SEPTEMBER, "deal_key": "e", "closed_on": date(2026, 10, 5), "outcome": "lost"},
        ],
    )
    assert known.inputs(SEPTEMBER).past_deals.is_empty()
    then = known.inputs(OCTOBER).past_deals.select("as_of_date", "deal_key", "won_on", "closed_on", "outcome")
    assert then.rows() == [
        (SEPTEMBER, "d", None, None, None),
        (SEPTEMBER, "e", None, date(2026, 10, 5), "lost"),
    ]
    assert known.inputs().past_deals["won_on"].to_list() == [date(2026, 11, 9), None, date(2026, 11, 9)]


def test_a_past_deal_whose_win_was_undone_is_won_until_then_and_again_when_it_is() -> None:
    november = date(2026, 11, 9)
    known = history(
        as_ofs=[SEPTEMBER, OCTOBER],
        deals=[deal(key, as_of_date=SEPTEMBER) for key in ("once", "twice")],
        outcomes=[
            {"as_of_date": SEPTEMBER, "deal_key": key, "won_on": date(2026, 10, 5), "closed_on": date(2026, 10, 5)}
            for key in ("once", "twice")
        ],
        won_deals=[
            won("once", date(2026, 10, 5), undone_on=date(2026, 11, 2)),
            won("twice", date(2026, 10, 5), undone_on=date(2026, 11, 2)),
            won("twice", november),
        ],
    )
    assert known.inputs(OCTOBER).past_deals["won_on"].to_list() == [date(2026, 10, 5)] * 2
    assert known.inputs().past_deals["won_on"].to_list() == [None, november]


def test_the_reopening_of_a_close_is_no_transition_of_the_funnel() -> None:
    counts = [*moves({("proposal", "won"): 3}), *hazards("lost", "proposal", {4: 2})]
    assert history(counts=counts).inputs().transition_counts.rows() == [("direct", "all", "proposal", "won", 3)]


def test_won_amounts_of_a_period_leave_out_what_has_no_amount_and_count_it() -> None:
    inputs = history(won_deals=[won("a", date(2026, 11, 2)), won("b", date(2026, 11, 3), amount=None)]).inputs()
    month = inputs.won_to_date.filter(period_kind="month")
    assert month.select("won_deals", "won_deals_with_amount", "won_amount").row(0) == (2, 1, Decimal("50000.00"))
