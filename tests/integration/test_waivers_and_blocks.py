"""A waiver from the command line to the night on which it ends, and data so bad that nothing is published."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from clones import Clone, put_extract

from quality.standards import load

MakeClone = Callable[[str | None], Clone]

DEALS = """deal_id,stage,amount,currency,owner_id,created_at,expected_close_date,next_step,modified_at
1,资格确认,1000.00,CNY,ann,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
2,资格确认,2000.50,CNY,bob,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
"""
CHANGES = """change_id,deal_id,stage,changed_at
a,1,初步接洽,2026-03-01T09:00:00+08:00
b,1,资格确认,2026-03-05T09:00:00+08:00
c,2,初步接洽,2026-03-01T09:00:00+08:00
d,2,资格确认,2026-03-05T09:00:00+08:00
"""
ACTIVITIES = """activity_id,deal_id,activity_type,occurred_at,minutes,direction,status,customer_present
m1,1,访谈,2026-03-03T10:00:00+08:00,45,outbound,held,true
m2,2,演示,2026-03-03T10:00:00+08:00,20,outbound,held,true
"""
DISCOVERY = "direct_sales.initial_contact.discovery_held"


def discovery(company: Clone) -> tuple[object, ...]:
    return company.query(
        "select state, change, waived_by, waived_why, nights_open, violation_id from quality_violations "
        f"where rule_id = '{DISCOVERY}' and deal_key = 'generic:2'"
    ).row(0)


@pytest.fixture(scope="module")
def company(clone: MakeClone) -> Clone:
    made = clone(None)
    put_extract(made, "2026-03-06", {"deals.csv": DEALS, "stage_changes.csv": CHANGES, "activities.csv": ACTIVITIES})
    made.night("2026-03-06")
    return made


def test_a_waiver_is_refused_in_one_sentence_and_leaves_the_file_alone(company: Clone) -> None:
    file = company.root / "quality" / "standards" / "waivers.yml"
    before, violation = file.read_bytes(), str(discovery(company)[-1])
    reason = ("--by", "Mei", "--why", "On leave")
    unknown = company.run("waive", "no-such-id", *reason, "--until", "2030-01-01", expect=2)
    assert unknown.strip().startswith("No violation 'no-such-id' was ever served")
    too_long = company.run("waive", violation, *reason, "--until", "2099-01-01", expect=2)
    assert "more than 90 days" in too_long
    other = company.run("waive", "--rule", DISCOVERY, "--deal", "generic:9", *reason, "--until", "2030-01-01", expect=2)
    assert "has no open violation" in other
    assert "Name either" in company.run("waive", violation, "--rule", "x", *reason, "--until", "2030-01-01", expect=2)
    assert file.read_bytes() == before


def test_a_waiver_given_today_begins_today_in_the_time_zone_of_the_company(company: Clone) -> None:
    folder = company.root / "quality" / "standards"
    before = (folder / "waivers.yml").read_text(encoding="utf-8")
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    until = today + timedelta(days=30)
    said = company.run("waive", str(discovery(company)[-1]), "--by", "Mei", "--why", "On leave", "--until", str(until))
    assert f"{DISCOVERY} of generic:2 is waived from" in said
    (waived,) = load(folder).waivers
    assert (waived.rule, waived.deal, waived.by, waived.why, waived.until) == (
        DISCOVERY,
        "generic:2",
        "Mei",
        "On leave",
        until,
    )
    # The test may run over midnight.
    assert waived.from_day - today in (timedelta(0), timedelta(days=1))
    (folder / "waivers.yml").write_text(before, encoding="utf-8")


def test_a_waived_violation_is_away_for_as_long_as_agreed_and_comes_back_under_its_id(company: Clone) -> None:
    file = company.root / "quality" / "standards" / "waivers.yml"
    comments = file.read_text(encoding="utf-8").removesuffix("waivers: []\n")
    violation = str(discovery(company)[-1])
    # The command line counts from the real today; these nights are of March.
    entry = f"""waivers:
  - rule: {DISCOVERY}
    deal: "generic:2"
    by: Mei
    why: "On leave: back on Sunday"
    from: 2026-03-07
    until: 2026-03-07
"""
    file.write_text(comments + entry, encoding="utf-8")
    company.night("2026-03-07")
    assert discovery(company) == ("closed", "waived", "Mei", "On leave: back on Sunday", 1, violation)
    results = company.query(
        "select distinct business_date, status from quality_expectations where expectation = 'rows_unaccounted'"
    )
    assert set(results["status"]) == {"passed"}
    company.night("2026-03-08")
    assert discovery(company)[:2] == ("open", "reopened")
    assert discovery(company)[4:] == (2, violation)
    nights = company.query(
        "select business_date, count(*), count(distinct (funnel, rule_id)) from quality_rule_nights group by 1"
    )
    assert len({(rows, rules) for _, rows, rules in nights.rows()}) == 1
    assert (company.home / "reports" / "data_docs" / "index.html").exists()


def test_a_block_on_the_data_itself_stops_the_publication_and_one_on_a_deal_does_not(company: Clone) -> None:
    """That DISCOVERY, a `block` on a deal, fails in each night above did not stop any."""
    data = company.root / "quality" / "standards" / "data.yml"
    said = data.read_text(encoding="utf-8")
    strict = said.replace(
        "- expectation: owner_missing\n    severity: warn\n    at_most_pct: 5",
        "- expectation: owner_missing\n    severity: block\n    at_most_pct: 0",
    )
    assert strict != said
    data.write_text(strict, encoding="utf-8")
    put_extract(company, "2026-03-09", {"deals.csv": DEALS.replace(",ann,", ",,")})
    stopped = company.night("2026-03-09", expect=1)
    assert "deals_current: owner_missing: found 1, may be 0 to 0" in stopped
    assert "The last good night stays served." in stopped
    assert str(company.query("select max(business_date) from nights").item()) == "2026-03-08"
    flaws = company.query_warehouse(
        "select deal_key from marts.quality_data_findings where expectation = 'owner_missing'"
    )
    assert flaws.rows() == [("generic:1",)]
