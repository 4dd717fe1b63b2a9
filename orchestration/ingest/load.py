"""Runs one CRM's extracts from the inbox into the lake: every new one, in the order they were taken.

An extract is taken whole or not at all. Rows in = rows loaded + rows quarantined, or the load stops.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from orchestration.ingest.casting import TYPES, Typed, cast
from orchestration.ingest.inbox import ExtractFile, ExtractFolder, ExtractRefused, find, sha256
from orchestration.ingest.lake import LedgerEntry, LedgerFile, commit, entries, parquet_name, write_parquet
from orchestration.ingest.mapping import CrmMapping, HeaderMatch, ObjectMapping, closest, match_headers
from orchestration.ingest.reading import RECORD, Records, read

ATTRIBUTES = "_attributes"
ATTRIBUTE_COLUMNS = {"record_id": "text", "attribute": "text", "attribute_value": "text"}
# An address or a number to call is the commonest personal data in a refused field; the table of refusals is
# read by people who need neither.
PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+|\+?\d[\d ()/-]{7,}\d")


@dataclass(frozen=True)
class Shelf:
    """The folders that a load works on."""

    inbox: Path
    lake: Path
    quarantine: Path


@dataclass(frozen=True)
class FileReport:
    """What became of one file."""

    object: str
    file: str
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    warnings: Sequence[str]


@dataclass(frozen=True)
class _Taken:
    file: ExtractFile
    digest: str
    records: Records
    typed: Typed
    warnings: list[str]


def pending(shelf: Shelf, mapping: CrmMapping, time_zone: str, as_of_at: datetime) -> list[ExtractFolder]:
    """Extracts taken by `as_of_at` that hold files the ledger does not know. Writes nothing.

    Raises:
        ExtractRefused: as `find` does, or a file that has changed since it was accepted.
    """
    accepted = {entry.extracted_at: entry for entry in entries(shelf.lake, mapping.crm)}
    waiting = []
    for folder in find(shelf.inbox, mapping, time_zone):
        if folder.extracted_at <= as_of_at:
            entry = accepted.get(folder.extracted_at)
            unknown = [file for file in folder.files if _is_new(file, entry)]
            if unknown:
                waiting.append(ExtractFolder(folder.crm, folder.path, folder.extracted_at, tuple(unknown)))
    return waiting


def load(shelf: Shelf, mapping: CrmMapping, time_zone: str, as_of_at: datetime) -> list[FileReport]:
    """Load all pending extracts of one CRM.

    Raises:
        ExtractRefused: a file cannot be taken; no file of its extract is then, and those before it stay.
    """
    reports: list[FileReport] = []
    for folder in pending(shelf, mapping, time_zone, as_of_at):
        taken = [_take(file, mapping, time_zone) for file in folder.files]
        for each in taken:
            _quarantine(shelf, folder, each)
        for each in taken:
            _hold_if_too_much_is_refused(each, mapping)
        files = tuple(_store(shelf, folder, each, mapping) for each in taken)
        before = [entry for entry in entries(shelf.lake, mapping.crm) if entry.extracted_at == folder.extracted_at]
        known_files = before[0].files if before else ()
        commit(shelf.lake, LedgerEntry(mapping.crm, folder.extracted_at, (*known_files, *files)))
        reports += [
            FileReport(each.object, each.file, each.rows_in, each.rows_loaded, each.rows_quarantined, each.warnings)
            for each in files
        ]
    return reports


def raw_columns(mapping: CrmMapping) -> dict[str, tuple[dict[str, str], tuple[str, ...]]]:
    """For each lake object of a CRM its columns with their mapping types, and its key."""
    objects: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {}
    for name, each in mapping.resolved_objects().items():
        objects[name] = ({column: spec.type for column, spec in each.columns.items()}, each.key)
        objects[name + ATTRIBUTES] = (dict(ATTRIBUTE_COLUMNS), ("record_id", "attribute"))
    return objects


def _is_new(file: ExtractFile, entry: LedgerEntry | None) -> bool:
    stored = [each for each in entry.files if each.file == file.name] if entry else []
    if not stored:
        return True
    if stored[0].bytes != file.path.stat().st_size or stored[0].sha256 != sha256(file.path):
        raise ExtractRefused(
            f"inbox/{file.name}: has changed since it was loaded; an extract is a fact with a date: "
            f"put the new one into a folder named by when it was taken"
        )
    return False


def _take(file: ExtractFile, mapping: CrmMapping, time_zone: str) -> _Taken:
    records = read(file, mapping.delimiter)
    each = mapping.resolved_objects()[file.object]
    match = match_headers(records.headers, each)
    warnings = _check_headers(file, match, each, mapping)
    typed = cast(records, match, mapping, file.object, time_zone)
    if typed.frame.height + typed.refused_records != records.count:
        raise AssertionError(
            f"{file.name}: {records.count} records in, {typed.frame.height} loaded, {typed.refused_records} quarantined"
        )
    return _Taken(file, sha256(file.path), records, typed, warnings)


def _check_headers(file: ExtractFile, match: HeaderMatch, each: ObjectMapping, mapping: CrmMapping) -> list[str]:
    where = f"inbox/{file.name}, line 1"
    if match.repeated:
        raise ExtractRefused(
            f"{where}: column {match.repeated[0]!r} is a second name of a column that is there; keep one"
        )
    if match.missing_required:
        expected = match.missing_required[0]
        found = ", ".join((*match.columns, *match.unknown))
        raise ExtractRefused(
            f"{where}: column {expected!r} of {file.object} is not there (found {found})"
            f"{closest(expected, match.unknown)}; export it, or map its header in defs.yaml"
        )
    strangers = [header for header in match.unknown if not header.lower().startswith("x_")]
    if strangers and mapping.unknown_columns == "refuse":
        first = strangers[0]
        raise ExtractRefused(
            f"{where}: column {first!r} is not in the layout of {file.object}{closest(first, each.columns)}; "
            f"map it in defs.yaml, or name it x_{first} to keep it as an attribute"
        )
    return [f"{file.name}: column {header!r} is mapped to nothing and kept as an attribute" for header in strangers]


def _hold_if_too_much_is_refused(taken: _Taken, mapping: CrmMapping) -> None:
    share = taken.typed.refused_records / taken.records.count if taken.records.count else 0.0
    if share > mapping.max_quarantined_share:
        first = taken.typed.refused.row(0, named=True)
        refused, total = taken.typed.refused_records, taken.records.count
        raise ExtractRefused(
            f"inbox/{taken.file.name}, record {first['_record']:,}: {first['reason']}"
            f"{_of_column(first['column'], first['value'])}; {refused:,} of {total:,} records are refused, more than "
            f"max_quarantined_share {mapping.max_quarantined_share:.0%} allows: correct the export or its mapping; "
            f"all of them are listed in quarantine/"
        )


def _of_column(column: str | None, value: str | None) -> str:
    if column is None:
        return f" ({_masked(value or '')})"
    return f" in {column}: {_masked(value)!r}" if value is not None else f" in {column}"


def _quarantine(shelf: Shelf, folder: ExtractFolder, taken: _Taken) -> None:
    if taken.typed.refused.is_empty():
        return
    frame = taken.typed.refused.select(
        pl.lit(folder.crm).alias("crm"),
        pl.lit(taken.file.object).alias("object"),
        pl.lit(taken.file.name).alias("file"),
        pl.col(RECORD).alias("record"),
        "column",
        "reason",
        pl.col("value").map_elements(_masked, return_dtype=pl.String),
    )
    write_parquet(
        shelf.quarantine / parquet_name(folder.crm, taken.file.object, folder.extracted_at, taken.digest), frame
    )


def _masked(value: str) -> str:
    return PERSONAL.sub("***", value)


def _store(shelf: Shelf, folder: ExtractFolder, taken: _Taken, mapping: CrmMapping) -> LedgerFile:
    made = {taken.file.object: taken.typed.frame}
    if taken.typed.attributes.height:
        made[taken.file.object + ATTRIBUTES] = taken.typed.attributes
    changes = _stage_changes(taken, mapping)
    if changes is not None:
        made["stage_changes"] = changes
    lake: dict[str, str] = {}
    for name, frame in made.items():
        lake[name] = parquet_name(folder.crm, name, folder.extracted_at, taken.digest)
        write_parquet(shelf.lake / lake[name], _with_lineage(frame, folder, taken.file))
    return LedgerFile(
        object=taken.file.object,
        file=taken.file.name,
        sha256=taken.digest,
        bytes=taken.file.path.stat().st_size,
        rows_in=taken.records.count,
        rows_loaded=taken.typed.frame.height,
        rows_quarantined=taken.typed.refused_records,
        extract=taken.file.extract,
        lake=lake,
        warnings=taken.warnings,
    )


def _with_lineage(frame: pl.DataFrame, folder: ExtractFolder, file: ExtractFile) -> pl.DataFrame:
    """Each record with where it came from: when it was extracted, the file, and its number there."""
    return frame.select(
        pl.exclude(RECORD),
        pl.lit(folder.extracted_at).cast(pl.Datetime("us", "UTC")).alias("_extracted_at"),
        pl.lit(file.name).alias("_file"),
        pl.col(RECORD),
    )


def _stage_changes(taken: _Taken, mapping: CrmMapping) -> pl.DataFrame | None:
    """Columns that date a stage of the deal, as the changes of stage that they record."""
    dated = [each for each in mapping.stage_dates if each.object == taken.file.object]
    if not dated:
        return None
    columns = mapping.resolved_objects()["stage_changes"].columns
    (key,) = mapping.resolved_objects()[taken.file.object].key
    changes = pl.concat(
        taken.typed.frame.filter(pl.col(each.column).is_not_null()).select(
            (pl.col(key) + ":" + each.stage).alias("change_id"),
            pl.col(key).alias("deal_id"),
            pl.lit(each.stage).alias("stage"),
            pl.col(each.column).cast(pl.Datetime("us", "UTC")).alias("changed_at"),
            pl.col(RECORD),
        )
        for each in dated
    ).sort(RECORD, "changed_at")
    absent = [
        pl.lit(None, dtype=TYPES[spec.type]).alias(name)
        for name, spec in columns.items()
        if name not in changes.columns
    ]
    return changes.with_columns(absent).select(*columns, RECORD)
