"""Keeps what was accepted: write-once Parquet, what was refused beside it, and the ledger that makes it so.

A ledger file is the commit of one extract: a Parquet file that no ledger names is a crash's leftover and counts
for nothing. No record is judged here.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from orchestration.ingest.mapping import Extract


@dataclass(frozen=True)
class LedgerFile:
    """One file of an accepted extract. rows_in = rows_loaded + rows_quarantined.

    `lake` names the Parquet files made of it, by the object each belongs to, relative to the lake.
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
    warnings: Sequence[str]


@dataclass(frozen=True)
class LedgerEntry:
    """One accepted extract of a CRM."""

    crm: str
    extracted_at: datetime
    files: tuple[LedgerFile, ...]


def entries(lake: Path, crm: str) -> list[LedgerEntry]:
    """All accepted extracts of a CRM, oldest first."""
    return sorted((_read(path) for path in (lake / "ledger" / crm).glob("*.json")), key=lambda each: each.extracted_at)


def commit(lake: Path, entry: LedgerEntry) -> None:
    """Make an extract part of the lake. Everything that it names must be in place."""
    text = json.dumps(asdict(entry), default=str, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    write_whole(lake / "ledger" / entry.crm / f"{stamp(entry.extracted_at)}.json", text.encode())


def parquet_name(crm: str, name: str, extracted_at: datetime, sha256: str) -> str:
    """Where the records of one source file go, relative to the lake; the same file always goes to the same place."""
    return f"{crm}/{name}/{stamp(extracted_at)}__{sha256[:8]}.parquet"


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    write_whole(path, buffer.getvalue())


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
    return instant.strftime("%Y%m%dT%H%M%SZ")


@dataclass(frozen=True)
class KnownObject:
    """What the lake knows of one object at an as-of: the files of the newest full extract and of all later ones."""

    name: str
    files: tuple[Path, ...]
    last_extracted_at: datetime | None
    rows: int


def known(lake: Path, crm: str, names: Sequence[str], as_of_at: datetime) -> list[KnownObject]:
    """The state of a CRM's objects known at `as_of_at`; later extracts do not exist yet."""
    accepted = [entry for entry in entries(lake, crm) if entry.extracted_at <= as_of_at]
    return [_known_object(lake, accepted, name) for name in names]


def fingerprint(lake: Path, crms: Sequence[str], as_of_at: datetime) -> str:
    """A hash of every file known at `as_of_at`."""
    digest = hashlib.sha256()
    for crm in sorted(crms):
        for entry in entries(lake, crm):
            if entry.extracted_at <= as_of_at:
                for file in entry.files:
                    digest.update(f"{crm} {entry.extracted_at.isoformat()} {file.file} {file.sha256}\n".encode())
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
        files=tuple(path for _, _, path, _ in current),
        last_extracted_at=max((taken for taken, _, _, _ in current), default=None),
        rows=sum(rows for _, _, _, rows in current),
    )


def _read(path: Path) -> LedgerEntry:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return LedgerEntry(
        crm=stored["crm"],
        extracted_at=datetime.fromisoformat(stored["extracted_at"]),
        files=tuple(LedgerFile(**file) for file in stored["files"]),
    )
