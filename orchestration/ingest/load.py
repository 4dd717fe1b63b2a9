"""Runs one CRM's extracts from the inbox into the lake: every new one, in the order they were taken.

An extract is taken whole or not at all. Rows in = rows loaded + rows quarantined, or the load stops.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from orchestration.ingest.inbox import MANIFEST, ExtractFile, ExtractFolder, ExtractHeld, ExtractRefused, find
from orchestration.ingest.lake import (
    HeldExtract,
    KnownObject,
    LedgerEntry,
    commit,
    entries,
    held_extracts,
    hold,
    known,
    release,
)
from orchestration.ingest.locking import alone
from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.observations import OBSERVED, observation_files, observe, observed_columns, observed_objects
from orchestration.ingest.seen import Seen
from orchestration.ingest.taking import ATTRIBUTES, Progress, Shelf, Taking, mapping_hash, take

ATTRIBUTE_COLUMNS = {"record_id": "text", "attribute": "text", "attribute_value": "text"}


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
class LoadReport:
    """What became of the extracts that were pending: the files taken, and the extracts that are held."""

    files: Sequence[FileReport]
    held: Sequence[HeldExtract]


def pending(shelf: Shelf, mapping: CrmMapping, time_zone: str, as_of_at: datetime) -> list[ExtractFolder]:
    """Extracts taken by `as_of_at` that hold something to load. Writes nothing.

    That is a file that the ledger does not know, or one of whose records some were refused under another mapping than
    today's. An extract that is held does not count while everything that it was judged on stays the same.

    Raises:
        ExtractRefused: as `find` does, or a file that has changed since it was accepted.
    """
    seen = Seen.of(shelf.lake, mapping.crm)
    accepted = entries(shelf.lake, mapping.crm)
    by_instant = {entry.extracted_at: entry for entry in accepted}
    held = {each.extracted_at: each for each in held_extracts(shelf.lake, mapping.crm, as_of_at)}
    waiting = []
    for folder in find(shelf.inbox, mapping, time_zone):
        if folder.extracted_at <= as_of_at:
            entry = by_instant.get(folder.extracted_at)
            fresh = tuple(file for file in folder.files if _is_fresh(file, entry, mapping, seen))
            judged = held.get(folder.extracted_at)
            if fresh and (judged is None or judged.judged_on != _judged_on(folder, mapping, accepted, seen)):
                waiting.append(replace(folder, files=fresh))
    return waiting


def load(
    shelf: Shelf,
    mapping: CrmMapping,
    time_zone: str,
    as_of_at: datetime,
    progress: Callable[[Progress], None] = lambda _: None,
) -> LoadReport:
    """Load all pending extracts of one CRM.

    Raises:
        ExtractRefused: a file cannot be taken; no file of its extract is then, and those before it stay.
    """
    # A second load waits, and then finds nothing left to do.
    with alone(shelf.lake / "ledger" / mapping.crm / ".lock", is_waiting=True):
        return _load(shelf, mapping, time_zone, as_of_at, progress)


def _load(
    shelf: Shelf, mapping: CrmMapping, time_zone: str, as_of_at: datetime, progress: Callable[[Progress], None]
) -> LoadReport:
    seen = Seen.of(shelf.lake, mapping.crm)
    reports: list[FileReport] = []
    folders = pending(shelf, mapping, time_zone, as_of_at)
    still_growing = _growing(folders, mapping.stable_for_seconds)
    for folder in folders:
        accepted = entries(shelf.lake, mapping.crm)
        try:
            if folder.path in still_growing:
                raise ExtractHeld(
                    f"inbox/{still_growing[folder.path]}: was still growing; it is taken on the next run, once its "
                    f"size stays the same"
                )
            entry = take(folder, Taking(shelf, mapping, time_zone, accepted, seen, progress))
        except ExtractHeld as reason:
            judged_on = _judged_on(folder, mapping, accepted, seen) if folder.path not in still_growing else ""
            hold(
                shelf.lake,
                HeldExtract(mapping.crm, folder.extracted_at, folder.path.name, str(reason), judged_on),
            )
            continue
        commit(shelf.lake, entry)
        names = {file.name for file in folder.files}
        reports += [
            FileReport(each.object, each.file, each.rows_in, each.rows_loaded, each.rows_quarantined, each.warnings)
            for each in entry.files
            if each.file in names
        ]
    seen.write()
    observe(shelf.lake, mapping, as_of_at)
    held = held_extracts(shelf.lake, mapping.crm, as_of_at)
    for each in held:
        if not (shelf.inbox / mapping.crm / each.folder).exists():
            release(shelf.lake, each)
    return LoadReport(reports, [each for each in held if (shelf.inbox / mapping.crm / each.folder).exists()])


@dataclass(frozen=True)
class RawObject:
    """One object of a CRM as the warehouse shows it: columns with their mapping types, and what tells records apart."""

    schema: str
    name: str
    columns: Mapping[str, str]
    key: Sequence[str]
    newest_by: str | None = None


def known_objects(shelf: Shelf, mapping: CrmMapping, as_of_at: datetime) -> list[tuple[RawObject, KnownObject]]:
    """Every raw object with the lake files that it is made of at `as_of_at`."""
    accepted = entries(shelf.lake, mapping.crm)
    raw = raw_objects(mapping)
    observed = {each.name + OBSERVED: each.name for each in raw}
    names = [observed.get(each.name, each.name) for each in raw]
    return [
        (each, found)
        if name == each.name
        else (
            each,
            replace(found, name=each.name, files=observation_files(shelf.lake, accepted, mapping, name, as_of_at)),
        )
        for each, name, found in zip(raw, names, known(shelf.lake, accepted, names, as_of_at), strict=True)
    ]


def raw_objects(mapping: CrmMapping) -> list[RawObject]:
    """Every object of a CRM that the lake may hold, the attributes of each included."""
    schema = f"raw_{mapping.crm}"
    objects = []
    for name, each in observed_objects(mapping).items():
        objects.append(RawObject(schema, name + OBSERVED, observed_columns(each), (*each.key, "observed_at")))
    for name, each in mapping.resolved_objects().items():
        columns = {column: spec.type for column, spec in each.columns.items()}
        objects.append(RawObject(schema, name, columns, each.key, each.newest_by))
        objects.append(RawObject(schema, name + ATTRIBUTES, ATTRIBUTE_COLUMNS, ("record_id", "attribute")))
    return objects


def _growing(folders: Sequence[ExtractFolder], seconds: float) -> dict[Path, str]:
    """The folders in which a file that no manifest proves does not keep its size, with its name."""

    def sizes() -> dict[tuple[Path, str], int]:
        return {
            (folder.path, file.name): file.path.stat().st_size
            for folder in folders
            for file in folder.files
            if not file.is_proven
        }

    before = sizes()
    if not before or not seconds:
        return {}
    time.sleep(seconds)
    after = sizes()
    return {folder: name for (folder, name), size in before.items() if after[folder, name] != size}


def _is_fresh(file: ExtractFile, entry: LedgerEntry | None, mapping: CrmMapping, seen: Seen) -> bool:
    stored = next((each for each in entry.files if each.file == file.name), None) if entry else None
    if stored is None:
        return True
    if stored.bytes != file.path.stat().st_size or stored.sha256 != seen.sha256(file):
        raise ExtractRefused(
            f"inbox/{file.name}: has changed since it was loaded; an extract is a fact with a date: "
            f"put the new one into a folder named by when it was taken"
        )
    # A mapping that was corrected may release what another one refused.
    return stored.rows_quarantined > 0 and stored.mapping != mapping_hash(mapping, file.object)


def _judged_on(folder: ExtractFolder, mapping: CrmMapping, accepted: Sequence[LedgerEntry], seen: Seen) -> str:
    manifest = folder.path / MANIFEST
    parts = [
        mapping.model_dump_json(),
        manifest.read_text(encoding="utf-8") if manifest.exists() else "",
        *(f"{file.name} {seen.sha256(file)}" for file in folder.files),
        *(f"{entry.extracted_at}" for entry in accepted if entry.extracted_at < folder.extracted_at),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
