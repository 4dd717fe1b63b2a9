"""What the data team expects of extracts and tables: tonight's measures, each with the bounds that it has to keep.

Belongs here: which number an expectation looks at, its bounds, and jumps of counts; pure functions of small frames.
Not here: counting rows (SQL and the ledger did) or saying pass and fail (`expectations`).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from quality.standards_models import DATA_EXPECTATIONS, DataExpectation, Standards, UsualRange
from quality.usual_range import Count, Verdict, judge_count

_MEASURES: dict[str, Any] = {
    "suite": pl.String,
    "expectation": pl.String,
    "subject": pl.String,
    "severity": pl.String,
    "wording_en": pl.String,
    "wording_zh": pl.String,
    "evaluated": pl.Int64,
    "observed": pl.Int64,
    "lower": pl.Int64,
    "upper": pl.Int64,
    "is_beyond": pl.Boolean,
}
MEASURES_SCHEMA = pl.Schema(_MEASURES)
_INCIDENTS: dict[str, Any] = {
    "kind": pl.String,
    "subject": pl.String,
    "observed": pl.Int64,
    "usual_low": pl.Int64,
    "usual_high": pl.Int64,
    "nights_compared": pl.Int64,
}
INCIDENTS_SCHEMA = pl.Schema(_INCIDENTS)
_RANGES: dict[str, Any] = {
    "rule_id": pl.String,
    "found": pl.Int64,
    "usual_low": pl.Int64,
    "usual_high": pl.Int64,
    "nights_compared": pl.Int64,
    "is_beyond_usual": pl.Boolean,
    "is_incident": pl.Boolean,
}


@dataclass(frozen=True)
class Found:
    """What the night knows about its own data.

    loads: crm, object, rows_in, rows_loaded, rows_quarantined of every file taken since the last night.
    inputs: crm, object, last_extracted_at, rows_known; an object may stand several times, for what it feeds.
    counts: expectation, table_name, rows_checked. flaws: expectation, table_name, one row per flaw.
    earlier: suite, expectation, subject, observed, is_beyond, business_date of the nights before; null on the first.
    """

    loads: pl.DataFrame
    inputs: pl.DataFrame
    counts: pl.DataFrame
    flaws: pl.DataFrame
    earlier: pl.DataFrame | None
    as_of_at: datetime


def measures(standards: Standards, found: Found) -> pl.DataFrame:
    """One row per expectation of data.yml and subject that it is about tonight; MEASURES_SCHEMA, sorted.

    evaluated: rows that were asked. observed: rows that fail; of a volume the rows themselves; of extract_stale whole
    days. It has to lie from lower to upper; observed or upper is null where that cannot be said tonight.
    """
    rows = [
        {
            "suite": DATA_EXPECTATIONS[each.expectation][0],
            "expectation": each.expectation,
            "severity": each.severity,
            "wording_en": each.wording.en,
            "wording_zh": each.wording.zh,
            "is_beyond": False,
            **measure,
        }
        for each in standards.data.expectations
        for measure in _measured(each, standards, found)
    ]
    return pl.DataFrame(rows, schema=MEASURES_SCHEMA).sort("suite", "expectation", "subject")


def _measured(each: DataExpectation, standards: Standards, found: Found) -> Iterator[dict[str, Any]]:
    name, usual = each.expectation, standards.data.usual_range
    if name in ("rows_unaccounted", "rows_quarantined"):
        taken = found.loads.group_by("crm", "object").agg(pl.col("rows_in", "rows_loaded", "rows_quarantined").sum())
        for row in taken.sort("crm", "object").iter_rows(named=True):
            lost = abs(row["rows_in"] - row["rows_loaded"] - row["rows_quarantined"])
            failing = row["rows_quarantined"] if name == "rows_quarantined" else lost
            yield _share(each, f"{row['crm']}.{row['object']}", row["rows_in"], failing)
    elif name in ("extract_stale", "extract_volume"):
        for row in found.inputs.unique(["crm", "object"]).sort("crm", "object").iter_rows(named=True):
            subject, last = f"{row['crm']}.{row['object']}", row["last_extracted_at"]
            # What no night ever had belongs to a CRM, or an object, that the company does not export.
            if last is not None and name == "extract_volume":
                yield _volume(name, subject, row["rows_known"], found.earlier, usual)
            elif last is not None:
                yield _age(subject, (found.as_of_at - last).days, standards.company.stale_after_days)
    else:
        asked = found.counts.filter(pl.col("expectation") == name).sort("table_name")
        for table, rows in asked.select("table_name", "rows_checked").iter_rows():
            if name == "table_volume":
                yield _volume(name, table, rows, found.earlier, usual)
            else:
                is_flaw = (pl.col("expectation") == name) & (pl.col("table_name") == table)
                yield _share(each, table, rows, found.flaws.filter(is_flaw).height)


def _age(subject: str, days: int, at_most: int) -> dict[str, Any]:
    return {"subject": subject, "evaluated": 1, "observed": days, "lower": 0, "upper": at_most}


def _share(each: DataExpectation, subject: str, evaluated: int, failing: int) -> dict[str, Any]:
    # Rounded down: 5 % of 19 rows is none of them.
    upper = int(evaluated * (each.at_most_pct or 0) // 100)
    return {"subject": subject, "evaluated": evaluated, "observed": failing, "lower": 0, "upper": upper}


def _volume(name: str, subject: str, rows: int, earlier: pl.DataFrame | None, usual: UsualRange) -> dict[str, Any]:
    verdict = judge_count(rows, _counts_before(earlier, name, subject), usual)
    return {
        "subject": subject,
        "evaluated": rows,
        "observed": rows,
        "lower": verdict.low,
        "upper": verdict.high,
        "is_beyond": verdict.is_beyond,
    }


def _counts_before(earlier: pl.DataFrame | None, name: str, subject: str) -> list[Count]:
    if earlier is None:
        return []
    known = earlier.filter(
        (pl.col("expectation") == name) & (pl.col("subject") == subject) & pl.col("observed").is_not_null()
    ).sort("business_date")
    return [Count(observed, bool(beyond)) for observed, beyond in known.select("observed", "is_beyond").iter_rows()]


def rule_ranges(tonight: pl.DataFrame, earlier: pl.DataFrame | None, usual: UsualRange) -> pl.DataFrame:
    """One row per rule that was judged tonight: how many gaps it found, in all funnels, and how many are usual.

    tonight: rule_id, definition, status, failing, late; one row per funnel and rule. earlier: the same of the nights
    before with business_date and is_beyond_usual; null on the first night. Only nights on which the rule was judged,
    and asked the same thing as tonight, are compared.
    """
    judged = _found_by_rule(tonight.with_columns(business_date=pl.lit(date.min), is_beyond_usual=pl.lit(value=False)))
    before: dict[str, list[Count]] = {}
    if earlier is not None:
        asked = earlier.join(tonight.select("rule_id", "definition").unique(), on="rule_id", suffix="_tonight")
        # Nights of before definitions were kept asked who knows what.
        same = asked.filter(pl.col("definition") == pl.col("definition_tonight"))
        for row in _found_by_rule(same).iter_rows(named=True):
            before.setdefault(row["rule_id"], []).append(Count(row["found"], row["is_beyond_usual"]))
    rows = [
        {"rule_id": rule_id, "found": found, **_range(judge_count(found, before.get(rule_id, []), usual))}
        for rule_id, found in judged.select("rule_id", "found").iter_rows()
    ]
    return pl.DataFrame(rows, schema=_RANGES)


def _range(verdict: Verdict) -> dict[str, Any]:
    return {
        "usual_low": verdict.low,
        "usual_high": verdict.high,
        "nights_compared": verdict.nights_compared,
        "is_beyond_usual": verdict.is_beyond,
        "is_incident": verdict.is_incident,
    }


def _found_by_rule(rule_nights: pl.DataFrame) -> pl.DataFrame:
    # Proof that came late is no gap that opens anything.
    return (
        rule_nights.filter(pl.col("status").is_in(["passed", "failed"]))
        .group_by("business_date", "rule_id")
        .agg(
            found=(pl.col("failing") - pl.col("late")).sum(),
            is_beyond_usual=pl.col("is_beyond_usual").fill_null(value=False).any(),
        )
        .sort("business_date", "rule_id")
    )


def incidents(ranges: pl.DataFrame, measured: pl.DataFrame) -> pl.DataFrame:
    """One row for each count that jumped tonight: of a rule, an extract or a table. INCIDENTS_SCHEMA, sorted.

    A jump of a rule's count is about the data first: one extract that lost a column looks like a thousand sellers who
    forgot their homework on the same day.
    """
    jumped = ranges.filter("is_incident").select(
        pl.lit("rule").alias("kind"),
        pl.col("rule_id").alias("subject"),
        pl.col("found").alias("observed"),
        "usual_low",
        "usual_high",
        "nights_compared",
    )
    volumes = measured.filter("is_beyond").select(
        pl.col("expectation").replace({"extract_volume": "extract", "table_volume": "table"}).alias("kind"),
        "subject",
        "observed",
        pl.col("lower").alias("usual_low"),
        pl.col("upper").alias("usual_high"),
        pl.lit(None, dtype=pl.Int64).alias("nights_compared"),
    )
    return pl.concat([jumped.cast(INCIDENTS_SCHEMA), volumes.cast(INCIDENTS_SCHEMA)]).sort("kind", "subject")


def blocked(results: pl.DataFrame, suites: Collection[str] = ("extracts", "tables")) -> list[str]:
    """One sentence for each expectation of the data itself that forbids publication.

    results: suite, expectation, subject, severity, status, evaluated, observed, lower, upper, error. An expectation
    that errored has judged nothing, so a `block` that errored blocks as one that failed does.
    """
    about_data = results.filter(pl.col("suite").is_in(list(suites)) & (pl.col("severity") == "block"))
    sentences = []
    for row in about_data.filter(pl.col("status").is_in(["failed", "errored"])).iter_rows(named=True):
        what = f"{row['subject']}: {row['expectation']}"
        if row["status"] == "errored":
            sentences.append(f"{what} could not be judged: {row['error']}")
        else:
            sentences.append(f"{what}: found {row['observed']:,}, may be {row['lower']:,} to {row['upper']:,}")
    return sentences
