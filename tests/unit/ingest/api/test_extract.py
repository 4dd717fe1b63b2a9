"""What is written for a value, and when a folder is seen."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.ingest.api.extract import Draft, as_text
from orchestration.ingest.inbox import ExtractFile, sha256
from orchestration.ingest.reading import read

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


@pytest.mark.parametrize(
    "value", ['a "quoted", word', "two\r\nlines", "two\nlines", "an old\rMac", "； 中文", "  blanks "]
)
def test_a_text_is_read_back_as_it_came(value: str, tmp_path: Path) -> None:
    draft = Draft(tmp_path, "salesforce", TAKEN)
    assert draft.write("Opportunity", ["Id", "Name"], [{"Id": "1", "Name": value}, {"Id": "2"}], "full") == 2
    assert list(tmp_path.glob("salesforce/2*")) == []
    path = draft.publish() / "Opportunity.csv"
    (promised,) = json.loads((path.parent / "manifest.json").read_text())["files"].values()
    assert promised == {"rows": 2, "bytes": path.stat().st_size, "sha256": sha256(path), "extract": "full"}
    records = read(ExtractFile("opportunity", path, path.name, "full"), ",")
    assert records.frame.select("Id", "Name").rows() == [("1", value), ("2", None)]
