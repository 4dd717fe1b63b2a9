"""What the step that judges hands to the life cycle: which rules are known, which do not count, and how checks look."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from orchestration.defs.quality.violations import (
    data_check_result,
    followed_by,
    in_scope_of_gates,
    known_before,
    unheard,
)
from quality.data_quality import MEASURES_SCHEMA, rule_ranges
from quality.expectations import RESULTS_SCHEMA
from quality.standards import load
from quality.violations import WAIVERS_SCHEMA, advance, no_violations

RULES = pl.DataFrame({"funnel": ["a", "b", "a"], "rule_id": ["r", "r", "s"], "definition": ["1", "1", "1"]})


def night(ago: int, rule_id: str, definition: str | None, status: str, failing: int = 10) -> dict[str, Any]:
    return {
        "business_date": date(2026, 11, 20 - ago),
        "rule_id": rule_id,
        "definition": definition,
        "status": status,
        "failing": failing,
        "late": 0,
        "is_beyond_usual": False,
    }


def known(*nights: dict[str, Any]) -> dict[str, bool]:
    return dict(known_before(RULES, pl.DataFrame(list(nights))).select("rule_id", "is_known").rows())


def test_on_the_first_night_ever_no_rule_is_known_and_each_stands_once() -> None:
    assert known_before(RULES, None).rows() == [("r", "1", False), ("s", "1", False)]


@pytest.mark.parametrize(
    ("definition", "status", "is_known"),
    [
        ("1", "passed", True),
        ("1", "failed", True),
        ("0", "failed", False),
        (None, "failed", True),
        ("1", "errored", False),
    ],
)
def test_a_rule_is_known_once_it_answered_the_same_question(
    definition: str | None, status: str, is_known: bool
) -> None:
    assert known(night(1, "r", definition, status))["r"] is is_known


def test_nights_of_before_definitions_were_kept_know_their_rules() -> None:
    older = pl.DataFrame([night(1, "r", "1", "passed")]).drop("definition")
    assert dict(known_before(RULES, older).select("rule_id", "is_known").rows()) == {"r": True, "s": False}


def test_an_earlier_night_is_served_in_the_columns_of_tonight() -> None:
    tonight = pl.DataFrame({"business_date": [date(2026, 11, 20)], "new": [1]})
    earlier = pl.DataFrame({"business_date": [date(2026, 11, 19)], "gone": ["x"]})
    assert followed_by(earlier, tonight).rows() == [(date(2026, 11, 19), None), (date(2026, 11, 20), 1)]


def test_a_closed_deal_is_in_scope_while_one_of_its_gates_is() -> None:
    deals = pl.DataFrame(
        {"deal_key": ["a", "b", "c"], "is_open": [False, False, True], "is_in_scope": [False, False, True]}
    )
    findings = pl.DataFrame(
        {
            "rule_kind": ["criterion", "criterion", "close"],
            "deal_key": ["a", "b", "b"],
            "is_in_scope": [True, False, True],
        }
    )
    assert in_scope_of_gates(deals, findings)["is_in_scope"].to_list() == [True, False, True]


def test_a_thousand_findings_of_one_night_are_one_incident_and_no_violation_until_they_last() -> None:
    """An extract that lost a column: five nights of it, after eight as always."""
    usual = load(Path(__file__).resolve().parents[3] / "quality" / "standards").data.usual_range
    deals = [f"d{number}" for number in range(1000)]
    findings = pl.DataFrame(
        {
            "rule_id": "r",
            "rule_kind": "rule",
            "severity": "block",
            "funnel": "a",
            "deal_key": deals,
            "visit_id": "",
            "outcome": "missing",
            "claimed": "x",
            "observed": "y",
            "is_late": False,
            "stage": "s",
            "owner_key": "o",
            "owner_name": "O",
            "team": "t",
            "amount_reporting": 1,
        }
    )
    open_deals = pl.DataFrame({"deal_key": deals, "is_open": True, "is_in_scope": True})
    rules = pl.DataFrame({"rule_id": ["r"], "definition": ["1"], "is_known": [True]})
    counted = pl.DataFrame([night(ago, "r", "1", "failed") for ago in range(15, 7, -1)])
    opened, raised, violations = [], [], no_violations()
    for ago in range(5, 0, -1):
        tonight = pl.DataFrame([night(ago, "r", "1", "failed", failing=1000)])
        ranges = rule_ranges(tonight, counted, usual)
        outcomes = pl.DataFrame({"rule_id": ["r"], "status": ["failed"]})
        states = advance(
            findings,
            open_deals,
            rules,
            violations,
            WAIVERS_SCHEMA.to_frame(),
            business_date=date(2026, 11, 20 - ago),
            unheard_rules=unheard(outcomes, ranges),
        )
        violations = states if violations.is_empty() else violations
        opened.append(states.filter(pl.col("change") == "new").height)
        raised.append(ranges.filter("is_incident").height)
        beyond = ranges.select("rule_id", "is_beyond_usual")
        counted = pl.concat([counted, tonight.drop("is_beyond_usual").join(beyond, on="rule_id")])
    assert raised == [1, 1, 1, 0, 0]
    assert opened == [0, 0, 0, 1000, 0]


def result(status: str, severity: str) -> pl.DataFrame:
    row = dict.fromkeys(MEASURES_SCHEMA.names()) | {"expectation": "owner_missing", "subject": "deals_current"}
    return pl.DataFrame([{**row, "status": status, "severity": severity, "error": None}], schema=RESULTS_SCHEMA)


@pytest.mark.parametrize(
    ("status", "severity", "passed", "shown"),
    [
        ("passed", "block", True, dg.AssetCheckSeverity.WARN),
        ("failed", "block", False, dg.AssetCheckSeverity.ERROR),
        ("errored", "block", False, dg.AssetCheckSeverity.ERROR),
        ("not_evaluated", "block", False, dg.AssetCheckSeverity.WARN),
        ("failed", "warn", False, dg.AssetCheckSeverity.WARN),
    ],
)
def test_the_severity_of_a_check_is_that_of_its_expectation(
    status: str, severity: str, passed: bool, shown: dg.AssetCheckSeverity
) -> None:
    check = data_check_result("owner_missing", severity, result(status, severity))
    assert (check.passed, check.severity) == (passed, shown)
