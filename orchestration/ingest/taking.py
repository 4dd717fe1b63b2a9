"""Takes one extract: reads its files under hidden names, judges it as a whole, and puts it in place or not at all."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from orchestration.ingest import quarantine
from orchestration.ingest.admission import Headers, admit_headers, require_plausible_rows, require_sound_records
from orchestration.ingest.casting import TYPES, Plan, Typed, cast
from orchestration.ingest.duplicates import Keys, Loaded, refused_duplicates
from orchestration.ingest.inbox import ExtractFile, ExtractFolder, ExtractRefused
from orchestration.ingest.lake import LedgerEntry, LedgerFile, ParquetWriter, parquet_name, write_parquet
from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.reading import RECORD, REFUSED_SCHEMA, RecordFile, open_file
from orchestration.ingest.seen import Seen

ATTRIBUTES = "_attributes"


@dataclass(frozen=True)
class Shelf:
    """The folders that a load works on."""

    inbox: Path
    lake: Path
    quarantine: Path


@dataclass(frozen=True)
class Progress:
    """How far the reading of one file has come."""

    object: str
    file: str
    rows: int
    bytes_read: int
    bytes_total: int


@dataclass(frozen=True)
class Taking:
    """What it takes to take an extract: the folders, how the CRM is mapped, and what was taken before."""

    shelf: Shelf
    mapping: CrmMapping
    time_zone: str
    accepted: Sequence[LedgerEntry]
    seen: Seen
    progress: Callable[[Progress], None]


@dataclass
class _Taken:
    """One file on its way into the lake: what was written of it under hidden names, and what was refused.

    `repeats` is the file of the extract before that has the very same content; nothing is read then.
    """

    file: ExtractFile
    digest: str
    mapping_hash: str
    source: RecordFile
    headers: Headers
    repeats: LedgerFile | None
    rows_in: int = 0
    writers: dict[str, ParquetWriter] = field(default_factory=dict)
    refused: list[pl.DataFrame] = field(default_factory=list)

    @property
    def all_refused(self) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(schema=REFUSED_SCHEMA), *self.refused]).sort(RECORD, "column")

    @property
    def rows_quarantined(self) -> int:
        return self.all_refused[RECORD].n_unique()


def take(folder: ExtractFolder, taking: Taking) -> LedgerEntry:
    """Take one extract. What the returned entry names is in place; committing it is left to the caller.

    Raises:
        ExtractRefused: a file contradicts itself or its manifest.
        ExtractHeld: the extract can be read and is not credible.
    """
    with ExitStack() as cleanup:
        taken = [_open(file, folder, taking) for file in folder.files]
        fresh = [each for each in taken if each.repeats is None]
        for each in fresh:
            cleanup.callback(_discard, each)
        for name, files in _by_object(fresh).items():
            keys = Keys(taking.mapping.resolved_objects()[name].key)
            for each in files:
                _read(each, folder, taking, keys)
            _refuse_duplicates(name, files, keys, taking.mapping)
        for each in fresh:
            _quarantine(each, folder, taking.shelf)
        for each in fresh:
            require_sound_records(each.file, each.rows_in, each.all_refused, taking.mapping)
        for name, files in _by_object(taken).items():
            rows_in = sum(each.rows_in for each in files)
            before = _rows_before(name, folder, taking.accepted)
            require_plausible_rows([each.file for each in files], rows_in, before, taking.mapping)
        files_taken = tuple(_publish(each, taking.shelf) for each in taken)
    names = {file.name for file in folder.files}
    joined = next((entry.files for entry in taking.accepted if entry.extracted_at == folder.extracted_at), ())
    kept = tuple(each for each in joined if each.file not in names)
    return LedgerEntry(folder.crm, folder.extracted_at, (*kept, *files_taken))


def mapping_hash(mapping: CrmMapping, name: str) -> str:
    """A hash of all that decides how a file of this object is read."""
    parts = {
        "object": mapping.resolved_objects()[name].model_dump(mode="json"),
        "constants": mapping.constants.get(name, {}),
        "attributes": mapping.attributes.get(name, ()),
        "stage_dates": [each.model_dump() for each in mapping.stage_dates if each.object == name],
        "formats": mapping.formats.model_dump(mode="json"),
        "written": [mapping.delimiter, mapping.encoding, mapping.unknown_columns],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _by_object(taken: Sequence[_Taken]) -> Mapping[str, list[_Taken]]:
    objects: dict[str, list[_Taken]] = {}
    for each in taken:
        objects.setdefault(each.file.object, []).append(each)
    return objects


def _open(file: ExtractFile, folder: ExtractFolder, taking: Taking) -> _Taken:
    digest = taking.seen.sha256(file)
    _hold_to_promise(file, digest)
    read_as = mapping_hash(taking.mapping, file.object)
    source = open_file(file, taking.mapping.encoding, taking.mapping.delimiter)
    before = _last_files(file, folder, taking.accepted)
    # An object may come in several files with headers of their own; each is compared with its namesake.
    namesakes = before if len(before) == 1 else [each for each in before if Path(each.file).name == file.path.name]
    headers = admit_headers(file, source.headers, taking.mapping, namesakes[0].headers if namesakes else None)
    # The same content as the last extract of the object is a fact with a new date and no new records.
    is_alone = len(before) == 1 and sum(each.object == file.object for each in folder.files) == 1
    is_repeat = is_alone and (before[0].sha256, before[0].mapping, before[0].extract) == (
        digest,
        read_as,
        file.extract,
    )
    repeats = before[0] if is_repeat else None
    if repeats is not None:
        _hold_to_promised_rows(file, repeats.rows_in)
    return _Taken(file, digest, read_as, source, headers, repeats, repeats.rows_in if repeats else 0)


def _read(taken: _Taken, folder: ExtractFolder, taking: Taking, keys: Keys) -> None:
    """Type all records of a file into hidden Parquet files."""
    file = taken.file
    plan = Plan.of(taking.mapping, file.object, taken.headers.match, taken.headers.attributes, taking.time_zone)
    content = hashlib.sha256(f"{file.name} {taken.digest} {taken.mapping_hash}".encode()).hexdigest()
    total = file.path.stat().st_size
    for chunk in taken.source.chunks():
        typed = cast(chunk, plan)
        if typed.frame.height + typed.refused_records != chunk.records:
            raise AssertionError(
                f"{file.name}: {chunk.records} records in, {typed.frame.height} loaded, {typed.refused_records} refused"
            )
        keys.add(typed.frame)
        for name, frame in _lake_frames(file, typed, taking.mapping):
            if name not in taken.writers:
                path = taking.shelf.lake / parquet_name(folder.crm, name, folder.extracted_at, content)
                taken.writers[name] = ParquetWriter(path)
            taken.writers[name].write(_with_lineage(frame, folder, file))
        if typed.refused.height:
            taken.refused.append(typed.refused)
        taken.rows_in += chunk.records
        taking.progress(Progress(file.object, file.name, taken.rows_in, chunk.bytes_read, total))
    for writer in taken.writers.values():
        writer.close()
    if taken.rows_in == 0 and file.promised_rows is None:
        raise ExtractRefused(
            f"inbox/{file.name}: has no record; export it again, or say in a manifest that it has 0 rows"
        )
    _hold_to_promised_rows(file, taken.rows_in)


def _lake_frames(file: ExtractFile, typed: Typed, mapping: CrmMapping) -> Iterator[tuple[str, pl.DataFrame]]:
    yield file.object, typed.frame
    if typed.attributes.height:
        yield file.object + ATTRIBUTES, typed.attributes
    changes = _stage_changes(file, typed, mapping)
    if changes is not None:
        yield "stage_changes", changes


def _refuse_duplicates(name: str, taken: Sequence[_Taken], keys: Keys, mapping: CrmMapping) -> None:
    written = [
        Loaded(
            each.writers[name].hidden,
            each.writers[name + ATTRIBUTES].hidden if name + ATTRIBUTES in each.writers else None,
        )
        for each in taken
    ]
    refused = refused_duplicates(written, keys, mapping.resolved_objects()[name])
    for each, duplicates in zip(taken, refused, strict=True):
        if duplicates.height:
            each.refused.append(duplicates)
            for writer in each.writers.values():
                writer.drop(duplicates[RECORD])


def _quarantine(taken: _Taken, folder: ExtractFolder, shelf: Shelf) -> None:
    if not taken.refused:
        return
    refused = taken.all_refused
    places = taken.source.places(refused[RECORD].unique().to_list())
    frame = quarantine.table(folder, taken.file, refused, places, taken.headers.personal)
    name = quarantine.stored_name(folder.crm, taken.file.object, folder.extracted_at, taken.file.name, taken.digest)
    write_parquet(shelf.quarantine / name, frame)


def _publish(taken: _Taken, shelf: Shelf) -> LedgerFile:
    file = taken.file
    if taken.repeats is not None:
        return replace(taken.repeats, file=file.name, warnings=taken.headers.warnings)
    for writer in taken.writers.values():
        writer.publish()
    loaded = taken.writers[file.object].rows
    if loaded + taken.rows_quarantined != taken.rows_in:
        raise AssertionError(f"{file.name}: {taken.rows_in} in, {loaded} loaded, {taken.rows_quarantined} quarantined")
    return LedgerFile(
        object=file.object,
        file=file.name,
        sha256=taken.digest,
        bytes=file.path.stat().st_size,
        rows_in=taken.rows_in,
        rows_loaded=loaded,
        rows_quarantined=taken.rows_quarantined,
        extract=file.extract,
        lake={name: str(writer.path.relative_to(shelf.lake)) for name, writer in taken.writers.items()},
        headers=taken.source.headers,
        mapping=taken.mapping_hash,
        warnings=taken.headers.warnings,
    )


def _discard(taken: _Taken) -> None:
    for writer in taken.writers.values():
        writer.discard()


def _hold_to_promise(file: ExtractFile, digest: str) -> None:
    size = file.path.stat().st_size
    if file.promised_bytes is not None and size != file.promised_bytes:
        raise ExtractRefused(
            f"inbox/{file.name}: has {size:,} bytes where its manifest promises {file.promised_bytes:,}; "
            f"it is cut or not yet whole: export it again"
        )
    if file.promised_sha256 is not None and digest != file.promised_sha256:
        raise ExtractRefused(
            f"inbox/{file.name}: is not the file that its manifest describes (sha256); export it again"
        )


def _hold_to_promised_rows(file: ExtractFile, rows_in: int) -> None:
    if file.promised_rows is not None and rows_in != file.promised_rows:
        raise ExtractRefused(
            f"inbox/{file.name}: has {rows_in:,} records where its manifest promises {file.promised_rows:,}; "
            f"it is cut or was written while the manifest was: export it again"
        )


def _last_files(file: ExtractFile, folder: ExtractFolder, accepted: Sequence[LedgerEntry]) -> Sequence[LedgerFile]:
    """The files of the same object in the last extract before this one that brought any."""
    earlier = (
        [each for each in entry.files if each.object == file.object]
        for entry in reversed(accepted)
        if entry.extracted_at < folder.extracted_at
    )
    return next((files for files in earlier if files), [])


def _rows_before(name: str, folder: ExtractFolder, accepted: Sequence[LedgerEntry]) -> int | None:
    """How many records of an object the last full extract before brought."""
    rows = [
        sum(each.rows_in for each in entry.files if each.object == name and each.extract == "full")
        for entry in accepted
        if entry.extracted_at < folder.extracted_at
    ]
    return next((each for each in reversed(rows) if each), None)


def _with_lineage(frame: pl.DataFrame, folder: ExtractFolder, file: ExtractFile) -> pl.DataFrame:
    """Each record with where it came from: when it was extracted, the file, and its number there."""
    return frame.select(
        pl.exclude(RECORD),
        pl.lit(folder.extracted_at).cast(pl.Datetime("us", "UTC")).alias("_extracted_at"),
        pl.lit(file.name).alias("_file"),
        pl.col(RECORD),
    )


def _stage_changes(file: ExtractFile, typed: Typed, mapping: CrmMapping) -> pl.DataFrame | None:
    """Columns that date a stage of the deal, as the changes of stage that they record."""
    dated = [each for each in mapping.stage_dates if each.object == file.object]
    if not dated:
        return None
    columns = mapping.resolved_objects()["stage_changes"].columns
    (key,) = mapping.resolved_objects()[file.object].key
    changes = pl.concat(
        typed.frame.filter(pl.col(each.column).is_not_null()).select(
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
