"""A whole night from Pipedrive, as each version of its API exports it."""

import shutil
from collections.abc import Callable
from datetime import datetime

import duckdb
import polars as pl
import pytest
from clones import PROJECT, Clone

MakeClone = Callable[[str | None], Clone]
EXTRACTS = PROJECT / "tests" / "fixtures" / "extracts" / "pipedrive"


@pytest.fixture(scope="module")
def v1(clone: MakeClone) -> Clone:
    """JSON lines with references nested, the changes out of the deals' flow, no file of pipelines."""
    return night_of(clone, "v1")


@pytest.fixture(scope="module")
def v2(clone: MakeClone) -> Clone:
    return night_of(clone, "v2")


def night_of(clone: MakeClone, version: str) -> Clone:
    account = clone("pipedrive")
    shutil.copytree(EXTRACTS / version, account.inbox / "pipedrive" / "2026-03-31")
    account.night("2026-03-31")
    return account


def warehouse(account: Clone, sql: str) -> pl.DataFrame:
    """Ask the tables that the served ones are made from."""
    with duckdb.connect(str(account.home / "warehouse" / "stageproof.duckdb"), read_only=True) as connection:
        return connection.execute(sql).pl()


def test_every_row_of_both_versions_is_loaded(v1: Clone, v2: Clone) -> None:
    counts = "select rows_in, rows_loaded, rows_quarantined from nights"
    assert v1.query(counts).row(0) == (38, 38, 0)
    assert v2.query(counts).row(0) == (40, 40, 0)


def test_a_closed_deal_stands_where_its_status_says_and_an_open_one_in_its_stage(v1: Clone) -> None:
    stages = v1.query("select deal_id, funnel, stage, outcome from deals_current order by deal_id")
    assert stages.rows() == [
        ("1", "sales", "demo_scheduled", None),
        ("2", "sales", "won", "won"),
        ("3", "sales", "lost", "lost"),
        ("4", "sales", "contact_made", None),
        # Its stage has the name of a stage of the other pipeline too.
        ("6", "partners", "partner_qualified", None),
        ("7", "sales", "qualified", None),
    ]


def test_visits_begin_when_the_deal_was_added_and_change_as_its_history_says(v1: Clone) -> None:
    visits = v1.query(
        """select stage, entered_at, exited_at, ended_as, entered_precision from deal_visits
           where deal_key = 'pipedrive:2' order by visit_number"""
    )
    assert visits.rows() == [
        ("qualified", datetime(2026, 1, 6, 2), datetime(2026, 1, 15, 3, 20), "advance", "exact"),
        ("contact_made", datetime(2026, 1, 15, 3, 20), datetime(2026, 2, 10, 9), "skip", "exact"),
        ("proposal_made", datetime(2026, 2, 10, 9), datetime(2026, 2, 27, 6, 45, 30), "won", "exact"),
    ]


def test_a_deal_that_was_lost_without_a_move_stayed_in_its_first_stage(v1: Clone) -> None:
    visits = v1.query("select stage, entered_at, exited_at, ended_as from deal_visits where deal_key = 'pipedrive:3'")
    assert visits.rows() == [("qualified", datetime(2026, 1, 20, 7, 30), datetime(2026, 3, 10, 12), "lost")]


def test_a_reopened_deal_is_back_in_its_stage_and_was_closed_in_between(v1: Clone) -> None:
    visits = v1.query(
        """select stage, entered_at, exited_at, began_as, ended_as from deal_visits
           where deal_key = 'pipedrive:4' order by visit_number"""
    )
    assert visits.rows() == [
        ("qualified", datetime(2026, 2, 1, 1), datetime(2026, 2, 5), "start", "advance"),
        ("contact_made", datetime(2026, 2, 5), datetime(2026, 3, 1), "advance", "lost"),
        ("contact_made", datetime(2026, 3, 21, 3), None, "reopen", None),
    ]
    assert v1.query("select closed_at from deals_current where deal_id = '4'").item() is None


def test_a_deal_that_never_moved_is_dated_by_its_creation(v1: Clone) -> None:
    visit = v1.query("select stage, entered_at, entered_precision from deal_visits where deal_key = 'pipedrive:7'")
    assert visit.rows() == [("qualified", datetime(2026, 3, 25, 8), "exact")]


def test_a_deleted_deal_is_gone_and_its_history_dates_that(v1: Clone) -> None:
    departures = warehouse(v1, "select deal_key, reason, departed_at, precision from intermediate.int_deal_departures")
    assert departures.rows() == [("pipedrive:5", "deleted", datetime(2026, 3, 20, 5), "exact")]
    assert v1.query("select count(*) from deals_current where deal_id = '5'").item() == 0


def test_activities_are_held_when_due_or_ticked_before_and_last_as_long_as_they_say(v1: Clone, v2: Clone) -> None:
    sql = """select activity_key, deal_key, activity_type, occurred_at, minutes, status
             from intermediate.int_activities order by 1"""
    rows = warehouse(v1, sql).rows()
    assert rows == [
        ("pipedrive:501", "pipedrive:1", "call", datetime(2026, 1, 8, 3), 35.0, "held"),
        ("pipedrive:502", "pipedrive:2", "meeting", datetime(2026, 2, 9, 1), 105.0, "held"),
        # Ticked off before it was due.
        ("pipedrive:503", "pipedrive:1", "meeting", datetime(2026, 2, 11, 6), 30.0, "held"),
        # Due on a day without a time.
        ("pipedrive:504", "pipedrive:1", "email", datetime(2026, 2, 13, 7, 30), None, "held"),
        ("pipedrive:505", "pipedrive:1", "task", datetime(2026, 3, 8), None, "planned"),
        ("pipedrive:506", "pipedrive:4", "meeting", datetime(2026, 3, 1, 4), 60.0, "held"),
    ]
    assert warehouse(v2, sql).rows() == rows


def test_owners_and_organisations_are_found_through_nested_references(v1: Clone) -> None:
    rows = v1.query(
        """select deal_id, owner_name, account_name, region, probability from deals_current
           where deal_id in ('2', '3', '4') order by 1"""
    )
    assert rows.rows() == [
        ("2", "Anna Berg", "华东电子有限公司", "上海", None),
        ("3", "Anna Berg", None, None, None),
        ("4", "Li Wei 李伟", "Acme GmbH", "Bayern", 0.4),
    ]


def test_both_versions_serve_the_same_deals_and_visits(v1: Clone, v2: Clone) -> None:
    deals = "select * exclude (source_file, source_record, night_id) from deals_current order by deal_key"
    assert v1.query(deals).rows() == v2.query(deals).rows()
    visits = "select * exclude (night_id) from deal_visits order by deal_key, visit_number"
    assert v1.query(visits).rows() == v2.query(visits).rows()
    assert v1.query(visits).height == 13
