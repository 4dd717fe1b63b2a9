"""Keeps what was accepted: write-once Parquet, what was refused beside it, and the ledger that makes it so.

A ledger file is the commit of one extract: a Parquet file that no ledger names is a crash's leftover and counts
for nothing. No record is judged here.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from orchestration.ingest.mapping import Extract

# Rows that a row group of the lake has at least, but for the last: readers skip and share work by row group.
ROW_GROUP_ROWS = 100_000
# A dictionary of ids costs time and room; one of a few names saves both.
SAMPLE_ROWS = 10_000
MOST_REPEATED_SHARE = 0.1
STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class LedgerFile:
    """One file of an accepted extract. rows_in = rows_loaded + rows_quarantined.

    `lake` names the Parquet files made of it, by the object each belongs to, relative to the lake. `headers` are those
    of the file; `mapping` is a hash of how it was read.
    """

    object: str
    file: str
    sha256: str
    bytes: int
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    extract: Extract
    lake: Mapping[str, str]
    headers: Sequence[str]
    mapping: str
    warnings: Sequence[str]


@dataclass(frozen=True)
class LedgerEntry:
    """One accepted extract of a CRM."""

    crm: str
    extracted_at: datetime
    files: tuple[LedgerFile, ...]


@dataclass(frozen=True)
class HeldExtract:
    """An extract that waits in the inbox because it is not credible, and why.

    `judged_on` is a hash of what it was judged on: while that stays the same, so does the judgement.
    """

    crm: str
    extracted_at: datetime
    folder: str
    reason: str
    judged_on: str


def entries(lake: Path, crm: str) -> list[LedgerEntry]:
    """All accepted extracts of a CRM, oldest first."""
    return sorted((_read(path) for path in (lake / "ledger" / crm).glob("*.json")), key=lambda each: each.extracted_at)


def commit(lake: Path, entry: LedgerEntry) -> None:
    """Make an extract part of the lake. Everything that it names must be in place."""
    write_whole(_ledger_path(lake, entry.crm, entry.extracted_at), _json(asdict(entry)))
    _held_path(lake, entry.crm, entry.extracted_at).unlink(missing_ok=True)


def hold(lake: Path, held: HeldExtract) -> None:
    """Keep in mind that an extract is held."""
    write_whole(_held_path(lake, held.crm, held.extracted_at), _json(asdict(held)))


def held_extracts(lake: Path, crm: str, as_of_at: datetime) -> list[HeldExtract]:
    """The extracts that are held and that a night of `as_of_at` would have known, oldest first."""
    stored = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((lake / "held" / crm).glob("*.json"))]
    held = [HeldExtract(**{**each, "extracted_at": datetime.fromisoformat(each["extracted_at"])}) for each in stored]
    return [each for each in held if each.extracted_at <= as_of_at]


def release(lake: Path, held: HeldExtract) -> None:
    """Forget that an extract is held."""
    _held_path(lake, held.crm, held.extracted_at).unlink(missing_ok=True)


def parquet_name(crm: str, name: str, extracted_at: datetime, content: str) -> str:
    """Where the records of one source file go, relative to the lake.

    `content` is a hash of the file and of how it is read, so the same file always goes to the same place.
    """
    return f"{crm}/{name}/{stamp(extracted_at)}__{content[:12]}.parquet"


class ParquetWriter:
    """Writes a Parquet file chunk by chunk under a hidden name, and puts it in place whole.

    Its bytes depend on the rows alone, not on how they came in chunks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hidden = path.with_name(f".{path.name}.writing")
        self.rows = 0
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0

    def write(self, frame: pl.DataFrame) -> None:
        self.rows += frame.height
        self._waiting.append(frame)
        self._waiting_rows += frame.height
        while self._waiting_rows >= ROW_GROUP_ROWS:
            whole = pl.concat(self._waiting)
            self._write_group(whole.head(ROW_GROUP_ROWS))
            self._waiting = [whole.slice(ROW_GROUP_ROWS)]
            self._waiting_rows = self._waiting[0].height

    def close(self) -> None:
        """Finish the hidden file."""
        if self._waiting and (self._waiting_rows or self._writer is None):
            self._write_group(pl.concat(self._waiting))
        self._waiting, self._waiting_rows = [], 0
        if self._writer is not None:
            self._writer.close()

    def drop(self, records: pl.Series) -> None:
        """Write the finished hidden file again without the records of these numbers."""
        without = ParquetWriter(self.path.with_name(f"{self.path.name}.without"))
        try:
            for batch in pq.ParquetFile(self.hidden).iter_batches(batch_size=ROW_GROUP_ROWS):
                frame = pl.DataFrame(batch)
                without.write(frame.filter(~pl.col("_record").is_in(records.implode())))
            without.close()
            without.hidden.replace(self.hidden)
        finally:
            without.discard()
        self.rows = without.rows

    def publish(self) -> None:
        """Flush the finished file to disk and give it its final name."""
        with self.hidden.open("rb") as file:
            os.fsync(file.fileno())
        self.hidden.replace(self.path)

    def discard(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self.hidden.unlink(missing_ok=True)

    def _write_group(self, frame: pl.DataFrame) -> None:
        table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(
                self.hidden,
                table.schema,
                compression="zstd",
                compression_level=1,
                # Readers here take whole files; they have no use for the least and the greatest of each column.
                write_statistics=False,
                use_dictionary=_repetitive(frame.head(SAMPLE_ROWS)),
            )
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write a small table whole."""
    writer = ParquetWriter(path)
    writer.write(frame)
    writer.close()
    writer.publish()


def write_whole(path: Path, content: bytes) -> None:
    """Put a file under its final name in one step, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def stamp(instant: datetime) -> str:
    """An instant as part of a file name that sorts by time."""
    return instant.strftime(STAMP)


@dataclass(frozen=True)
class KnownObject:
    """What the lake knows of one object at an as-of: the files of the newest full extract and of all later ones."""

    name: str
    files: tuple[Path, ...]
    last_extracted_at: datetime | None
    rows: int


def known(lake: Path, accepted: Sequence[LedgerEntry], names: Sequence[str], as_of_at: datetime) -> list[KnownObject]:
    """The state of a CRM's objects known at `as_of_at`; later extracts do not exist yet."""
    by_then = [entry for entry in accepted if entry.extracted_at <= as_of_at]
    return [_known_object(lake, by_then, name) for name in names]


def fingerprint(lake: Path, crms: Sequence[str], as_of_at: datetime) -> str:
    """A hash of every file known at `as_of_at`, and of what is held: a night says what it had to do without."""
    digest = hashlib.sha256()
    for crm in sorted(crms):
        for entry in entries(lake, crm):
            if entry.extracted_at <= as_of_at:
                for file in entry.files:
                    line = f"{crm} {entry.extracted_at.isoformat()} {file.file} {file.sha256} {file.mapping}\n"
                    digest.update(line.encode())
        for held in held_extracts(lake, crm, as_of_at):
            digest.update(f"held {crm} {held.folder} {held.reason}\n".encode())
    return digest.hexdigest()


def _known_object(lake: Path, accepted: Sequence[LedgerEntry], name: str) -> KnownObject:
    made = [
        (entry.extracted_at, file.extract, lake / file.lake[name], file.rows_loaded)
        for entry in accepted
        for file in entry.files
        if name in file.lake
    ]
    full_extracts = [taken for taken, extract, _, _ in made if extract == "full"]
    since = max(full_extracts) if full_extracts else None
    current = [each for each in made if since is None or each[0] >= since]
    return KnownObject(
        name=name,
        files=tuple(dict.fromkeys(path for _, _, path, _ in current)),
        last_extracted_at=max((taken for taken, _, _, _ in current), default=None),
        rows=sum({path: rows for _, _, path, rows in current}.values()),
    )


def _repetitive(sample: pl.DataFrame) -> list[str]:
    """The columns of which few values are different, told from the first rows."""
    return [series.name for series in sample if series.n_unique() <= max(2, round(sample.height * MOST_REPEATED_SHARE))]


def _ledger_path(lake: Path, crm: str, extracted_at: datetime) -> Path:
    return lake / "ledger" / crm / f"{stamp(extracted_at)}.json"


def _held_path(lake: Path, crm: str, extracted_at: datetime) -> Path:
    return lake / "held" / crm / f"{stamp(extracted_at)}.json"


def _json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, default=str, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _read(path: Path) -> LedgerEntry:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return LedgerEntry(
        crm=stored["crm"],
        extracted_at=datetime.fromisoformat(stored["extracted_at"]),
        files=tuple(LedgerFile(**file) for file in stored["files"]),
    )
