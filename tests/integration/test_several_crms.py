"""Several CRMs feed one warehouse: equal ids are different deals, and each CRM keeps its own facts."""

from collections.abc import Callable
from datetime import datetime

import pytest
from clones import Clone

MakeClone = Callable[[str | None], Clone]

GENERIC = """deal_id,stage,created_at,amount,currency,owner_id,account_id
1,初步接洽,2026-03-01T09:00:00+08:00,100.00,CNY,1,1
2,资格确认,2026-03-01T09:00:00+08:00,200.00,CNY,1,1
"""
OPPORTUNITY = """Id,Name,StageName,Amount,CurrencyIsoCode,OwnerId,AccountId,CreatedDate,SystemModstamp,IsDeleted
1,Same id,Qualification,300.00,CNY,1,1,2026-03-01T01:00:00.000Z,2026-03-05T01:00:00.000Z,false
2,Deleted,Prospecting,400.00,CNY,1,1,2026-03-01T01:00:00.000Z,2026-03-04T01:00:00.000Z,true
3,Deleted after the night,Prospecting,500.00,CNY,1,1,2026-03-01T01:00:00.000Z,2026-03-06T17:00:00.000Z,true
"""
HISTORY = """Id,OpportunityId,StageName,CreatedDate
a,1,Prospecting,2026-03-01T01:00:00.000Z
b,1,Qualification,2026-03-05T01:00:00.000Z
"""
USERS = {"generic": "user_id,user_name,team\n1,Ann,North\n", "salesforce": "Id,Name\n1,Bob\n"}


@pytest.fixture(scope="module")
def company(clone: MakeClone) -> Clone:
    made = clone(None)
    for crm, files in {
        "generic": {"deals.csv": GENERIC, "users.csv": USERS["generic"]},
        "salesforce": {
            "Opportunity.csv": OPPORTUNITY,
            "OpportunityHistory.csv": HISTORY,
            "User.csv": USERS["salesforce"],
        },
    }.items():
        folder = made.inbox / crm / "2026-03-06"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    made.night("2026-03-06")
    return made


def test_equal_ids_of_two_crms_are_two_deals_with_their_own_owners_and_histories(company: Clone) -> None:
    deals = company.query("select crm, deal_id, amount, owner_name from deals_current order by crm, deal_id").rows()
    assert [(crm, deal, str(amount), owner) for crm, deal, amount, owner in deals] == [
        ("generic", "1", "100.00", "Ann"),
        ("generic", "2", "200.00", "Ann"),
        ("salesforce", "1", "300.00", "Bob"),
        ("salesforce", "3", "500.00", "Bob"),
    ]
    visits = "select deal_key, stage, entered_at from deal_visits where deal_key like '%:1'"
    assert company.query(f"{visits} order by deal_key, entered_at").rows() == [
        ("generic:1", "initial_contact", datetime(2026, 3, 1, 1)),
        ("salesforce:1", "initial_contact", datetime(2026, 3, 1, 1)),
        ("salesforce:1", "qualification", datetime(2026, 3, 5, 1)),
    ]


def test_a_deal_deleted_in_salesforce_left_when_it_was_deleted_and_not_before(company: Clone) -> None:
    departures = "select deal_key, reason, departed_at, precision from intermediate.int_deal_departures"
    assert company.query_warehouse(departures).rows() == [("salesforce:2", "deleted", datetime(2026, 3, 4, 1), "exact")]
