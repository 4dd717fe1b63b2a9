"""What a night does without: the records refused of what it knows, told by the ledger and not by what lies around."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from orchestration.ingest.casting import TYPES
from orchestration.ingest.lake import entries
from orchestration.ingest.load import load
from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.quarantine import RELEASE, RELEASE_OF_A_VALUE, SCHEMA, standing
from orchestration.ingest.taking import Shelf
from orchestration.publishing.review.data import HOW_TO_RELEASE, REASONS, REFUSED_SCHEMA

Put = Callable[..., Path]
AS_OF = datetime(2026, 4, 1, 16, tzinfo=UTC)
ZONE = "Asia/Shanghai"
HEADER = "deal_id,stage,created_at,amount,currency\n"
GOOD = "1,Qualification,2026-03-01,10.00,CNY\n"
BAD = "2,Qualification,2026-03-01,ten,CNY\n"
DELTA = json.dumps({"extract": "delta"})


def known(shelf: Shelf, as_of: datetime = AS_OF) -> list[tuple[str, int, str | None]]:
    found = standing(shelf.quarantine, entries(shelf.lake, "generic"), as_of)
    assert found.schema == pl.Schema(SCHEMA)
    return found.select("file", "record", "value").rows()


def test_of_full_extracts_the_newest_counts_and_of_deltas_all_that_came_since(
    put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    put(HEADER + BAD + GOOD, "2026-03-29")
    put(HEADER + GOOD + BAD, "2026-03-30")
    put(HEADER + BAD.replace("ten", "nine"), "2026-03-31")
    put(DELTA, "2026-03-31", "manifest.json")
    load(shelf, neutral, ZONE, AS_OF)
    assert known(shelf) == [("generic/2026-03-31/deals.csv", 1, "nine"), ("generic/2026-03-30/deals.csv", 2, "ten")]
    assert known(shelf, datetime(2026, 3, 29, 16, tzinfo=UTC)) == [("generic/2026-03-29/deals.csv", 1, "ten")]


def test_content_that_came_before_stands_under_the_extract_that_brought_it_again(
    put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    for day in ("2026-03-30", "2026-03-31"):
        put(HEADER + GOOD + BAD, day)
    load(shelf, neutral, ZONE, AS_OF)
    assert len(list(shelf.quarantine.rglob("*.parquet"))) == 1
    assert known(shelf) == [("generic/2026-03-31/deals.csv", 2, "ten")]


def test_what_a_corrected_mapping_released_is_not_told_although_its_file_lies_there(
    put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    put(HEADER + GOOD + BAD.replace("ten", "3.5万"), "2026-03-31")
    load(shelf, neutral, ZONE, AS_OF)
    assert len(known(shelf)) == 1
    formats = neutral.formats.model_copy(update={"multipliers": {"万": 10000}})
    load(shelf, neutral.model_copy(update={"formats": formats}), ZONE, AS_OF)
    assert list(shelf.quarantine.rglob("*.parquet"))
    assert known(shelf) == []


def test_without_any_refusal_there_is_a_table_without_rows(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put(HEADER + GOOD, "2026-03-31")
    load(shelf, neutral, ZONE, AS_OF)
    assert known(shelf) == []


def test_the_review_words_every_reason_as_the_quarantine_does() -> None:
    assert REASONS.keys() == HOW_TO_RELEASE.keys() == RELEASE.keys() | {f"bad_{name}" for name in TYPES}
    for reason, text in HOW_TO_RELEASE.items():
        assert text.en == RELEASE.get(reason, RELEASE_OF_A_VALUE), reason
    assert {**SCHEMA, "is_new": pl.Boolean()} == REFUSED_SCHEMA
