"""Frames as data inside a page: small, exact, and never mistaken for markup.

Belongs here: how a column is written as JSON, and how JSON stands in a script element; pure. Not here: which frames a
page needs (`review/`), or what the page does with them (`assets/page.js` reads this form).
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from markupsafe import Markup

# JavaScript's numbers are exact up to here; a larger amount is written as a text.
LARGEST_EXACT = 2**53 - 1
# A dictionary is worth its codes where at least every other value repeats.
MOST_DISTINCT_SHARE = 0.5
_EPOCH = date(1970, 1, 1)


def embed(frame: pl.DataFrame) -> dict[str, Any]:
    """A frame by columns: `{"rows": n, "columns": {name: column}}`.

    A column is one of:

    * `{"texts": [..], "codes": [..]}`: texts told once, code -1 for null;
    * `{"values": [..]}`: texts that hardly repeat, whole numbers, fractions, truth (0 or 1);
    * `{"days": [..]}`: dates as days since 1970-01-01;
    * `{"cents": [..]}`: decimals in hundredths, as text where JavaScript could not tell them from their neighbours.

    Null is null.

    Raises:
        TypeError: a column of another type, or decimals finer than hundredths.
    """
    return {"rows": frame.height, "columns": {series.name: _column(series) for series in frame}}


def _column(series: pl.Series) -> dict[str, Any]:
    dtype = series.dtype
    if dtype == pl.String:
        return _texts(series)
    if dtype == pl.Date:
        return {"days": (series.cast(pl.Int32)).to_list()}
    if dtype == pl.Boolean:
        return {"values": series.cast(pl.Int8).to_list()}
    if dtype.is_integer() or dtype.is_float():
        return {"values": series.to_list()}
    if isinstance(dtype, pl.Decimal) and dtype.scale == 2:
        hundredths = (series.to_frame().select(pl.first().cast(pl.Decimal(38, 2)) * 100)).to_series()
        return {"cents": [_exact(value) for value in hundredths.cast(pl.Int128).to_list()]}
    message = f"column {series.name} is {dtype}; a page holds texts, numbers, truth, dates and decimals of two places"
    raise TypeError(message)


def _texts(series: pl.Series) -> dict[str, Any]:
    texts = series.drop_nulls().unique(maintain_order=True)
    if texts.len() > MOST_DISTINCT_SHARE * series.len():
        return {"values": series.to_list()}
    codes = series.cast(pl.Enum(texts)).to_physical().cast(pl.Int32).fill_null(-1)
    return {"texts": texts.to_list(), "codes": codes.to_list()}


def _exact(cents: int | None) -> int | str | None:
    return str(cents) if cents is not None and abs(cents) > LARGEST_EXACT else cents


def script_json(content: Mapping[str, Any]) -> Markup:
    """JSON that can stand in a script element: no `<`, `>` or `&`, so no text of a deal can end the element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
