"""Frames inside a page: read back they are what they were, and no text of them can end the element they stand in."""

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from orchestration.publishing.embedding import LARGEST_EXACT, embed, script_json


def read_back(column: dict[str, Any]) -> list[Any]:
    """As assets/page.js reads it."""
    if "texts" in column:
        return [None if code < 0 else column["texts"][code] for code in column["codes"]]
    if "days" in column:
        return [None if day is None else date.fromordinal(719163 + day) for day in column["days"]]
    if "cents" in column:
        return [None if cents is None else Decimal(int(cents)) / 100 for cents in column["cents"]]
    return column["values"]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("few", ["a", None, "b", "a", "a", "b"]),
        pl.Series("many", ["a", None, "b", "c"]),
        pl.Series("none", [None, None], dtype=pl.String),
        pl.Series("empty", [], dtype=pl.String),
        pl.Series("days", [date(1969, 12, 31), None, date(2026, 11, 22)]),
        pl.Series("money", [Decimal("0.01"), None, Decimal("-12.30")], dtype=pl.Decimal(18, 2)),
        pl.Series("sums", [Decimal("99999999999999999999999999.99")], dtype=pl.Decimal(38, 2)),
        pl.Series("counts", [1, None, 3]),
        pl.Series("truth", [True, None, False]),
    ],
    ids=lambda series: series.name,
)
def test_a_column_comes_back_as_it_was(series: pl.Series) -> None:
    stored = json.loads(json.dumps(embed(series.to_frame())))
    assert stored["rows"] == series.len()
    assert read_back(stored["columns"][series.name]) == series.to_list()


def test_a_text_that_repeats_is_told_once() -> None:
    assert embed(pl.DataFrame({"t": ["x" * 100] * 4}))["columns"]["t"] == {"texts": ["x" * 100], "codes": [0, 0, 0, 0]}


def test_an_amount_beyond_the_exact_numbers_of_javascript_is_a_text() -> None:
    amounts = pl.Series("m", [Decimal(LARGEST_EXACT) / 100, Decimal(LARGEST_EXACT + 1) / 100], dtype=pl.Decimal(38, 2))
    assert embed(amounts.to_frame())["columns"]["m"] == {"cents": [LARGEST_EXACT, str(LARGEST_EXACT + 1)]}


def test_a_column_that_a_page_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="column rate is Decimal"):
        embed(pl.DataFrame({"rate": [Decimal("1.2345")]}))


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--",
    "]]>",
    "&lt;",
    "\u2028\u2029",
    "😀",
    '"\\',
    "\x00\x1f",
]


def test_no_text_can_end_the_element_that_the_data_stands_in() -> None:
    written = str(script_json({"texts": HOSTILE}))
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written)["texts"] == HOSTILE


def test_what_is_no_number_is_refused_and_not_written_as_nan() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        script_json({"share": float("nan")})
