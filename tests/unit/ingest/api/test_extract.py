"""What is written for a value, and when a folder is seen."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.ingest.api.extract import Draft, as_text
from orchestration.ingest.api.tables import Row
from orchestration.ingest.inbox import sha256
from orchestration.ingest.lake import entries, known
from orchestration.ingest.load import Shelf, load
from orchestration.opening import mappings

TAKEN = datetime(2026, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0, "0"),
        (0.1, "0.1"),
        (1.39e8, "139000000.0"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        ({"b": 1, "a": "é"}, '{"a": "é", "b": 1}'),
    ],
)
def test_a_value_is_written_as_a_csv_export_would_have_it(value: object, text: str) -> None:
    assert as_text(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_an_amount_that_came_as_json_keeps_its_digits(amount: Decimal) -> None:
    assert Decimal(as_text(json.loads(str(amount)))) == amount


@pytest.mark.parametrize("value", ['a "quoted", word', "two\r\nlines", "two\nlines", "an old\rMac", "； 中文"])
def test_a_text_is_loaded_as_it_came(value: str, tmp_path: Path) -> None:
    draft = Draft(tmp_path / "inbox", "salesforce", TAKEN)
    rows: list[Row] = [
        {"Id": "1", "StageName": "Proposal", "CreatedDate": "2026-03-30T10:00:00.000+0000", "Name": value},
        {"Id": "2", "StageName": "Proposal", "CreatedDate": "2026-03-30T10:00:00.000+0000"},
    ]
    assert draft.write("Opportunity", ["Id", "StageName", "CreatedDate", "Name"], rows, "full") == 2
    assert list((tmp_path / "inbox" / "salesforce").glob("2*")) == []
    path = draft.publish() / "Opportunity.csv"
    (promised,) = json.loads((path.parent / "manifest.json").read_text())["files"].values()
    assert promised == {"rows": 2, "bytes": path.stat().st_size, "sha256": sha256(path), "extract": "full"}
    shelf = Shelf(tmp_path / "inbox", tmp_path / "lake", tmp_path / "quarantine")
    (report,) = load(shelf, mappings()["salesforce"], "UTC", TAKEN).files
    assert (report.rows_in, report.rows_loaded) == (2, 2)
    (loaded,) = known(shelf.lake, entries(shelf.lake, "salesforce"), ["opportunity"], TAKEN)
    deals = pl.concat([pl.read_parquet(each) for each in loaded.files]).sort("id")
    assert deals["name"].to_list() == [value, None]
