"""Rules and the data's own expectations as Great Expectations suites, run over what SQL found and counted.

Belongs here: one suite per funnel, extracts and tables, one expectation per rule or measure, what came of each, and
the Data Docs of the night. The only file that imports great_expectations, and only when a suite is run: the import
takes seconds. Not here: finding anything (SQL did), what a measure's bounds are (`data_quality`) or what becomes of a
violation (`violations`).
"""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
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
_RESULTS: dict[str, Any] = {
    "suite": pl.String,
    "expectation": pl.String,
    "subject": pl.String,
    "severity": pl.String,
    "status": pl.String,
    "evaluated": pl.Int64,
    "observed": pl.Int64,
    "lower": pl.Int64,
    "upper": pl.Int64,
    "is_beyond": pl.Boolean,
    "error": pl.String,
    "wording_en": pl.String,
    "wording_zh": pl.String,
}
RESULTS_SCHEMA = pl.Schema(_RESULTS)
_COUNTS = ("evaluated", "met", "failing", "late", "not_evaluated")


class Suites:
    """The suites of one night in one context of Great Expectations, so that its Data Docs show them side by side."""

    def __init__(self, business_date: date) -> None:
        self.business_date = business_date
        self._context: Any = None

    def context(self) -> Any:
        """Made when the first suite is run."""
        if self._context is None:
            # Read once, at import: later is too late to keep usage statistics at home.
            os.environ["GX_ANALYTICS_ENABLED"] = "false"
            import great_expectations as gx
            from great_expectations.data_context.types.base import ProgressBarsConfig

            # What it would log as errors comes back as `error` of the rule.
            logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
            context = gx.get_context(mode="ephemeral")
            context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
            # The site that every context comes with is a temporary folder that nobody removes.
            for name, site in dict(context.variables.data_docs_sites or {}).items():
                context.delete_data_docs_site(name)
                shutil.rmtree(site["store_backend"]["base_directory"], ignore_errors=True)
            self._context = context
        return self._context

    def write_docs(self, folder: Path) -> Path | None:
        """Build the Data Docs of the suites run so far in `folder` and return their first page; null where none ran.

        For people to look at: their bytes are Great Expectations' own and may differ from run to run.
        """
        if self._context is None:
            return None
        site = {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        }
        self._context.add_data_docs_site("night", site)
        self._context.build_data_docs()
        return folder / "index.html"


def evaluate_data(measures: pl.DataFrame, suites: Suites) -> pl.DataFrame:
    """Run the expectations of the data itself; RESULTS_SCHEMA, one row per row of `measures`, in its order.

    measures: as `data_quality.measures` gives them. status: `passed`, `failed`, `not_evaluated` (nothing was there to
    be measured, or too few nights to say what is usual), `errored` (Great Expectations raised, or its answer differs
    from the measure's own).
    """
    numbered = measures.with_columns(measure_id=pl.format("{}.{}", "expectation", "subject"))
    answers: dict[str, dict[str, Any]] = {}
    for (suite,), rows in numbered.group_by("suite", maintain_order=True):
        expectations = [(row["measure_id"], row) for row in rows.iter_rows(named=True)]
        answers |= dict(_run_data_suite(str(suite), rows, expectations, suites))
    results = []
    for row in numbered.iter_rows(named=True):
        error = answers[row["measure_id"]].get("gx_error")
        is_said = row["observed"] is not None and row["upper"] is not None
        is_kept = is_said and (row["lower"] or 0) <= row["observed"] <= row["upper"]
        if error is None and is_said and answers[row["measure_id"]]["gx_failing"] != int(not is_kept):
            error = f"Great Expectations disagrees that {row['observed']} is in {row['lower']} to {row['upper']}"
        judged = "not_evaluated" if not is_said else "passed" if is_kept else "failed"
        results.append({**row, "status": "errored" if error else judged, "error": error})
    return pl.DataFrame(results, schema={**RESULTS_SCHEMA, "measure_id": pl.String}).select(RESULTS_SCHEMA.names())


def _run_data_suite(
    name: str, measures: pl.DataFrame, expectations: Sequence[tuple[str, dict[str, Any]]], suites: Suites
) -> Iterator[tuple[str, dict[str, Any]]]:
    # A measure without bounds is not asked: null stands for it.
    is_said = pl.col("upper").is_not_null()
    frame = measures.select("measure_id", pl.when(is_said).then("observed").cast(pl.Float64).alias("observed"))
    try:
        made = [_bound(measure_id, row) for measure_id, row in expectations]
        results = _run_suite_in(suites, name, frame, made, "measure_id")
    # Whatever a library fault is, its expectations are errored and the night goes on.
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        results = {}
    else:
        text = "Great Expectations gave no result for this expectation"
    for measure_id, _ in expectations:
        answer = _answer(results[measure_id], "measure_id") if measure_id in results else {"gx_error": text}
        yield measure_id, answer


def evaluate(findings: pl.DataFrame, rules: pl.DataFrame, suites: Suites) -> pl.DataFrame:
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
                suites,
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


def _run_suite(name: str, findings: pl.DataFrame, rules: pl.DataFrame, suites: Suites) -> Iterator[dict[str, Any]]:
    """One answer per rule: gx_evaluated, gx_failing, gx_deal_keys, or gx_error. Never raises."""
    # What could not be judged is null here, and nulls are not asked.
    frame = findings.select("rule_id", "deal_key", pl.col("outcome").replace({"not_evaluated": None}).alias("outcome"))
    try:
        made = [_expectation(rule["rule_id"], rule["severity"]) for rule in rules.iter_rows(named=True)]
        results = _run_suite_in(suites, name, frame, made, "deal_key")
    # Whatever a library fault is, its rules are errored and the night goes on.
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        results = {}
    else:
        text = "Great Expectations gave no result for this rule"
    for rule_id in rules["rule_id"]:
        answer = _answer(results[rule_id], "deal_key") if rule_id in results else {"gx_error": text}
        yield {"rule_id": rule_id, **answer}


def _run_suite_in(
    suites: Suites, name: str, frame: pl.DataFrame, expectations: Sequence["Expectation"], id_column: str
) -> dict[str, "ExpectationValidationResult"]:
    """The result of each expectation by the `id` of its meta."""
    context = suites.context()
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier

    # Names become folders of the Data Docs.
    file_name = name.replace(" ", "_")
    suite = context.suites.add(gx.ExpectationSuite(name=file_name, expectations=list(expectations)))
    batch = (
        context.data_sources.add_pandas(name=file_name)
        .add_dataframe_asset(name="tonight")
        .add_batch_definition_whole_dataframe("tonight")
    )
    validation = context.validation_definitions.add(gx.ValidationDefinition(name=file_name, data=batch, suite=suite))
    outcome: ExpectationSuiteValidationResult = validation.run(
        batch_parameters={"dataframe": frame.to_pandas()},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [id_column],
            "return_unexpected_index_query": False,
        },
        run_id=RunIdentifier(run_name=str(suites.business_date)),
    )
    return {
        result.expectation_config.meta["id"]: result
        for result in outcome.results
        if result.expectation_config is not None and result.expectation_config.meta
    }


def _bound(measure_id: str, row: dict[str, Any]) -> "Expectation":
    from great_expectations.expectations.core.expect_column_values_to_be_between import (
        ExpectColumnValuesToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.row_conditions import Column

    return ExpectColumnValuesToBeBetween(
        column="observed",
        min_value=row["lower"] or 0,
        max_value=row["upper"],
        row_condition=Column("measure_id") == measure_id,
        severity=FailureSeverity(_GX_SEVERITY[row["severity"]]),
        meta={"id": measure_id},
        # What the Data Docs say beside the bounds.
        notes=f"{row['subject']}: {row['wording_en']}",
    )


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
        meta={"id": rule_id},
    )


def _answer(result: "ExpectationValidationResult", id_column: str) -> dict[str, Any]:
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
        "gx_deal_keys": sorted({row[id_column] for row in details["unexpected_index_list"]}),
    }


def _exception(info: dict[str, Any]) -> str | None:
    # One exception per expectation, or one per metric of it keyed by the metric's id.
    for entry in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if entry.get("raised_exception"):
            message = str(entry.get("exception_message") or "no message").strip()
            return message.splitlines()[0] if message else "no message"
    return None
