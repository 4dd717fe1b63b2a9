"""A CRM that exports its current state alone: nights tell its history, and each night stays as it was known."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from clones import Clone, put_extract

MakeClone = Callable[[str | None], Clone]

HEADER = "deal_id,stage,created_at,modified_at,closed_at,amount,currency\n"
FIRST = date(2026, 3, 2)
# Of each day: what the CRM says then. Deal 1 moves on with a change that dates it; deal 2 moves with none; deal 3 is
# closed with a date; deal 4 is gone from the third day on; deal 5 never moves.
DAYS = [
    """1,初步接洽,2026-03-01T09:00:00+08:00,2026-03-01T09:00:00+08:00,,100.00,CNY
2,初步接洽,2026-03-01T09:00:00+08:00,,,100.00,CNY
3,资格确认,2026-03-01T09:00:00+08:00,,,100.00,CNY
4,初步接洽,2026-03-01T09:00:00+08:00,,,100.00,CNY
5,资格确认,2026-03-01T09:00:00+08:00,,,100.00,CNY
""",
    """1,资格确认,2026-03-01T09:00:00+08:00,2026-03-03T15:00:00+08:00,,100.00,CNY
2,资格确认,2026-03-01T09:00:00+08:00,,,100.00,CNY
3,资格确认,2026-03-01T09:00:00+08:00,,,120.00,CNY
4,初步接洽,2026-03-01T09:00:00+08:00,,,100.00,CNY
5,资格确认,2026-03-01T09:00:00+08:00,,,100.00,CNY
""",
    """1,资格确认,2026-03-01T09:00:00+08:00,2026-03-04T10:00:00+08:00,,130.00,CNY
2,初步接洽,2026-03-01T09:00:00+08:00,,,100.00,CNY
3,赢单,2026-03-01T09:00:00+08:00,2026-03-04T18:00:00+08:00,2026-03-04T17:00:00+08:00,120.00,CNY
5,资格确认,2026-03-01T09:00:00+08:00,,,100.00,CNY
""",
]
TABLES = "select table_hashes from nights where business_date = '{}'"


def put_days(company: Clone, days: range) -> None:
    for day in days:
        rows = DAYS[min(day, len(DAYS) - 1)]
        # From the fourth day on the CRM says nothing new, but that deal 5 moves on the last.
        if day == 32:
            rows = rows.replace("5,资格确认", "5,需求分析")
        name = str(FIRST + timedelta(days=day))
        manifest = {"extract": "full", "files": {"deals.csv": {"rows": rows.count("\n")}}}
        put_extract(company, name, {"deals.csv": HEADER + rows, "manifest.json": json.dumps(manifest)})


@pytest.fixture(scope="module")
def orderly(clone: MakeClone) -> Clone:
    """The third night, run when nothing later was known."""
    made = clone(None)
    put_days(made, range(3))
    made.night(str(FIRST + timedelta(days=2)))
    return made


def test_the_stages_that_extracts_saw_are_visits_with_the_precision_they_have(orderly: Clone) -> None:
    visits = orderly.query(
        "select deal_id, deal_visits.stage, entered_at, entered_precision from deal_visits "
        "join deals_current using (deal_key) order by deal_id, entered_at"
    ).rows()
    created = datetime(2026, 3, 1, 1)
    assert [(deal, stage, at, precision) for deal, stage, at, precision in visits] == [
        ("1", "initial_contact", created, "inferred"),
        ("1", "qualification", datetime(2026, 3, 3, 7), "by_day"),
        ("2", "initial_contact", created, "inferred"),
        ("2", "qualification", datetime(2026, 3, 2, 16), "by_day"),
        ("2", "initial_contact", datetime(2026, 3, 3, 16), "by_day"),
        ("3", "qualification", created, "inferred"),
        ("5", "qualification", created, "inferred"),
    ]
    assert orderly.query("select closed_at from deals_current where deal_id = '3'").item() == datetime(2026, 3, 4, 9)


def test_a_deal_that_is_gone_leaves_tonights_tables_and_stays_a_fact(orderly: Clone) -> None:
    assert orderly.query("select count(*) from deals_current where deal_id = '4'").item() == 0
    departed = orderly.query_warehouse(
        "select deal_key, reason, departed_at, precision from intermediate.int_deal_departures"
    )
    assert departed.rows() == [("generic:4", "absent", datetime(2026, 3, 4, 16), "by_day")]


def test_a_night_is_the_same_after_thirty_later_days_are_known(orderly: Clone, clone: MakeClone) -> None:
    later = clone(None)
    put_days(later, range(33))
    later.night(str(FIRST + timedelta(days=32)))
    assert later.query("select stage from deals_current where deal_id = '5'").item() == "needs_analysis"
    third = str(FIRST + timedelta(days=2))
    later.night(third)
    assert later.served_night(third, TABLES.format(third)).rows() == orderly.query(TABLES.format(third)).rows()
