"""A whole night from HubSpot: in the layouts of Fivetran, in those of its API, and on Fivetran's own samples."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from clones import PROJECT, Clone
from opened_pages import OpenPage

from orchestration.ingest.load import Shelf, load
from orchestration.opening import mappings

MakeClone = Callable[[str | None], Clone]
EXTRACTS = PROJECT / "tests" / "fixtures" / "extracts" / "hubspot"
# People's records are not read.
NOT_READ = {"contact_data.csv"}


@pytest.fixture(scope="module")
def fivetran(clone: MakeClone) -> Clone:
    """The day before, the stages alone were exported; one of them is deleted since."""
    portal = clone("hubspot")
    shutil.copytree(EXTRACTS / "stages_before", portal.inbox / "hubspot" / "2026-03-30")
    shutil.copytree(EXTRACTS / "fivetran", portal.inbox / "hubspot" / "2026-03-31")
    portal.night("2026-03-31")
    return portal


@pytest.fixture(scope="module")
def api(clone: MakeClone) -> Clone:
    portal = clone("hubspot")
    shutil.copytree(EXTRACTS / "api", portal.inbox / "hubspot" / "2026-03-31")
    portal.night("2026-03-31")
    return portal


def warehouse(portal: Clone, sql: str) -> pl.DataFrame:
    """Ask the tables that the served ones are made from."""
    with duckdb.connect(str(portal.home / "warehouse" / "stageproof.duckdb"), read_only=True) as connection:
        return connection.execute(sql).pl()


def test_every_row_of_both_spellings_is_loaded(fivetran: Clone, api: Clone) -> None:
    counts = "select rows_in, rows_loaded, rows_quarantined from nights"
    assert fivetran.query(counts).row(0) == (117, 117, 0)
    assert api.query(counts).row(0) == (66, 66, 0)


@pytest.mark.browser
def test_a_violation_leads_to_the_record_of_its_deal(api: Clone, open_page: OpenPage) -> None:
    opened = open_page(api.home / "reports" / "2026-03-31" / "review.html", "#review?view=open")
    deals = {deal for (deal,) in api.query("select deal_id from deals_current").rows()}
    links = {each.get_attribute("href") for each in opened.page.locator(".record").all()}
    assert links
    assert links <= {f"https://app.hubspot.com/contacts/1234567/record/0-3/{deal}" for deal in deals}


def test_deals_stand_in_the_stages_that_their_pipelines_name(fivetran: Clone) -> None:
    stages = fivetran.query("select deal_id, funnel, stage, outcome from deals_current order by deal_id")
    assert stages.rows() == [
        ("101", "sales", "presentation_scheduled", None),
        ("102", "sales", "closed_won", "won"),
        ("103", "sales", "closed_lost", "lost"),
        # Its stage was deleted from HubSpot; the label is known from the export before.
        ("104", "sales", "legal_review", None),
        # The label of its stage is that of a stage of the other pipeline too.
        ("107", "partners", "partner_qualified", None),
        # No export of stages ever named this stage: the funnel file names it by its id.
        ("109", "sales", "legal_review", None),
    ]


def test_visits_have_the_times_of_the_stage_history(fivetran: Clone) -> None:
    visits = fivetran.query(
        """select stage, entered_at, exited_at, ended_as from deal_visits
           where deal_key = 'hubspot:102' order by visit_number"""
    )
    assert visits.rows() == [
        ("appointment_scheduled", datetime(2026, 1, 6, 2), datetime(2026, 1, 15, 3, 20), "advance"),
        ("qualified_to_buy", datetime(2026, 1, 15, 3, 20), datetime(2026, 1, 28, 1), "advance"),
        ("presentation_scheduled", datetime(2026, 1, 28, 1), datetime(2026, 2, 10, 9), "skip"),
        ("contract_sent", datetime(2026, 2, 10, 9), datetime(2026, 2, 27, 6, 45, 30), "won"),
    ]


def test_a_deal_that_went_back_and_was_lost_keeps_each_stay(fivetran: Clone) -> None:
    visits = fivetran.query(
        """select stage, entered_at, ended_as, entered_precision from deal_visits
           where deal_key = 'hubspot:103' order by visit_number"""
    )
    assert visits.rows() == [
        ("appointment_scheduled", datetime(2026, 1, 20, 7, 30), "advance", "exact"),
        ("qualified_to_buy", datetime(2026, 2, 3), "regress", "exact"),
        ("appointment_scheduled", datetime(2026, 2, 12, 11), "lost", "exact"),
    ]


def test_the_close_date_is_a_plan_until_the_deal_closes(fivetran: Clone) -> None:
    closed = fivetran.query("select deal_id, closed_at from deals_current where closed_at is not null order by 1")
    assert closed.rows() == [("102", datetime(2026, 2, 27, 6, 45, 30)), ("103", datetime(2026, 3, 10, 12))]
    planned = fivetran.query(
        "select deal_id, expected_close_date from deals_current where is_open and expected_close_date is not null"
    )
    assert {deal: str(day) for deal, day in planned.rows()} == {
        "101": "2026-04-30",
        "104": "2026-05-15",
        "107": "2026-06-30",
    }


def test_merged_and_deleted_deals_are_gone_and_known(fivetran: Clone) -> None:
    departures = warehouse(
        fivetran, "select deal_key, reason, merged_into_deal_key from intermediate.int_deal_departures order by 1"
    )
    assert departures.rows() == [
        ("hubspot:105", "merged", "hubspot:102"),
        ("hubspot:106", "deleted", None),
        # No record of this one was ever exported; the merge alone tells of it.
        ("hubspot:108", "merged", "hubspot:101"),
    ]
    served = fivetran.query("select count(*) from deals_current where deal_id in ('105', '106', '108')")
    assert served.item() == 0


def test_the_api_dates_a_deletion(api: Clone) -> None:
    departures = warehouse(
        api, "select deal_key, reason, departed_at, precision from intermediate.int_deal_departures order by 1"
    )
    assert departures.rows() == [
        ("hubspot:105", "merged", None, "unknown"),
        ("hubspot:106", "deleted", datetime(2026, 3, 20, 5), "exact"),
        ("hubspot:108", "merged", None, "unknown"),
    ]


def test_both_spellings_serve_the_same_deals_and_visits(fivetran: Clone, api: Clone) -> None:
    deals = "select * exclude (source_file, source_record, night_id) from deals_current order by deal_key"
    assert fivetran.query(deals).rows() == api.query(deals).rows()
    visits = "select * exclude (night_id) from deal_visits order by deal_key, visit_number"
    assert fivetran.query(visits).rows() == api.query(visits).rows()
    assert fivetran.query(visits).height == 15


def test_owners_have_names_and_main_teams_and_deals_their_primary_company(fivetran: Clone) -> None:
    rows = fivetran.query(
        """select deal_id, owner_name, team, account_name, amount from deals_current
           where deal_id in ('101', '102', '107') order by 1"""
    )
    assert rows.rows() == [
        ("101", "Wei 伟 Li 李", "East 华东", "Acme GmbH", Decimal("120000.00")),
        ("102", "Anna Berg", "Inside sales", "华东电子有限公司", Decimal("86500.50")),
        ("107", "Partner desk", None, None, Decimal("22000.00")),
    ]


def test_engagements_are_activities_with_minutes_direction_and_whether_the_customer_came(
    fivetran: Clone, api: Clone
) -> None:
    sql = """select activity_key, activity_type, occurred_at, minutes, direction, status, is_customer_present
             from intermediate.int_activities order by 1"""
    rows = warehouse(fivetran, sql).rows()
    assert rows == [
        ("hubspot:5001/101", "interview", datetime(2026, 1, 8, 3), 35.0, "inbound", "held", True),
        ("hubspot:5002/101", "demo", datetime(2026, 2, 9, 1), 45.0, None, "held", True),
        ("hubspot:5002/102", "demo", datetime(2026, 2, 9, 1), 45.0, None, "held", True),
        ("hubspot:5003/101", "demo", datetime(2026, 2, 16, 1), 60.0, None, "cancelled", False),
        ("hubspot:5004/102", "email", datetime(2026, 2, 11, 7), None, "inbound", "held", None),
        ("hubspot:5005/101", "task", datetime(2026, 3, 8, 2, 30), None, None, "planned", None),
        ("hubspot:5006/101", "note", datetime(2026, 2, 12, 7), None, "internal", "held", None),
        ("hubspot:5008/101", "call", datetime(2026, 1, 9, 3), None, "outbound", "cancelled", None),
        ("hubspot:5009/101", "task", datetime(2026, 3, 9, 4), None, None, "held", None),
    ]
    assert warehouse(api, sql).rows() == rows


def test_a_completed_demo_is_proof_at_the_gate_that_it_came_before(fivetran: Clone) -> None:
    outcome = fivetran.query(
        """select outcome from quality_findings
           where rule_id = 'sales.presentation_scheduled.demo_held' and deal_key = 'hubspot:102'"""
    )
    assert outcome.rows() == [("met",)]


def test_a_property_of_a_company_has_one_name_in_both_spellings(fivetran: Clone, api: Clone) -> None:
    sql = """select account_key, value_text from intermediate.int_account_attributes
             where attribute = 'erp_in_use' order by 1"""
    expected = [("hubspot:7001", "none"), ("hubspot:7002", "none")]
    assert warehouse(fivetran, sql).rows() == expected
    assert warehouse(api, sql).rows() == expected


def test_the_layouts_that_fivetran_publishes_load_whole(real_data: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    folder = inbox / "hubspot" / "2026-03-31"
    folder.mkdir(parents=True)
    layouts = [
        each for each in (real_data / "connector_layouts" / "hubspot").glob("*.csv") if each.name not in NOT_READ
    ]
    expected = {}
    for each in layouts:
        shutil.copy(each, folder)
        expected[f"hubspot/2026-03-31/{each.name}"] = pl.read_csv(each, infer_schema=False).height
    shelf = Shelf(inbox=inbox, lake=tmp_path / "lake", quarantine=tmp_path / "quarantine")
    report = load(shelf, mappings()["hubspot"], "UTC", datetime(2026, 4, 1, tzinfo=UTC))
    assert report.held == []
    assert len(layouts) == 19
    assert {each.file: each.rows_in for each in report.files} == expected
    assert all(each.rows_in == each.rows_loaded + each.rows_quarantined for each in report.files)
    assert sum(each.rows_quarantined for each in report.files) == 0
