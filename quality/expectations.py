"""Rules as Great Expectations suites, run over the findings that SQL made.

Belongs here: one suite per funnel, one expectation per rule, and what came of each. The only file that imports
great_expectations, and only when a suite is run: the import takes seconds. Not here: finding anything (SQL did) or
what becomes of a violation (`violations`).
"""

import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation

_COLUMNS: dict[str, Any] = {
    "suite": pl.String,
    "funnel": pl.String,
    "rule_id": pl.String,
    "rule_kind": pl.String,
    "severity": pl.String,
    "evaluated": pl.Int64,
    "met": pl.Int64,
    "failing": pl.Int64,
    "late": pl.Int64,
    "not_evaluated": pl.Int64,
    "status": pl.String,
    "error": pl.String,
    "failing_deal_keys": pl.List(pl.String),
}
OUTCOMES_SCHEMA = pl.Schema(_COLUMNS)
_GX_SEVERITY = {"block": "critical", "warn": "warning"}
_COUNTS = ("evaluated", "met", "failing", "late", "not_evaluated")


def evaluate(findings: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Run every rule over its findings; one row per (funnel, rule_id) of `rules`, in that order.

    findings: rule_id, rule_kind, funnel, deal_key, outcome (met | missing | failed | not_evaluated), is_late.
    rules: funnel, rule_id, rule_kind, severity, as `standards.suite_rules` gives them. A criterion is asked in the
    suite of its own funnel, also of a deal that has moved to another one since; a standing rule in the deal's funnel.

    Returns OUTCOMES_SCHEMA. evaluated = met + failing; late is the part of failing whose proof came after the gate.
    status: `passed` (nothing fails, also where nothing was to be asked), `failed`, `not_evaluated` (there were
    findings, but no input to judge any of them), `errored` (Great Expectations raised, or its answer differs from
    the frame's own; `error` says which). failing_deal_keys is complete, distinct and sorted.

    Raises ValueError where a finding belongs to no rule of its funnel: it would be lost in silence.
    """
    placed = _in_suites(findings, rules)
    answers = pl.DataFrame(
        [
            {"funnel": funnel, **answer}
            for funnel in rules["funnel"].unique().sort()
            for answer in _run_suite(
                f"funnel {funnel}",
                placed.filter(pl.col("suite_funnel") == funnel),
                rules.filter(pl.col("funnel") == funnel),
            )
        ],
        schema={
            "funnel": pl.String,
            "rule_id": pl.String,
            "gx_evaluated": pl.Int64,
            "gx_failing": pl.Int64,
            "gx_error": pl.String,
            "gx_deal_keys": pl.List(pl.String),
        },
    )
    own = _own_counts(placed, rules)
    differs = (
        (pl.col("gx_evaluated") != pl.col("evaluated"))
        | (pl.col("gx_failing") != pl.col("failing"))
        | (pl.col("gx_deal_keys") != pl.col("failing_deal_keys"))
    )
    error = (
        pl.when(pl.col("gx_error").is_not_null())
        .then("gx_error")
        .when(differs.fill_null(value=True))
        .then(
            pl.format(
                "Great Expectations found {} of {} failing, the findings hold {} of {}",
                pl.col("gx_failing").cast(pl.String).fill_null("?"),
                pl.col("gx_evaluated").cast(pl.String).fill_null("?"),
                "failing",
                "evaluated",
            )
        )
    )
    status = (
        pl.when(pl.col("error").is_not_null())
        .then(pl.lit("errored"))
        .when(pl.col("failing") > 0)
        .then(pl.lit("failed"))
        .when((pl.col("evaluated") == 0) & (pl.col("not_evaluated") > 0))
        .then(pl.lit("not_evaluated"))
        .otherwise(pl.lit("passed"))
    )
    return (
        own.join(answers, on=["funnel", "rule_id"], how="left")
        .with_columns(error=error)
        .with_columns(status=status, suite=pl.format("funnel {}", "funnel"))
        .sort("funnel", "rule_id")
        .select(OUTCOMES_SCHEMA.names())
        .cast(OUTCOMES_SCHEMA)
    )


def _in_suites(findings: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """The findings with `suite_funnel`, the funnel in whose suite each is asked."""
    home = (
        rules.filter(pl.col("rule_kind") == "criterion")
        .select("rule_id", home_funnel="funnel")
        .unique(subset="rule_id")
    )
    placed = findings.join(home, on="rule_id", how="left", maintain_order="left").with_columns(
        suite_funnel=pl.coalesce("home_funnel", "funnel")
    )
    lost = placed.join(
        rules, left_on=["suite_funnel", "rule_id"], right_on=["funnel", "rule_id"], how="anti", nulls_equal=True
    )
    if lost.height:
        first = lost.row(0, named=True)
        message = (
            f"{lost.height} findings belong to no rule of tonight's standards, the first to {first['rule_id']} in "
            f"funnel {first['suite_funnel']}; run the models and the suites on the same standards"
        )
        raise ValueError(message)
    return placed


def _own_counts(placed: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    is_failing = pl.col("outcome").is_in(["missing", "failed"])
    counted = placed.group_by(pl.col("suite_funnel").alias("funnel"), "rule_id").agg(
        (pl.col("outcome") != "not_evaluated").sum().alias("evaluated"),
        (pl.col("outcome") == "met").sum().alias("met"),
        is_failing.sum().alias("failing"),
        (is_failing & pl.col("is_late")).sum().alias("late"),
        (pl.col("outcome") == "not_evaluated").sum().alias("not_evaluated"),
        pl.col("deal_key").filter(is_failing).unique().sort().alias("failing_deal_keys"),
    )
    return (
        rules.select("funnel", "rule_id", "rule_kind", "severity")
        .join(counted, on=["funnel", "rule_id"], how="left")
        .with_columns(
            *(pl.col(name).fill_null(0).cast(pl.Int64) for name in _COUNTS),
            pl.col("failing_deal_keys").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        )
    )


def _run_suite(name: str, findings: pl.DataFrame, rules: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """One answer per rule: gx_evaluated, gx_failing, gx_deal_keys, or gx_error. Never raises."""
    try:
        results = _validate(name, findings, rules)
    # Whatever a library fault is, its rules are errored and the night goes on.
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        results = {}
    else:
        text = "Great Expectations gave no result for this rule"
    for rule_id in rules["rule_id"]:
        yield {"rule_id": rule_id, **(_answer(results[rule_id]) if rule_id in results else {"gx_error": text})}


def _validate(name: str, findings: pl.DataFrame, rules: pl.DataFrame) -> dict[str, "ExpectationValidationResult"]:
    # Read once, at import: later is too late to keep usage statistics at home.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # What it would log as errors comes back as `error` of the rule.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    suite = context.suites.add(
        gx.ExpectationSuite(
            name=name,
            expectations=[
                _expectation(rule["rule_id"], rule["severity"])
                for rule in rules.select("rule_id", "severity").iter_rows(named=True)
            ],
        )
    )
    batch = (
        context.data_sources.add_pandas(name="findings")
        .add_dataframe_asset(name=name)
        .add_batch_definition_whole_dataframe("tonight")
    )
    validation = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    # What could not be judged is null here, and nulls are not asked.
    frame = findings.select(
        "rule_id", "deal_key", pl.col("outcome").replace({"not_evaluated": None}).alias("outcome")
    ).to_pandas()
    outcome = validation.run(
        batch_parameters={"dataframe": frame},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["deal_key"],
            "return_unexpected_index_query": False,
        },
    )
    return {
        result.expectation_config.meta["rule_id"]: result
        for result in outcome.results
        if result.expectation_config is not None and result.expectation_config.meta
    }


def _expectation(rule_id: str, severity: str) -> "Expectation":
    from great_expectations.expectations.core.expect_column_values_to_be_in_set import (
        ExpectColumnValuesToBeInSet,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.row_conditions import Column

    return ExpectColumnValuesToBeInSet(
        column="outcome",
        value_set=["met"],
        row_condition=Column("rule_id") == rule_id,
        severity=FailureSeverity(_GX_SEVERITY[severity]),
        meta={"rule_id": rule_id},
    )


def _answer(result: "ExpectationValidationResult") -> dict[str, Any]:
    raised = _exception(dict(result.exception_info or {}))
    if raised is not None:
        return {"gx_error": raised}
    details = result.result
    if "unexpected_index_list" not in details:
        return {"gx_error": "Great Expectations answered without the ids of what failed"}
    failing = int(details["unexpected_count"])
    if result.success != (failing == 0):
        return {"gx_error": f"Great Expectations says success={result.success} with {failing} failing"}
    return {
        "gx_evaluated": int(details["element_count"]) - int(details["missing_count"]),
        "gx_failing": failing,
        "gx_deal_keys": sorted({row["deal_key"] for row in details["unexpected_index_list"]}),
    }


def _exception(info: dict[str, Any]) -> str | None:
    # One exception per expectation, or one per metric of it keyed by the metric's id.
    for entry in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if entry.get("raised_exception"):
            message = str(entry.get("exception_message") or "no message").strip()
            return message.splitlines()[0] if message else "no message"
    return None
