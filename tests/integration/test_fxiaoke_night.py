"""Nights on a small 纷享销客: what its API answers, and what its Chinese user interface exports in GB18030."""

import shutil
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import pytest
from clones import EXTRACTS, Clone

MakeClone = Callable[[str | None], Clone]
BEFORE, DAY = "2026-03-19", "2026-03-31"


@pytest.fixture(scope="module")
def night(clone: MakeClone) -> Clone:
    """One night that finds two extracts, of twelve days apart."""
    company = clone(None)
    shutil.copytree(EXTRACTS / "fxiaoke" / "api_before", company.inbox / "fxiaoke" / BEFORE)
    shutil.copytree(EXTRACTS / "fxiaoke" / "api", company.inbox / "fxiaoke" / DAY)
    company.night(DAY)
    return company


@pytest.fixture(scope="module")
def export_night(clone: MakeClone) -> Clone:
    company = clone("fxiaoke_export")
    shutil.copytree(EXTRACTS / "fxiaoke" / "export_gb18030_before", company.inbox / "fxiaoke" / BEFORE)
    shutil.copytree(EXTRACTS / "fxiaoke" / "export_gb18030", company.inbox / "fxiaoke" / DAY)
    company.night(DAY)
    return company


def opportunity(number: int) -> str:
    return f"65f000000000000000000a{number:02}"


def test_every_deal_stands_in_its_stage_and_its_status_says_how_it_ended(night: Clone) -> None:
    """The third is 签约 by stage, which no funnel names, and 赢单 by status."""
    stages = night.query("select deal_id, stage, outcome from deals_current")
    assert sorted(stages.rows()) == [
        (opportunity(1), "needs_analysis", None),
        (opportunity(2), "proposal", None),
        (opportunity(3), "won", "won"),
        (opportunity(4), "lost", "lost"),
        (opportunity(7), "lost", "lost"),
        (opportunity(8), "negotiation", None),
    ]


def test_what_is_invalidated_or_deleted_is_gone_and_dated(night: Clone) -> None:
    left = night.query_warehouse(
        "select deal_key, reason, departed_at, precision from intermediate.int_deal_departures order by 1"
    )
    assert left.rows() == [
        (f"fxiaoke:{opportunity(5)}", "deleted", datetime(2026, 3, 3, 1), "exact"),
        (f"fxiaoke:{opportunity(6)}", "deleted", datetime(2026, 3, 6, 10), "exact"),
    ]


def test_milliseconds_since_1970_are_the_instants_that_they_count(night: Clone) -> None:
    """What a deal was in before is told by the extract that saw it there."""
    visits = night.query("select deal_key, stage, entered_at, exited_at, ended_as, entered_precision from deal_visits")
    assert sorted(visits.rows()) == [
        (f"fxiaoke:{opportunity(deal)}", *rest, "exact")
        for deal, *rest in [
            (1, "needs_analysis", datetime(2026, 3, 10, 1, 15), None, None),
            (2, "needs_analysis", datetime(2026, 2, 20, 1), datetime(2026, 3, 20, 6, 5), "skip"),
            (2, "proposal", datetime(2026, 3, 20, 6, 5), None, None),
            (3, "negotiation", datetime(2026, 3, 5, 3), datetime(2026, 3, 27, 9, 40), "won"),
            (8, "negotiation", datetime(2026, 3, 31, 0, 30), None, None),
            (8, "proposal", datetime(2026, 3, 1, 2), datetime(2026, 3, 31, 0, 30), "advance"),
        ]
    ]
    closed = night.query("select deal_id, closed_at from deals_current where not is_open order by 1")
    assert closed.rows() == [
        (opportunity(3), datetime(2026, 3, 27, 9, 40)),
        (opportunity(4), datetime(2026, 3, 16, 2, 10)),
        (opportunity(7), datetime(2026, 3, 18, 7, 0)),
    ]


def test_a_date_in_milliseconds_is_the_day_that_began_then_where_the_company_is(night: Clone) -> None:
    """1777478400000 is 2026-04-29 16:00 UTC, the midnight that begins 30 April in Shanghai."""
    assert night.query(
        f"select expected_close_date from deals_current where deal_id = '{opportunity(1)}'"
    ).item() == date(2026, 4, 30)


def test_money_written_as_text_is_read_to_the_cent(night: Clone) -> None:
    amounts = night.query("select deal_id, amount, amount_reporting from deals_current where amount_reporting > 300000")
    assert sorted(amounts.rows()) == [
        (opportunity(2), Decimal("1250000.55"), Decimal("1250000.55")),
        (opportunity(3), Decimal("330000.10"), Decimal("330000.10")),
    ]


def test_ids_come_with_their_labels_and_an_owner_out_of_its_list(night: Clone) -> None:
    deals = night.query(
        """select deal_id, owner_name, team, account_name, region, probability, lost_reason
           from deals_current order by 1"""
    )
    assert deals.row(0) == (opportunity(1), "王芳", "华东大区", "华东精密制造有限公司", "East China", 0.3, None)
    assert deals.row(3) == (opportunity(4), "Tom Becker", "1001", "Nordwind Logistics", "DACH", 0, "价格过高")


def test_a_sales_record_belongs_to_the_deal_that_its_list_names_whatever_the_order(night: Clone) -> None:
    """One is about an account alone and one was invalidated; neither is an activity of a deal."""
    activities = night.query_warehouse(
        "select deal_key, activity_type, occurred_at, status from intermediate.int_activities"
    )
    assert sorted(activities.rows()) == [
        (f"fxiaoke:{opportunity(1)}", "meeting", datetime(2026, 3, 11, 6, 30), "held"),
        (f"fxiaoke:{opportunity(2)}", "call", datetime(2026, 3, 21, 1, 0), "held"),
    ]


SAME_DEALS = """select deal_id, deal_name, stage, outcome, amount, currency, amount_reporting, expected_close_date,
                       created_at, stage_entered_at, closed_at, probability, lost_reason
                from deals_current order by 1"""
SAME_VISITS = "select * exclude (night_id) from deal_visits order by visit_id"


def test_the_chinese_export_in_gb18030_gives_the_same_deals_and_visits(night: Clone, export_night: Clone) -> None:
    assert export_night.query(SAME_DEALS).rows() == night.query(SAME_DEALS).rows()
    assert export_night.query(SAME_VISITS).rows() == night.query(SAME_VISITS).rows()
