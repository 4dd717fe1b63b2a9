"""What is news of a night: told from its served tables and from what the last night left."""

from datetime import date
from typing import Any

from alert_tables import (
    BEFORE,
    DEAL,
    DISCOVERY,
    NIGHT,
    NO_STEP,
    STANDARDS,
    expectation,
    frames,
    rule,
    stalled,
    violation,
)

from orchestration.publishing.alerts.news import Before, News, news
from orchestration.publishing.wording import Text

LAST_NIGHT = Before(BEFORE, (), frozenset())


def of(before: Before = LAST_NIGHT, held: tuple[str, ...] = (), **rows: Any) -> News:
    served = frames(**{"deals_current": [DEAL], "quality_rule_nights": [rule(DISCOVERY), rule(NO_STEP)], **rows})
    return news(served, STANDARDS, NIGHT, held, before)


def test_new_and_reopened_violations_are_news_and_whatever_went_on_or_closed_is_not() -> None:
    found = of(
        quality_violations=[
            violation("a"),
            violation("b", "reopened"),
            violation("c", "carried"),
            violation("d", "backlog"),
            violation("e", "waived", state="closed"),
            violation("f", "evidence_arrived", state="closed"),
            violation("g", "new", business_date=BEFORE),
        ]
    )
    assert [each.key for each in found.violations] == ["violation:a", "violation:b"]
    assert [each.key for each in found.backlog] == ["violation:d"]


def test_a_violation_carries_its_deal_its_rule_and_the_gate_by_the_latest_names() -> None:
    (found,) = of(
        quality_violations=[violation("a")], quality_rule_nights=[rule(DISCOVERY, BEFORE), rule(DISCOVERY)]
    ).violations
    assert (found.deal.name, found.deal.deal_id, found.deal.crm) == ("北方项目", "7", "generic")
    assert found.deal.stage_name == Text("Proposal", "方案报价")
    assert found.rule.wording == Text("asked of 2026-11-22", "要求")
    assert found.rule.place == Text("Leaving First contact", "离开“初步接洽”")
    assert of(quality_violations=[violation("a", rule_id=NO_STEP)]).violations[0].rule.place is None


def test_a_deal_that_has_left_and_a_rule_or_stage_that_is_gone_go_by_their_ids() -> None:
    (found,) = of(
        quality_violations=[violation("a", deal_key="generic:9", rule_id="rule.gone", stage="gone")]
    ).violations
    assert (found.deal.name, found.deal.deal_id, found.deal.crm) == ("generic:9", "generic:9", None)
    assert found.rule.wording == Text("rule.gone", "rule.gone")
    assert found.deal.stage_name == Text("gone", "gone")


def test_a_violation_comes_back_from_a_waiver_only_if_that_held_on_the_last_night() -> None:
    def ended(change: str, until: date) -> date | None:
        return of(quality_violations=[violation("a", change, waived_until=until)]).violations[0].waiver_ended_on

    assert ended("reopened", date(2026, 11, 21)) == date(2026, 11, 21)
    assert ended("reopened", BEFORE) == BEFORE
    assert ended("reopened", date(2026, 11, 19)) is None
    assert ended("new", date(2026, 11, 21)) is None


def test_a_deal_is_newly_stalled_where_the_last_night_did_not_have_it() -> None:
    rows = [stalled("generic:7"), stalled("generic:8", leading_reason_en=None, leading_reason_zh=None)]
    found = of(Before(BEFORE, (), frozenset({"generic:7"})), deals_stalled=rows)
    assert [(each.key, each.reason, each.action) for each in found.stalled] == [
        ("stalled:generic:8", None, Text("act", "行动"))
    ]
    assert len(of(deals_stalled=rows).stalled) == 2
    assert of(Before(None, (), None), deals_stalled=rows).stalled == (), "no night before, nothing to call new"


def test_a_held_extract_is_news_once() -> None:
    found = of(Before(BEFORE, ("a.csv: shrank",), frozenset()), held=("a.csv: shrank", "b.csv: grows"))
    assert [each.reason for each in found.held_extracts] == ["b.csv: grows"]


def test_an_expectation_is_news_on_the_night_on_which_it_stops_to_hold() -> None:
    found = of(
        quality_expectations=[
            expectation("goes_on", "failed"),
            expectation("goes_on", "failed", BEFORE),
            expectation("begins", "failed"),
            expectation("begins", "passed", BEFORE),
            expectation("of_long_ago", "failed"),
            expectation("of_long_ago", "failed", date(2026, 11, 10)),
            expectation("broken", "errored"),
            expectation("unknown", "not_evaluated"),
            expectation("holds", "passed"),
        ]
    ).expectations
    assert [(each.key, each.observed) for each in found] == [
        ("expectation:begins:deals_current", 12),
        ("expectation:broken:deals_current", None),
        ("expectation:of_long_ago:deals_current", 12),
    ]


def test_an_incident_of_tonight_is_news_and_tells_the_rule_by_its_wording() -> None:
    def incident(subject: str, night: date) -> dict[str, Any]:
        return {
            "business_date": night,
            "kind": "rule",
            "subject": subject,
            "observed": 1200,
            "usual_low": 10,
            "usual_high": 40,
        }

    found = of(quality_incidents=[incident(DISCOVERY, NIGHT), incident("rule.x", NIGHT), incident("rule.y", BEFORE)])
    assert [(each.key, each.rule) for each in found.incidents] == [
        (f"incident:rule:{DISCOVERY}", Text("asked of 2026-11-22", "要求")),
        ("incident:rule:rule.x", None),
    ]
