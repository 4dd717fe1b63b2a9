"""What a night knows when it begins: the mappings, the extracts, and whether it was published already.

Joins the rooms `ingest` and `quality` for those who start a night, in Dagster or on the command line. Writes
nothing.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

import polars as pl

from orchestration.ingest import lake, load, mapping, quarantine
from orchestration.ingest.mapping import CrmMapping
from orchestration.night import (
    PROJECT,
    Night,
    NightRecord,
    as_of,
    code_version,
    fingerprint,
    published_archives,
    read_record,
)
from quality import standards as standards_files
from quality.standards import Standards


class InputRefused(Exception):
    """The night has nothing to work on; the sentence says what to do."""


def mappings(project: Path = PROJECT) -> dict[str, CrmMapping]:
    """The mapping of each CRM, from its `defs.yaml`, in the order of their names."""
    files = sorted((project / "orchestration" / "defs" / "ingest").glob("*/defs.yaml"))
    read = [_mapping(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    return {each.crm: each for each in read}


@cache
def _mapping(path: Path, modified_ns: int, size: int) -> CrmMapping:
    """A night asks for the mappings a dozen times; a file that was edited is read again."""
    return mapping.read(path)


def config_hash(night: Night) -> str:
    """A hash of what the company has decided and of how its CRMs are mapped."""
    digest = hashlib.sha256(standards_files.fingerprint(night.standards).encode())
    for crm, each in mappings().items():
        digest.update(f"{crm}{each.model_dump_json()}".encode())
    return digest.hexdigest()


def input_hash(night: Night) -> str:
    """A hash of every extract that the lake knows at as-of."""
    return lake.fingerprint(night.home.lake, list(mappings()), night.as_of_at)


def night_fingerprint(night: Night, version: str) -> str:
    """The hash of everything that makes the night, given what the lake holds now."""
    return fingerprint(night, config_hash(night), code_version(version), input_hash(night))


def is_published(night: Night, version: str) -> bool:
    """Whether running the night would publish again exactly what is published.

    Raises:
        InputRefused: there is no extract of deals at all that the night could know.
        ExtractRefused: an extract that waits in the inbox cannot be taken.
    """
    waiting = [
        folder
        for each in mappings().values()
        for folder in load.pending(night.home.shelf, each, night.time_zone, night.as_of_at)
    ]
    if not waiting:
        refuse_without_deals(night)
    return (
        not waiting
        and night.is_published
        and night.served_file.exists()
        and read_record(night.archive).fingerprint == night_fingerprint(night, version)
    )


def refuse_without_deals(night: Night) -> None:
    """Stop a night that knows no deals: empty tables would look like an empty funnel.

    Raises:
        InputRefused: no accepted extract known at as-of holds deals.
    """
    inputs = known_inputs(night)
    if inputs.filter((pl.col("feeds") == "deals") & pl.col("last_extracted_at").is_not_null()).is_empty():
        held = held_reasons(night)
        if held:
            raise InputRefused(f"No extract with deals is known at the end of {night.business_date}; held: {held[0]}")
        raise InputRefused(
            f"No extract with deals is known at the end of {night.business_date}: put one into "
            f"{night.home.inbox}/<crm>/{night.business_date}/, or try the product with: stageproof demo"
        )


def held_reasons(night: Night) -> list[str]:
    """Why each extract that the night had to do without is held, one sentence each."""
    return [held.reason for crm in mappings() for held in lake.held_extracts(night.home.lake, crm, night.as_of_at)]


def known_inputs(night: Night) -> pl.DataFrame:
    """One row per CRM, mapped object and neutral object that it feeds.

    Columns: crm, object, feeds, last_extracted_at (null where none), rows_known.
    """
    rows = [
        (crm, each.name, fed, each.last_extracted_at, each.rows)
        for crm, mapped in mappings().items()
        for objects in [mapped.resolved_objects()]
        for each in lake.known(night.home.lake, lake.entries(night.home.lake, crm), list(objects), night.as_of_at)
        for fed in objects[each.name].feeds or ()
    ]
    schema = {
        "crm": pl.String(),
        "object": pl.String(),
        "feeds": pl.String(),
        "last_extracted_at": pl.Datetime("us", "UTC"),
        "rows_known": pl.Int64(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def clock(night: Night) -> pl.DataFrame:
    """One row: business_date, as_of_at, and the as-of of the last published night before it (null on the first)."""
    previous = night.previous_business_date()
    schema = {
        "business_date": pl.Date(),
        "as_of_at": pl.Datetime("us", "UTC"),
        "previous_as_of_at": pl.Datetime("us", "UTC"),
    }
    before = as_of(previous, night.time_zone) if previous else None
    return pl.DataFrame([(night.business_date, night.as_of_at, before)], schema=schema, orient="row")


def loads_of_the_night(night: Night) -> pl.DataFrame:
    """One row per extract file taken since the night before this one: where it came from and what became of it.

    Columns: crm, object, file, extracted_at, rows_in, rows_loaded, rows_quarantined; told from the ledger, so a night
    that is run again counts the same.
    """
    previous = night.previous_business_date()
    since: datetime | None = as_of(previous, night.time_zone) if previous else None
    rows = [
        (crm, file.object, file.file, entry.extracted_at, file.rows_in, file.rows_loaded, file.rows_quarantined)
        for crm in mappings()
        for entry in lake.entries(night.home.lake, crm)
        if entry.extracted_at <= night.as_of_at and (since is None or entry.extracted_at > since)
        for file in entry.files
    ]
    schema = {
        "crm": pl.String(),
        "object": pl.String(),
        "file": pl.String(),
        "extracted_at": pl.Datetime("us", "UTC"),
        "rows_in": pl.Int64(),
        "rows_loaded": pl.Int64(),
        "rows_quarantined": pl.Int64(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def refused_records(night: Night) -> pl.DataFrame:
    """One row for each thing wrong with a record that the night does without, newest extract first.

    Columns: those of the quarantine; is_new, whether it came since the night before this one.
    """
    previous = night.previous_business_date()
    since = as_of(previous, night.time_zone) if previous else None
    refused = [
        quarantine.standing(night.home.quarantine, lake.entries(night.home.lake, crm), night.as_of_at)
        for crm in mappings()
    ]
    is_new = pl.lit(value=True) if since is None else pl.col("extracted_at") > since
    return pl.concat(refused).with_columns(is_new=is_new).sort("extracted_at", descending=True, maintain_order=True)


def records(night: Night) -> list[NightRecord]:
    """The records of the published nights before this one, oldest first."""
    return [read_record(folder) for folder in published_archives(night.home) if folder.name < str(night.business_date)]


def look(night: Night, standards: Standards) -> Iterator[str]:
    """What `stageproof doctor` says: one line for each thing that was checked.

    Raises:
        MappingRefused, ExtractRefused: on the first thing that would stop the next night.
    """
    stages = sum(len(version.stages) for funnel in standards.funnels for version in funnel.versions)
    rules = len(standards.rules)
    yield f"Standards   {len(standards.funnels)} funnels, {stages} stages, {rules} rules in {night.standards}"
    for crm, each in mappings().items():
        waiting = load.pending(night.home.shelf, each, night.time_zone, night.as_of_at)
        accepted = lake.entries(night.home.lake, crm)
        yield f"{crm:<12}{len(accepted)} extracts in the lake, {len(waiting)} waiting in the inbox"
    for reason in held_reasons(night):
        yield f"Held        {reason}"
    published = published_archives(night.home)
    yield f"Nights      {len(published)} published, the last {published[-1].name if published else 'never'}"
    yield f"Home        {night.home.root}"
