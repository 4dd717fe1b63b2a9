"""Gets records out of delimited text, without losing or changing any.

Text is cut into pieces that end with a record. A piece that is provably regular is parsed by Polars at once; any
other goes through the standard library's `csv`, record by record, which tells where each stands.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from orchestration.ingest.encodings import REPLACEMENT_BYTES, is_unreadable, text_of, utf8_length

QUOTE, LINE_END, CARRIAGE_RETURN = ord('"'), ord("\n"), ord("\r")
# A piece that grows beyond this without an end of a record holds a stray quote, or one that is never closed.
LONGEST_PIECE_BYTES = 64 << 20
csv.field_size_limit(LONGEST_PIECE_BYTES)


class NeverClosed(Exception):
    """A quoted field has no end. Its record begins `line` lines behind the first `length` bytes of the text."""

    def __init__(self, length: int, line: int) -> None:
        super().__init__(length, line)
        self.length = length
        self.line = line


@dataclass(frozen=True)
class ExactRecord:
    """One record as it stands: its fields (None where they could not be told apart), lines and characters.

    `line` and `start` are counted from 0 at the beginning of the text; `end` is where the next one begins.
    """

    fields: Sequence[str] | None
    line: int
    start: int
    end: int


def pieces(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Blocks of UTF-8 joined and cut again so that each piece ends with a record.

    Raises:
        NeverClosed: the text ends within quotes.
    """
    waiting = b""
    done = 0
    for block in blocks:
        waiting += block
        end = _last_record_end(waiting)
        if end == 0 and len(waiting) > LONGEST_PIECE_BYTES:
            end = _last_exact_record_end(text_of(waiting, encoding), done, encoding)
        if end:
            yield waiting[:end]
            done += end
            waiting = waiting[end:]
    if waiting:
        if waiting.count(b'"') % 2:
            _require_closed(text_of(waiting, encoding), done)
        yield waiting


def parse_regular(piece: bytes, headers: Sequence[str], delimiter: str) -> pl.DataFrame | None:
    """The records of a piece as text columns, or None where anything about it is not plain.

    Regular means: valid UTF-8, quotes only around whole fields, and as many
    delimiters outside of them as the records and headers ask for. Polars alone would fill up a short record unseen.
    """
    width = len(headers)
    if width < 2 or (not piece.isascii() and REPLACEMENT_BYTES in piece):
        return None
    try:
        frame = pl.read_csv(
            piece if piece.endswith(b"\n") else piece + b"\n",
            has_header=False,
            schema={f"column_{number}": pl.String for number in range(width)},
            separator=delimiter,
            quote_char='"',
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError:
        return None
    delimiters = _delimiters_outside_quotes(piece, delimiter)
    if delimiters is None or delimiters != frame.height * (width - 1):
        return None
    frame.columns = list(headers)
    # Quotes with nothing between them hold nothing.
    is_quoted = b'"' in piece
    return frame.with_columns(pl.all().replace("", None)) if is_quoted and b'""' in piece else frame


def exact_records(text: str, delimiter: str) -> Iterator[ExactRecord]:
    """Every record of a text, in order. Empty lines are none."""
    lines = text.split("\n")
    ends = [*(line + "\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]
    reader = csv.reader(iter(ends), delimiter=delimiter)
    line = start = 0
    while True:
        fields: list[str] | None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = None
        end = start + sum(len(each) for each in ends[line : reader.line_num])
        if fields != []:
            yield ExactRecord(fields, line, start, end)
        line, start = reader.line_num, end


def is_whole(record: ExactRecord, width: int) -> bool:
    """Whether a record has a field for each header and every byte of it could be read."""
    return record.fields is not None and len(record.fields) == width


def has_unreadable(fields: Sequence[str]) -> bool:
    return any(map(is_unreadable, fields))


def _require_closed(text: str, done: int) -> None:
    line = 0
    reader = csv.reader(iter(text.splitlines(keepends=True)), strict=True)
    while True:
        try:
            next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            if "unexpected end of data" in str(wrong) or "field larger than" in str(wrong):
                raise NeverClosed(done, line) from None
        line = reader.line_num


def _last_record_end(text: bytes) -> int:
    """Behind the last line end that no quotes enclose; 0 where there is none."""
    end = text.rfind(b"\n")
    if b'"' not in text:
        return end + 1
    quotes = text.count(b'"')
    behind = text.count(b'"', end + 1) if end >= 0 else 0
    while end >= 0 and (quotes - behind) % 2:
        before = text.rfind(b"\n", 0, end)
        behind += text.count(b'"', before + 1, end)
        end = before
    return end + 1


def _last_exact_record_end(text: str, done: int, encoding: str) -> int:
    """As `_last_record_end`, for text with stray quotes: record by record, the last, open one left out."""
    starts = [record.start for record in exact_records(text, ",")]
    if len(starts) < 2:
        raise NeverClosed(done, 0)
    return utf8_length(text[: starts[-1]], encoding)


def _delimiters_outside_quotes(piece: bytes, delimiter: str) -> int | None:
    """How many delimiters stand outside of quoted fields; None where a quote stands within a field."""
    total = piece.count(delimiter.encode())
    if b'"' not in piece:
        return total
    # A doubled quote within a field closes and opens it again at once, so quotes alternate all the way.
    data = np.frombuffer(piece + b"\n", dtype=np.uint8)
    quotes = np.flatnonzero(data[:-1] == QUOTE)
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], LINE_END)
    behind = data[closing + 1]
    if (
        len(quotes) % 2
        or not np.isin(before, (ord(delimiter), LINE_END, QUOTE)).all()
        or not np.isin(behind, (ord(delimiter), LINE_END, CARRIAGE_RETURN, QUOTE)).all()
    ):
        return None
    delimiters = np.flatnonzero(data == ord(delimiter))
    inside = np.searchsorted(delimiters, closing) - np.searchsorted(delimiters, opening)
    return total - int(inside.sum())
