"""Gets records out of one file, in chunks of text columns, without losing or changing any.

Formats of files live here and in `delimited`; a file that cannot be whole is refused, a record that cannot be read is
handed back apart. Types and columns are the business of `casting`.
"""

import gzip
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.ingest.delimited import (
    ExactRecord,
    NeverClosed,
    exact_records,
    has_unreadable,
    is_whole,
    parse_regular,
    pieces,
)
from orchestration.ingest.encodings import (
    REPLACEMENT,
    encoding_of,
    shown,
    source_length,
    text_of,
    utf8_blocks,
    utf8_length,
)
from orchestration.ingest.inbox import ExtractFile, ExtractRefused

RECORD = "_record"
REFUSED_SCHEMA = {RECORD: pl.Int64(), "column": pl.String(), "reason": pl.String(), "value": pl.String()}
BATCH_RECORDS = 100_000
LONGEST_HEADER_BYTES = 1 << 20


@dataclass(frozen=True)
class Chunk:
    """Some records of a file, in their order.

    `frame`: a text column for each header (null where a field is empty) and `_record`, the number of the record in
    the file from 1, header not counted. `refused`: `_record`, `column`, `reason`, `value` of those that cannot be
    read. `bytes_read`: how much of the file has been read so far.
    """

    frame: pl.DataFrame
    refused: pl.DataFrame
    bytes_read: int

    @property
    def records(self) -> int:
        return self.frame.height + self.refused.height


@dataclass(frozen=True)
class Place:
    """Where a record stands: line and byte of its first character (None in Parquet), its text, its fields by header.

    `fields` is None where the record does not fit the header.
    """

    line: int | None
    byte_offset: int | None
    text: str
    fields: Mapping[str, str | None] | None


class RecordFile(Protocol):
    """A file that can be read from its beginning as often as needed."""

    @property
    def headers(self) -> Sequence[str]: ...

    def chunks(self) -> Iterator[Chunk]:
        """All records.

        Raises:
            ExtractRefused: the file is cut or broken.
        """
        ...

    def places(self, records: Collection[int]) -> Mapping[int, Place]:
        """Where the records of these numbers stand."""
        ...


def open_file(file: ExtractFile, encoding: str, delimiter: str) -> RecordFile:
    """A file of an extract by its format.

    Raises:
        ExtractRefused: the file is empty, or its header cannot be read.
    """
    if file.path.stat().st_size == 0:
        raise ExtractRefused(f"inbox/{file.name}: is empty (0 bytes); export it again, or leave the file out")
    if file.path.name.lower().endswith(".parquet"):
        return ParquetFile(file)
    if file.path.name.lower().endswith(".jsonl"):
        return JsonLinesFile(file)
    return DelimitedFile(file, encoding, delimiter)


@dataclass(frozen=True)
class _Piece:
    """UTF-8 that ends with a record; the first `header_length` bytes of it are the header of the file."""

    whole: bytes
    header_length: int
    bytes_read: int

    @property
    def records(self) -> bytes:
        return self.whole[self.header_length :]


class DelimitedFile:
    """CSV and its kin, plain or gzipped. In a gzipped file, bytes are counted as unzipped."""

    def __init__(self, file: ExtractFile, encoding: str, delimiter: str) -> None:
        self._file = file
        self._delimiter = delimiter
        with _Opened(file) as (content, _):
            start = content.read(4)
        self._encoding, self._mark_bytes = encoding_of(start, encoding)
        headers, self._header_length = self._read_header()
        self.headers: Sequence[str] = headers
        # Filled as the file is read, so that places are looked for in their own pieces alone.
        self._records_of_pieces: dict[int, int] = {}

    def chunks(self) -> Iterator[Chunk]:
        done = 0
        last: ExactRecord | None = None
        for number, piece in enumerate(self._pieces()):
            frame = parse_regular(piece.records, self.headers, self._delimiter)
            if frame is not None:
                refused, last = pl.DataFrame(schema=REFUSED_SCHEMA), None
                frame = frame.with_columns(pl.int_range(done + 1, done + 1 + frame.height).alias(RECORD))
            else:
                frame, refused, last = self._parse_exactly(piece.records, done)
            chunk = Chunk(frame, refused, piece.bytes_read)
            done += chunk.records
            self._records_of_pieces[number] = chunk.records
            yield chunk
        if last is not None and last.fields is not None and len(last.fields) < len(self.headers):
            raise ExtractRefused(
                f"inbox/{self._file.name}, record {done:,}: the last record has {len(last.fields)} of "
                f"{len(self.headers)} fields, the file is cut; export it again"
            )

    def places(self, records: Collection[int]) -> Mapping[int, Place]:
        wanted = set(records)
        found: dict[int, Place] = {}
        done, line, byte_offset = 0, 0, self._mark_bytes
        for number, piece in enumerate(self._pieces()):
            if len(found) == len(wanted):
                break
            held = self._records_of_pieces.get(number)
            if held is None or not wanted.isdisjoint(range(done + 1, done + held + 1)):
                text = text_of(piece.records, self._encoding)
                header = piece.whole[: piece.header_length]
                start = byte_offset + self._source_length(header)
                for each, record in enumerate(exact_records(text, self._delimiter), done + 1):
                    held = each - done
                    if each in wanted:
                        found[each] = Place(
                            line=line + header.count(b"\n") + record.line + 1,
                            byte_offset=start + source_length(text[: record.start], self._encoding),
                            text=shown(text[record.start : record.end].rstrip("\r\n")),
                            fields=self._fields(record),
                        )
            done += held or 0
            line += piece.whole.count(b"\n")
            byte_offset += self._source_length(piece.whole)
        return found

    def _fields(self, record: ExactRecord) -> Mapping[str, str | None] | None:
        if not is_whole(record, len(self.headers)):
            return None
        return dict(zip(self.headers, record.fields or (), strict=True))

    def _parse_exactly(self, piece: bytes, done: int) -> tuple[pl.DataFrame, pl.DataFrame, ExactRecord | None]:
        numbers: list[int] = []
        rows: list[Sequence[str]] = []
        refused: list[tuple[int, str | None, str, str]] = []
        record: ExactRecord | None = None
        text = text_of(piece, self._encoding)
        for number, record in enumerate(exact_records(text, self._delimiter), done + 1):
            reason = self._flaw(record)
            if reason is None:
                numbers.append(number)
                rows.append(record.fields or ())
            else:
                refused.append((number, None, reason, shown(text[record.start : record.end].rstrip("\r\n"))))
        frame = pl.DataFrame(rows, schema=dict.fromkeys(self.headers, pl.String), orient="row").with_columns(
            pl.all().replace("", None), pl.Series(RECORD, numbers, dtype=pl.Int64)
        )
        return frame, pl.DataFrame(refused, schema=REFUSED_SCHEMA, orient="row"), record

    def _flaw(self, record: ExactRecord) -> str | None:
        if record.fields is not None and has_unreadable(record.fields):
            return "undecodable_bytes"
        return None if is_whole(record, len(self.headers)) else "ragged_record"

    def _pieces(self) -> Iterator[_Piece]:
        with _Opened(self._file) as (content, raw):
            content.read(self._mark_bytes)
            try:
                for number, piece in enumerate(pieces(utf8_blocks(content, self._encoding), self._encoding)):
                    header_length = self._header_length if number == 0 else 0
                    yield _Piece(piece, header_length, raw.tell())
            except NeverClosed as broken:
                line = self._lines_before(broken.length) + broken.line + 1
                raise ExtractRefused(
                    f"inbox/{self._file.name}, line {line:,}: a quoted field is never closed, "
                    f"the file is cut; export it again"
                ) from None

    def _lines_before(self, length: int) -> int:
        """How many lines end within the first bytes of the file, counted as UTF-8."""
        lines = 0
        with _Opened(self._file) as (content, _):
            content.read(self._mark_bytes)
            for block in utf8_blocks(content, self._encoding):
                lines += block[:length].count(b"\n")
                length = max(0, length - len(block))
        return lines

    def _source_length(self, text: bytes) -> int:
        if self._encoding == "utf-8":
            return len(text)
        return source_length(text_of(text, self._encoding), self._encoding)

    def _read_header(self) -> tuple[list[str], int]:
        """The names of the columns and how many bytes of UTF-8 the header takes."""
        with _Opened(self._file) as (content, _):
            content.read(self._mark_bytes)
            start = next(utf8_blocks(content, self._encoding), b"")[:LONGEST_HEADER_BYTES]
        text = text_of(start, self._encoding)
        header = next(exact_records(text, self._delimiter), None)
        if header is not None and header.fields is None:
            raise ExtractRefused(
                f"inbox/{self._file.name}, line 1: the header cannot be read; lines should end with LF or CRLF"
            )
        if header is None or not any(each.strip() for each in header.fields or ()):
            raise ExtractRefused(f"inbox/{self._file.name}: is empty; export it again, or leave the file out")
        fields = [each.strip() for each in header.fields or ()]
        # UTF-16 read as anything else has a NUL for every second character.
        if has_unreadable(fields) or any("\0" in each for each in fields):
            raise ExtractRefused(
                f"inbox/{self._file.name}, line 1: the header is not {self._encoding}; say in which encoding the "
                f"file is with `encoding` in defs.yaml, or export it as UTF-8"
            )
        twice = sorted({each for each in fields if fields.count(each) > 1})
        if twice:
            raise ExtractRefused(
                f"inbox/{self._file.name}, line 1: column {twice[0]!r} stands twice in the header; keep one"
            )
        return fields, utf8_length(text[: header.end], self._encoding)


class JsonLinesFile:
    """One JSON object a line. Objects within it become columns named with dots; numbers keep their digits."""

    def __init__(self, file: ExtractFile) -> None:
        self._file = file
        headers: dict[str, None] = {}
        for _, _, _, record in self._lines():
            headers.update(dict.fromkeys(record or ()))
        self.headers: Sequence[str] = list(headers)

    def chunks(self) -> Iterator[Chunk]:
        rows: list[tuple[int, Mapping[str, str | None]]] = []
        refused: list[tuple[int, str | None, str, str]] = []
        end = 0
        for number, (_, byte_offset, text, record) in enumerate(self._lines(), 1):
            end = byte_offset + len(text)
            if record is None:
                refused.append((number, None, "bad_json", shown(text_of(text, "utf-8"))))
            elif has_unreadable([value for value in record.values() if value]):
                refused.append((number, None, "undecodable_bytes", shown(text_of(text, "utf-8"))))
            else:
                rows.append((number, record))
            if len(rows) + len(refused) == BATCH_RECORDS:
                yield self._chunk(rows, refused, end)
                rows, refused = [], []
        yield self._chunk(rows, refused, end)

    def places(self, records: Collection[int]) -> Mapping[int, Place]:
        wanted = set(records)
        return {
            number: Place(line + 1, byte_offset, shown(text_of(text, "utf-8")), record)
            for number, (line, byte_offset, text, record) in enumerate(self._lines(), 1)
            if number in wanted
        }

    def _chunk(
        self,
        rows: Sequence[tuple[int, Mapping[str, str | None]]],
        refused: Sequence[tuple[int, str | None, str, str]],
        end: int,
    ) -> Chunk:
        columns = {header: [record.get(header) for _, record in rows] for header in self.headers}
        frame = pl.DataFrame(columns, schema=dict.fromkeys(self.headers, pl.String)).with_columns(
            pl.Series(RECORD, [number for number, _ in rows], dtype=pl.Int64)
        )
        return Chunk(frame, pl.DataFrame(refused, schema=REFUSED_SCHEMA, orient="row"), end)

    def _lines(self) -> Iterator[tuple[int, int, bytes, Mapping[str, str | None] | None]]:
        """Line, byte offset, bytes and content of each record; no content where a line is no JSON object."""
        byte_offset = 0
        with _Opened(self._file) as (content, _):
            for line, text in enumerate(content):
                if text.strip():
                    record = _json_record(text)
                    if record is None and not text.endswith(b"\n"):
                        raise ExtractRefused(
                            f"inbox/{self._file.name}, line {line + 1:,}: the last line is no JSON object, the file "
                            f"is cut; export it again"
                        )
                    yield line, byte_offset, text.rstrip(b"\r\n"), record
                byte_offset += len(text)


class ParquetFile:
    """Typed columns, read as the text that a CSV of the same records would hold."""

    def __init__(self, file: ExtractFile) -> None:
        self._file = file
        with self._opened() as opened:
            self.headers: Sequence[str] = opened.schema_arrow.names

    def chunks(self) -> Iterator[Chunk]:
        done = 0
        with self._opened() as opened:
            for batch in opened.iter_batches(batch_size=BATCH_RECORDS):
                frame = _as_text(pa.Table.from_batches([batch]))
                frame = frame.with_columns(pl.int_range(done + 1, done + 1 + frame.height).alias(RECORD))
                lost = frame.filter(pl.any_horizontal(pl.col(pl.String).str.contains(REPLACEMENT, literal=True)))
                refused = lost.select(
                    RECORD,
                    pl.lit(None, dtype=pl.String).alias("column"),
                    pl.lit("undecodable_bytes").alias("reason"),
                    pl.struct(pl.exclude(RECORD)).struct.json_encode().alias("value"),
                )
                done += frame.height
                yield Chunk(frame.join(lost, on=RECORD, how="anti"), refused, self._file.path.stat().st_size)
            if opened.metadata.num_rows == 0:
                empty = pl.DataFrame(schema=dict.fromkeys(self.headers, pl.String))
                yield Chunk(
                    empty.with_columns(pl.lit(0, pl.Int64).alias(RECORD)), pl.DataFrame(schema=REFUSED_SCHEMA), 0
                )

    def places(self, records: Collection[int]) -> Mapping[int, Place]:
        wanted = sorted(records)
        found: dict[int, Place] = {}
        for chunk in self.chunks():
            rows = chunk.frame.filter(pl.col(RECORD).is_in(wanted))
            for row in rows.iter_rows(named=True):
                number = row.pop(RECORD)
                found[number] = Place(None, None, json.dumps(row, ensure_ascii=False), row)
            for row in chunk.refused.filter(pl.col(RECORD).is_in(wanted)).iter_rows(named=True):
                found[row[RECORD]] = Place(None, None, row["value"], None)
        return found

    def _opened(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._file.path)
        except (pa.ArrowException, OSError) as broken:
            raise ExtractRefused(
                f"inbox/{self._file.name}: is a cut or broken Parquet file ({broken}); export it again"
            ) from None


class _Opened:
    """The content of a file, unzipped, with the file under it that tells how far it was read."""

    def __init__(self, file: ExtractFile) -> None:
        self._file = file

    def __enter__(self) -> tuple[IO[bytes], IO[bytes]]:
        self._raw = self._file.path.open("rb")
        if not self._file.path.name.lower().endswith(".gz"):
            return self._raw, self._raw
        return io.BufferedReader(gzip.GzipFile(fileobj=self._raw)), self._raw

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._raw.close()
        if isinstance(error, EOFError | gzip.BadGzipFile | OSError) and not isinstance(error, FileNotFoundError):
            raise ExtractRefused(
                f"inbox/{self._file.name}: is a cut or broken gzip file ({error}); export it again"
            ) from None


def _json_record(text: bytes) -> Mapping[str, str | None] | None:
    try:
        record = json.loads(text_of(text, "utf-8"), parse_float=str, parse_int=str)
    except ValueError:
        return None
    return dict(_flattened(record, "")) if isinstance(record, dict) else None


def _flattened(value: Mapping[str, Any], within: str) -> Iterator[tuple[str, str | None]]:
    for name, each in value.items():
        if isinstance(each, dict):
            yield from _flattened(each, f"{within}{name}.")
        elif isinstance(each, bool):
            yield within + name, "true" if each else "false"
        elif isinstance(each, list):
            yield within + name, json.dumps(each, ensure_ascii=False)
        else:
            yield within + name, each or None


def _as_text(table: pa.Table) -> pl.DataFrame:
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    for name in nested:
        place = table.schema.get_field_index(name)
        texts = [None if each is None else json.dumps(each, default=str) for each in table[name].to_pylist()]
        table = table.set_column(place, name, pa.array(texts, pa.string()))
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    columns = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Datetime):
            zoned = pl.col(name).dt.convert_time_zone("UTC") if kind.time_zone else pl.col(name)
            columns.append(zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if kind.time_zone else "")))
        else:
            columns.append(pl.col(name).cast(pl.String).replace("", None))
    return frame.select(columns)
