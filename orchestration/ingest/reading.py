"""Gets records out of one file, as text, without losing or changing any.

A file that cannot be whole is refused; a record that does not fit the header is handed back apart. Types and
columns are the business of `casting`.
"""

import gzip
import io
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from orchestration.ingest.inbox import ExtractFile, ExtractRefused, sha256

RECORD = "_record"


@dataclass(frozen=True)
class Records:
    """The records of a file.

    `frame` has a text column for each header and `_record`, the number of the record from 1, header not counted.
    `ragged` holds the records that have more or fewer fields than the header: `_record`, `text`.
    """

    frame: pl.DataFrame
    ragged: pl.DataFrame

    @property
    def count(self) -> int:
        return self.frame.height + self.ragged.height

    @property
    def headers(self) -> list[str]:
        return [name for name in self.frame.columns if name != RECORD]


def read(file: ExtractFile, delimiter: str) -> Records:
    """All records of a file.

    Raises:
        ExtractRefused: the file is not what its manifest promises, is empty, is cut, or is not UTF-8.
    """
    _hold_to_promise(file)
    content = file.path.read_bytes()
    if not content:
        raise ExtractRefused(f"inbox/{file.name}: is empty (0 bytes); export it again, or leave the file out")
    if file.name.endswith(".parquet"):
        records = _parquet(file, content)
    elif file.name.endswith(".jsonl"):
        records = _json_lines(file, content)
    else:
        records = _csv(file, _unzipped(file, content), delimiter)
    if file.promised_rows is not None and records.count != file.promised_rows:
        raise ExtractRefused(
            f"inbox/{file.name}: has {records.count:,} records where its manifest promises {file.promised_rows:,}; "
            f"it is cut or was written while the manifest was: export it again"
        )
    if records.count == 0 and file.promised_rows is None:
        raise ExtractRefused(
            f"inbox/{file.name}: has a header and no record; export it again, or say in a manifest that it has 0 rows"
        )
    return records


def _hold_to_promise(file: ExtractFile) -> None:
    size = file.path.stat().st_size
    if file.promised_bytes is not None and size != file.promised_bytes:
        raise ExtractRefused(
            f"inbox/{file.name}: has {size:,} bytes where its manifest promises {file.promised_bytes:,}; "
            f"it is cut or still being written: export it again"
        )
    if file.promised_sha256 is not None and sha256(file.path) != file.promised_sha256:
        raise ExtractRefused(
            f"inbox/{file.name}: is not the file that its manifest describes (sha256); export it again"
        )


def _unzipped(file: ExtractFile, content: bytes) -> bytes:
    if not file.name.endswith(".gz"):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, OSError) as broken:
        raise ExtractRefused(f"inbox/{file.name}: is a cut or broken gzip file ({broken}); export it again") from None


def _csv(file: ExtractFile, content: bytes, delimiter: str) -> Records:
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise ExtractRefused(f"inbox/{file.name}: is empty; export it again, or leave the file out")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as broken:
        line = content[: broken.start].count(b"\n") + 1
        raise ExtractRefused(
            f"inbox/{file.name}, line {line}: byte {broken.start:,} is not UTF-8; export it as UTF-8"
        ) from None
    if content.count(b'"') % 2:
        raise ExtractRefused(f"inbox/{file.name}: a quoted field is never closed, the file is cut; export it again")
    table, ragged = _arrow_csv(content, delimiter, use_threads=True)
    if ragged:
        # Only a single thread tells the numbers of the records that do not fit.
        table, ragged = _arrow_csv(content, delimiter, use_threads=False)
    repeated = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if repeated:
        raise ExtractRefused(f"inbox/{file.name}, line 1: column {repeated[0]!r} stands twice in the header; keep one")
    last = ragged[-1] if ragged else None
    total = table.num_rows + len(ragged)
    if last is not None and last[0] == total and last[2] < len(table.column_names):
        raise ExtractRefused(
            f"inbox/{file.name}, record {total:,}: the last record has {last[2]} of {len(table.column_names)} fields, "
            f"the file is cut; export it again"
        )
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    taken = {number for number, _, _ in ragged}
    numbers = [number for number in range(1, total + 1) if number not in taken] if taken else range(1, total + 1)
    return Records(
        frame.cast(pl.String).with_columns(pl.Series(RECORD, numbers, dtype=pl.Int64)),
        pl.DataFrame(
            {RECORD: [number for number, _, _ in ragged], "text": [text for _, text, _ in ragged]},
            schema={RECORD: pl.Int64, "text": pl.String},
        ),
    )


def _arrow_csv(content: bytes, delimiter: str, *, use_threads: bool) -> tuple[pa.Table, list[tuple[int, str, int]]]:
    """The table of all records that fit the header, and (number, text, fields) of those that do not."""
    ragged: list[tuple[int, str, int]] = []

    def keep_apart(row: pa_csv.InvalidRow) -> str:
        # The header is row 1.
        ragged.append(((row.number or 1) - 1, row.text, row.actual_columns))
        return "skip"

    header = pa_csv.open_csv(
        io.BytesIO(content.split(b"\n", 1)[0] + b"\n"), parse_options=pa_csv.ParseOptions(delimiter=delimiter)
    ).schema.names
    table = pa_csv.read_csv(
        io.BytesIO(content),
        read_options=pa_csv.ReadOptions(use_threads=use_threads),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep_apart),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
        ),
    )
    return table, ragged


def _parquet(file: ExtractFile, content: bytes) -> Records:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.ComputeError, OSError) as broken:
        raise ExtractRefused(
            f"inbox/{file.name}: is a cut or broken Parquet file ({broken}); export it again"
        ) from None
    return Records(_as_text(frame), _no_ragged())


def _json_lines(file: ExtractFile, content: bytes) -> Records:
    try:
        frame = pl.read_ndjson(io.BytesIO(content), infer_schema_length=None)
    except pl.exceptions.ComputeError as broken:
        raise ExtractRefused(f"inbox/{file.name}: is cut or no JSON Lines ({broken}); export it again") from None
    return Records(_as_text(frame), _no_ragged())


def _no_ragged() -> pl.DataFrame:
    return pl.DataFrame(schema={RECORD: pl.Int64, "text": pl.String})


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Typed columns as the text that a CSV of the same records would hold."""
    columns = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Datetime):
            zoned = pl.col(name).dt.convert_time_zone("UTC") if kind.time_zone else pl.col(name)
            columns.append(zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if kind.time_zone else "")))
        else:
            columns.append(pl.col(name).cast(pl.String))
    return frame.select(columns).with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(RECORD))
