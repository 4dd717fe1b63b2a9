"""Nights on a small Dynamics 365: what the Web API answers, and what the same seller exports to Excel."""

import shutil
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from clones import EXTRACTS, Clone

MakeClone = Callable[[str | None], Clone]
BEFORE, DAY = "2026-03-19", "2026-03-31"


@pytest.fixture(scope="module")
def night(clone: MakeClone) -> Clone:
    """One night that finds two extracts, of twelve days apart."""
    company = clone(None)
    shutil.copytree(EXTRACTS / "dynamics" / "api_before", company.inbox / "dynamics" / BEFORE)
    shutil.copytree(EXTRACTS / "dynamics" / "api", company.inbox / "dynamics" / DAY)
    company.night(DAY)
    return company


@pytest.fixture(scope="module")
def excel_night(clone: MakeClone) -> Clone:
    company = clone("dynamics_excel")
    shutil.copytree(EXTRACTS / "dynamics" / "excel", company.inbox / "dynamics" / DAY)
    company.night(DAY)
    return company


def opportunity(number: int) -> str:
    return f"a1000000-0000-4000-8000-{number:012}"


def test_every_deal_stands_in_the_stage_of_its_process_record_or_as_it_closed(night: Clone) -> None:
    stages = night.query("select deal_id, stage, outcome from deals_current")
    assert sorted(stages.rows()) == [
        (opportunity(1), "needs_analysis", None),
        (opportunity(2), "proposal", None),
        (opportunity(3), "won", "won"),
        (opportunity(4), "lost", "lost"),
        (opportunity(6), "qualification", None),
        (opportunity(7), "qualification", None),
        (opportunity(8), "won", "won"),
    ]


def test_a_deal_that_a_connector_kept_as_deleted_or_that_is_no_longer_exported_has_left(night: Clone) -> None:
    left = night.query_warehouse(
        "select deal_key, reason, departed_at, precision from intermediate.int_deal_departures order by 1"
    )
    assert left.rows() == [
        (f"dynamics:{opportunity(5)}", "deleted", datetime(2026, 3, 30, 18), "exact"),
        (f"dynamics:{opportunity(9)}", "absent", datetime(2026, 3, 31, 16), "by_day"),
    ]


def test_an_aborted_process_says_nothing_about_where_a_deal_is(night: Clone) -> None:
    deal = night.query_warehouse(
        f"select crm_funnel_name, stage from intermediate.int_deals where deal_id = '{opportunity(7)}'"
    )
    assert deal.row(0) == ("Opportunity Sales Process", "qualification")
    assert night.query(f"select stage from deal_visits where deal_key = 'dynamics:{opportunity(7)}'").rows() == [
        ("qualification",)
    ]


def test_visits_begin_when_the_process_entered_its_stage_and_end_on_the_day_of_closing(night: Clone) -> None:
    """A close date has no time: it is the start of that day in Shanghai, or the entry where that came later.

    The second deal was seen in Develop by the first extract, and in Propose by the second.
    """
    visits = night.query("select deal_key, stage, entered_at, exited_at, ended_as, entered_precision from deal_visits")
    assert sorted(visits.rows()) == [
        (f"dynamics:{opportunity(deal)}", *rest)
        for deal, *rest in [
            (1, "needs_analysis", datetime(2026, 3, 10, 1, 15), None, None, "exact"),
            (2, "needs_analysis", datetime(2026, 2, 10, 3), datetime(2026, 3, 20, 6, 30), "skip", "exact"),
            (2, "proposal", datetime(2026, 3, 20, 6, 30), None, None, "exact"),
            (3, "negotiation", datetime(2026, 3, 12, 2), datetime(2026, 3, 24, 16), "won", "exact"),
            (4, "proposal", datetime(2026, 2, 20, 4), datetime(2026, 2, 26, 16), "lost", "exact"),
            (6, "qualification", datetime(2026, 3, 28, 9), None, None, "inferred"),
            (7, "qualification", datetime(2026, 3, 5, 3), None, None, "exact"),
            (8, "negotiation", datetime(2026, 3, 18, 3), datetime(2026, 3, 18, 3), "won", "exact"),
        ]
    ]


def test_a_won_deal_is_worth_its_actual_revenue_and_every_other_its_estimate(night: Clone) -> None:
    amounts = dict(night.query("select deal_id, amount from deals_current").rows())
    assert {deal: amounts[opportunity(deal)] for deal in (1, 3, 4)} == {
        1: Decimal("128000.50"),
        3: Decimal("455000.00"),
        4: Decimal("75000.00"),
    }


def test_a_currency_is_known_by_its_iso_code_and_one_without_rate_is_left_out_by_name(night: Clone) -> None:
    deal = night.query(
        f"""select currency, amount_reporting, amount_exclusion, lead_source
            from deals_current where deal_id = '{opportunity(6)}'"""
    ).row(0)
    assert deal == ("USD", None, "missing_rate", "Web")


def test_what_a_deal_points_at_is_found_in_its_own_table(night: Clone) -> None:
    deal = night.query(
        f"""select owner_name, team, account_name, region, probability, forecast_category
            from deals_current where deal_id = '{opportunity(2)}'"""
    ).row(0)
    assert deal == ("李雷", "华东", "苏州精工机械有限公司", "East China", 0.6, "Pipeline")
    lost = night.query(f"select lost_reason from deals_current where deal_id = '{opportunity(4)}'").item()
    assert lost == "Out-Sold"


def test_activities_tell_when_how_long_and_which_way(night: Clone) -> None:
    activities = night.query_warehouse(
        "select deal_key, activity_type, occurred_at, minutes, direction, status from intermediate.int_activities"
    )
    assert sorted(activities.rows(), key=lambda row: row[2]) == [
        (f"dynamics:{opportunity(1)}", "call", datetime(2026, 3, 11, 8), 25, "outbound", "held"),
        (f"dynamics:{opportunity(1)}", "meeting", datetime(2026, 3, 12, 7), 120, None, "cancelled"),
        # Marked as held on the next morning; it lasted 45 of the 60 minutes that were planned.
        (f"dynamics:{opportunity(2)}", "demo", datetime(2026, 3, 15, 2), 45, None, "held"),
        # Planned for the 30th, done on the 22nd.
        (f"dynamics:{opportunity(2)}", "call", datetime(2026, 3, 22, 7, 20), 12, "inbound", "held"),
    ]


def test_qualification_fields_are_evidence_of_a_field_and_never_of_what_the_customer_did(night: Clone) -> None:
    evidence = night.query_warehouse(
        f"""select evidence_key, evidence_number, evidence_text, observed_at, evidence_kind
            from intermediate.int_evidence
            where deal_key = 'dynamics:{opportunity(2)}' and source_object = 'evidence' order by 1"""
    )
    changed = datetime(2026, 3, 20, 6, 30)
    assert evidence.rows() == [
        ("authority", None, "yes", changed, "field"),
        ("budget", 900000.0, "Will Buy", changed, "field"),
        ("need", None, "0", changed, "field"),
        ("purchase_process", None, "1", changed, "field"),
        ("timeline", None, "Next Quarter", changed, "field"),
    ]


def test_a_field_that_says_unknown_or_mark_complete_is_no_evidence(night: Clone) -> None:
    evidence = night.query_warehouse(
        f"""select evidence_key, evidence_text from intermediate.int_evidence
            where deal_key = 'dynamics:{opportunity(4)}' and source_object = 'evidence' order by 1"""
    )
    assert evidence.rows() == [("budget", "No Committed Budget"), ("need", "3")]


def test_a_user_is_active_where_dynamics_says_that_it_is_not_disabled(night: Clone) -> None:
    users = night.query_warehouse("select full_name, is_active from raw_dynamics.system_user order by 1")
    assert users.rows() == [("Anna Berg", True), ("李雷", False)]


SAME = """select deal_id, deal_name, stage, outcome, amount, expected_close_date, created_at, probability, lost_reason
          from deals_current order by 1"""


def test_an_export_to_excel_gives_the_same_deals(night: Clone, excel_night: Clone) -> None:
    assert excel_night.query(SAME).rows() == night.query(SAME).rows()


def test_an_export_to_excel_writes_a_decision_maker_as_the_label_of_a_button(excel_night: Clone) -> None:
    known = excel_night.query_warehouse(
        "select deal_key, evidence_text from intermediate.int_evidence where evidence_key = 'authority' order by 1"
    )
    assert known.rows() == [(f"dynamics:{opportunity(2)}", "yes"), (f"dynamics:{opportunity(3)}", "yes")]
