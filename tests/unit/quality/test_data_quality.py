"""Measures of the data itself: which number, which bounds, and what a jump of a rule's count is compared with."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quality.data_quality import INCIDENTS_SCHEMA, MEASURES_SCHEMA, Found, incidents, measures, rule_ranges
from quality.standards import Standards, load

AS_OF = datetime(2026, 11, 21, tzinfo=UTC)
NIGHT = date(2026, 11, 20)
INPUTS = {"crm": pl.String, "object": pl.String, "last_extracted_at": pl.Datetime("us", "UTC"), "rows_known": pl.Int64}


@pytest.fixture(scope="module")
def standards() -> Standards:
    return load(Path(__file__).resolve().parents[3] / "quality" / "standards")


def found(**changes: Any) -> Found:
    empty = Found(
        loads=pl.DataFrame(
            schema={
                "crm": pl.String,
                "object": pl.String,
                "rows_in": pl.Int64,
                "rows_loaded": pl.Int64,
                "rows_quarantined": pl.Int64,
            }
        ),
        inputs=pl.DataFrame(schema=INPUTS),
        counts=pl.DataFrame(schema={"expectation": pl.String, "table_name": pl.String, "rows_checked": pl.Int64}),
        flaws=pl.DataFrame(schema={"expectation": pl.String, "table_name": pl.String}),
        earlier=None,
        as_of_at=AS_OF,
    )
    return replace(empty, **changes)


def measured(standards: Standards, **changes: Any) -> dict[tuple[str, str], tuple[int | None, int | None, int | None]]:
    frame = measures(standards, found(**changes))
    assert frame.schema == MEASURES_SCHEMA
    return {(row[1], row[2]): row[7:10] for row in frame.iter_rows()}


def test_files_of_one_object_are_one_subject_and_a_lost_row_is_counted(standards: Standards) -> None:
    loads = pl.DataFrame(
        {
            "crm": ["g", "g", "g"],
            "object": ["deals", "deals", "users"],
            "rows_in": [60, 40, 10],
            "rows_loaded": [58, 37, 10],
            "rows_quarantined": [2, 2, 0],
        }
    )
    assert measured(standards, loads=loads) == {
        ("rows_unaccounted", "g.deals"): (1, 0, 0),
        ("rows_unaccounted", "g.users"): (0, 0, 0),
        ("rows_quarantined", "g.deals"): (4, 0, 5),
        ("rows_quarantined", "g.users"): (0, 0, 0),
    }


def test_the_age_of_an_extract_is_in_whole_days_and_what_was_never_exported_is_not_asked(standards: Standards) -> None:
    rows = [
        ("g", "deals", AS_OF - timedelta(days=4, hours=1), 5),
        ("g", "deals", AS_OF - timedelta(days=4, hours=1), 5),
        ("h", "deals", None, 0),
    ]
    answers = measured(standards, inputs=pl.DataFrame(rows, schema=INPUTS, orient="row"))
    assert answers == {("extract_stale", "g.deals"): (4, 0, 3), ("extract_volume", "g.deals"): (5, None, None)}


def test_the_share_that_may_fail_is_rounded_down(standards: Standards) -> None:
    counts = pl.DataFrame(
        {
            "expectation": ["owner_missing", "amount_negative"],
            "table_name": ["deals_current"] * 2,
            "rows_checked": [39, 0],
        }
    )
    flaws = pl.DataFrame({"expectation": ["owner_missing"] * 2, "table_name": ["deals_current"] * 2})
    assert measured(standards, counts=counts, flaws=flaws) == {
        ("owner_missing", "deals_current"): (2, 0, 1),
        ("amount_negative", "deals_current"): (0, 0, 0),
    }


def test_a_volume_is_compared_with_the_same_table_on_the_nights_before(standards: Standards) -> None:
    earlier = pl.DataFrame(
        [
            {
                "business_date": NIGHT - timedelta(days=number),
                "expectation": "table_volume",
                "subject": subject,
                "observed": rows,
                "is_beyond": False,
            }
            for number in range(1, 9)
            for subject, rows in (("deals_current", 1000), ("deal_visits", 50))
        ]
    )
    counts = pl.DataFrame({"expectation": ["table_volume"], "table_name": ["deals_current"], "rows_checked": [600]})
    frame = measures(standards, found(counts=counts, earlier=earlier))
    assert frame.select("observed", "lower", "upper", "is_beyond").rows() == [(600, 700, 1300, True)]
    raised = incidents(rule_ranges(rule_nights(), None, standards.data.usual_range), frame)
    assert raised.schema == INCIDENTS_SCHEMA
    assert raised.rows() == [("table", "deals_current", 600, 700, 1300, None)]


RULE_NIGHTS = {
    "business_date": pl.Date,
    "rule_id": pl.String,
    "definition": pl.String,
    "status": pl.String,
    "failing": pl.Int64,
    "late": pl.Int64,
    "is_beyond_usual": pl.Boolean,
}


def rule_nights(*rows: tuple[int, str, str, int, int]) -> pl.DataFrame:
    """Rows of (nights ago, definition, status, failing, late) of one rule."""
    return pl.DataFrame(
        [(NIGHT - timedelta(days=ago), "r", *rest, False) for ago, *rest in rows], schema=RULE_NIGHTS, orient="row"
    )


def test_gaps_of_all_funnels_are_added_and_late_proof_is_none(standards: Standards) -> None:
    tonight = rule_nights((0, "x", "failed", 30, 5), (0, "x", "failed", 10, 0))
    ranges = rule_ranges(tonight, None, standards.data.usual_range)
    assert ranges.select("rule_id", "found", "is_incident").rows() == [("r", 35, False)]


def test_a_jump_is_one_incident_of_the_rule(standards: Standards) -> None:
    earlier = rule_nights(*((ago, "x", "failed", 10, 0) for ago in range(1, 9)))
    ranges = rule_ranges(rule_nights((0, "x", "failed", 1000, 0)), earlier, standards.data.usual_range)
    raised = incidents(ranges, MEASURES_SCHEMA.to_frame())
    assert raised.rows() == [("rule", "r", 1000, 0, 30, 8)]


@pytest.mark.parametrize(("definition", "status"), [("other", "failed"), ("x", "not_evaluated"), ("x", "errored")])
def test_nights_that_asked_something_else_or_got_no_answer_are_not_compared(
    standards: Standards, definition: str, status: str
) -> None:
    earlier = rule_nights(*((ago, definition, status, 10, 0) for ago in range(1, 9)))
    ranges = rule_ranges(rule_nights((0, "x", "failed", 1000, 0)), earlier, standards.data.usual_range)
    assert ranges.select("nights_compared", "is_incident").rows() == [(0, False)]


def test_a_rule_that_gave_no_answer_tonight_has_no_range(standards: Standards) -> None:
    assert rule_ranges(rule_nights((0, "x", "errored", 0, 0)), None, standards.data.usual_range).is_empty()
