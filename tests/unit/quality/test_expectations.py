"""Suites: complete ids, and an errored rule told from a failed one."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality import expectations
from quality.data_quality import MEASURES_SCHEMA, blocked
from quality.expectations import OUTCOMES_SCHEMA, RESULTS_SCHEMA, Suites, evaluate_data

RULES = pl.DataFrame(
    {
        "funnel": ["direct", "direct", "direct", "partner"],
        "rule_id": ["direct.s.proof", "direct.s.other", "rule.dwell", "rule.dwell"],
        "rule_kind": ["criterion", "criterion", "rule", "rule"],
        "severity": ["block", "warn", "warn", "warn"],
    }
)


def evaluate(found: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    return expectations.evaluate(found, rules, Suites(date(2026, 11, 20)))


def findings(*rows: tuple[str, str, str, str], late: tuple[str, ...] = ()) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "rule_id": rule_id,
                "rule_kind": "rule" if rule_id.startswith("rule.") else "criterion",
                "funnel": funnel,
                "deal_key": deal_key,
                "visit_id": "v",
                "outcome": outcome,
                "is_late": deal_key in late,
            }
            for rule_id, funnel, deal_key, outcome in rows
        ],
        schema={
            "rule_id": pl.String,
            "rule_kind": pl.String,
            "funnel": pl.String,
            "deal_key": pl.String,
            "visit_id": pl.String,
            "outcome": pl.String,
            "is_late": pl.Boolean,
        },
    )


def row(outcomes: pl.DataFrame, rule_id: str, funnel: str = "direct") -> dict[str, Any]:
    return outcomes.filter((pl.col("rule_id") == rule_id) & (pl.col("funnel") == funnel)).row(0, named=True)


def test_each_outcome_is_counted_and_every_failing_deal_is_named_once_in_order() -> None:
    outcomes = evaluate(
        findings(
            ("direct.s.proof", "direct", "d3", "missing"),
            ("direct.s.proof", "direct", "d1", "failed"),
            ("direct.s.proof", "direct", "d2", "met"),
            ("direct.s.proof", "direct", "d4", "not_evaluated"),
            late=("d3",),
        ),
        RULES,
    )
    assert outcomes.schema == OUTCOMES_SCHEMA
    assert row(outcomes, "direct.s.proof") == {
        "suite": "funnel direct",
        "funnel": "direct",
        "rule_id": "direct.s.proof",
        "rule_kind": "criterion",
        "severity": "block",
        "evaluated": 3,
        "met": 1,
        "failing": 2,
        "late": 1,
        "not_evaluated": 1,
        "status": "failed",
        "error": None,
        "failing_deal_keys": ["d1", "d3"],
    }


def test_every_rule_of_every_funnel_has_a_row_also_where_nothing_was_to_be_asked() -> None:
    outcomes = evaluate(findings(("rule.dwell", "partner", "d1", "failed")), RULES)
    assert outcomes.select("funnel", "rule_id", "evaluated", "failing", "status").rows() == [
        ("direct", "direct.s.other", 0, 0, "passed"),
        ("direct", "direct.s.proof", 0, 0, "passed"),
        ("direct", "rule.dwell", 0, 0, "passed"),
        ("partner", "rule.dwell", 1, 1, "failed"),
    ]


def test_a_night_without_findings_is_evaluated_to_zeros() -> None:
    assert evaluate(findings(), RULES)["status"].to_list() == ["passed"] * 4


def test_a_rule_whose_inputs_were_absent_is_not_evaluated_rather_than_passed() -> None:
    outcomes = evaluate(findings(("rule.dwell", "direct", "d1", "not_evaluated")), RULES)
    assert row(outcomes, "rule.dwell")["status"] == "not_evaluated"


def test_a_criterion_stays_in_its_own_suite_when_the_deal_changed_its_funnel() -> None:
    outcomes = evaluate(findings(("direct.s.proof", "partner", "d1", "missing")), RULES)
    assert row(outcomes, "direct.s.proof")["failing_deal_keys"] == ["d1"]


def test_a_finding_of_a_rule_that_the_standards_do_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 findings belong to no rule .* the first to rule\.gone in funnel direct"):
        evaluate(findings(("rule.gone", "direct", "d1", "met")), RULES)


def test_an_expectation_that_raises_is_errored_and_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = expectations._expectation

    def broken_for_one(rule_id: str, severity: str) -> Any:
        expectation = sound(rule_id, severity)
        return expectation.copy(update={"column": "no_such"}) if rule_id == "direct.s.proof" else expectation

    monkeypatch.setattr(expectations, "_expectation", broken_for_one)
    outcomes = evaluate(
        findings(("direct.s.proof", "direct", "d1", "met"), ("rule.dwell", "direct", "d2", "failed")), RULES
    )
    assert row(outcomes, "direct.s.proof")["status"] == "errored"
    assert "no_such" in row(outcomes, "direct.s.proof")["error"]
    assert row(outcomes, "rule.dwell")["status"] == "failed"
    assert row(outcomes, "direct.s.other")["status"] == "passed"


def test_a_suite_that_cannot_run_errors_all_its_rules_and_passes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("no engine")

    monkeypatch.setattr(expectations, "_run_suite_in", breaks)
    outcomes = evaluate(findings(("rule.dwell", "direct", "d1", "met")), RULES)
    assert set(outcomes["status"]) == {"errored"}
    assert set(outcomes["error"]) == {"RuntimeError: no engine"}


def test_an_answer_that_differs_from_the_findings_is_errored(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = expectations._run_suite_in

    def forgetful(suites: Suites, name: str, frame: pl.DataFrame, *others: Any) -> Any:
        return sound(suites, name, frame.filter(pl.col("deal_key") != "d1"), *others)

    monkeypatch.setattr(expectations, "_run_suite_in", forgetful)
    outcomes = evaluate(findings(("rule.dwell", "direct", "d1", "failed")), RULES)
    assert row(outcomes, "rule.dwell")["status"] == "errored"
    assert row(outcomes, "rule.dwell")["error"] == ("Great Expectations found 0 of 0 failing, the findings hold 1 of 1")


def test_nothing_is_capped_among_thousands_of_failing_deals() -> None:
    many = findings(*(("rule.dwell", "direct", f"d{number:05d}", "missing") for number in range(3000)))
    answer = row(evaluate(many, RULES), "rule.dwell")
    assert (answer["failing"], len(answer["failing_deal_keys"])) == (3000, 3000)


def test_a_suite_leaves_no_file_in_the_working_directory_and_prints_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluate(findings(("rule.dwell", "direct", "d1", "failed")), RULES)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def measure(subject: str, observed: int | None, upper: int | None, severity: str = "warn") -> dict[str, Any]:
    return {
        "suite": "extracts" if subject == "g.deals" else "tables",
        "expectation": "rows_quarantined",
        "subject": subject,
        "severity": severity,
        "wording_en": "Few",
        "wording_zh": "少",
        "evaluated": 100,
        "observed": observed,
        "lower": 0 if upper is not None else None,
        "upper": upper,
        "is_beyond": False,
    }


MEASURES = pl.DataFrame(
    [
        measure("g.deals", 5, 5),
        measure("over", 6, 5, "block"),
        measure("unknown", None, 5),
        measure("unusual", 7, None),
    ],
    schema=MEASURES_SCHEMA,
)


def test_a_measure_passes_fails_or_could_not_be_judged() -> None:
    results = evaluate_data(MEASURES, Suites(date(2026, 11, 20)))
    assert results.schema == RESULTS_SCHEMA
    assert results.select("subject", "status", "error").rows() == [
        ("g.deals", "passed", None),
        ("over", "failed", None),
        ("unknown", "not_evaluated", None),
        ("unusual", "not_evaluated", None),
    ]


def test_a_measure_whose_expectation_raises_is_errored_and_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = expectations._bound

    def broken_for_one(measure_id: str, row: dict[str, Any]) -> Any:
        expectation = sound(measure_id, row)
        return expectation.copy(update={"column": "no_such"}) if row["subject"] == "over" else expectation

    monkeypatch.setattr(expectations, "_bound", broken_for_one)
    results = evaluate_data(MEASURES, Suites(date(2026, 11, 20)))
    assert dict(results.select("subject", "status").rows())["over"] == "errored"
    assert "no_such" in str(results.filter(pl.col("subject") == "over")["error"].item())
    assert dict(results.select("subject", "status").rows())["g.deals"] == "passed"
    assert blocked(results) == [f"over: rows_quarantined could not be judged: {results['error'][1]}"]


def test_an_answer_that_differs_from_the_measure_is_errored(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = expectations._run_suite_in

    def blind(suites: Suites, name: str, frame: pl.DataFrame, *others: Any) -> Any:
        return sound(suites, name, frame.with_columns(observed=pl.lit(0.0)), *others)

    monkeypatch.setattr(expectations, "_run_suite_in", blind)
    results = evaluate_data(MEASURES, Suites(date(2026, 11, 20)))
    assert dict(results.select("subject", "status").rows())["over"] == "errored"


def test_only_a_block_on_the_data_forbids_publication() -> None:
    results = evaluate_data(MEASURES, Suites(date(2026, 11, 20)))
    assert blocked(results) == ["over: rows_quarantined: found 6, may be 0 to 5"]
    assert blocked(results.with_columns(severity=pl.lit("warn"))) == []


def test_the_data_docs_show_every_suite_of_the_night_from_disk(tmp_path: Path) -> None:
    suites = Suites(date(2026, 11, 20))
    expectations.evaluate(findings(("rule.dwell", "direct", "d1", "failed")), RULES, suites)
    evaluate_data(MEASURES, suites)
    first_page = suites.write_docs(tmp_path / "data_docs")
    assert first_page is not None
    text = first_page.read_text(encoding="utf-8")
    assert all(f"validations/{name}/2026-11-20" in text for name in ("funnel_direct", "extracts", "tables"))
    pages = list((tmp_path / "data_docs" / "validations" / "funnel_direct").rglob("*.html"))
    assert "d1" in pages[0].read_text(encoding="utf-8")
    tables_page = tmp_path / "data_docs" / "expectations" / "tables.html"
    assert "over: Few" in tables_page.read_text(encoding="utf-8")


def test_a_night_without_suites_has_no_data_docs(tmp_path: Path) -> None:
    assert Suites(date(2026, 11, 20)).write_docs(tmp_path) is None
