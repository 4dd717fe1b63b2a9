"""What changed from one extract to the next: history for CRMs that export none.

For each object with tracked columns, every accepted extract is compared with what was known before it. The result is
a Parquet file named by what was compared, so it is made once, and an extract that arrives late makes new ones for
those behind it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from orchestration.ingest.casting import TYPES
from orchestration.ingest.lake import LedgerEntry, entries, parquet_name, write_parquet
from orchestration.ingest.mapping import Column, CrmMapping, ObjectMapping
from orchestration.ingest.taking import ATTRIBUTES

OBSERVED = "_observed"
# The attributes of an object, compared as if they were an object of their own.
ATTRIBUTE_MAPPING = ObjectMapping(
    key=("record_id", "attribute"),
    columns={name: Column(type="text") for name in ("record_id", "attribute", "attribute_value")},
    tracked=("attribute_value",),
)
OBSERVED_COLUMNS = {"observed_at": "instant", "previous_observed_at": "instant", "is_present": "boolean"}


@dataclass(frozen=True)
class Comparison:
    """One extract of an object and what was known before it. `known`: files from the last full extract on."""

    extracted_at: datetime
    is_full: bool
    files: tuple[Path, ...]
    known: tuple[Path, ...]
    known_at: datetime | None
    path: Path


def observed_columns(each: ObjectMapping) -> dict[str, str]:
    """The columns of an object's observations with their mapping types."""
    names = dict.fromkeys([*each.key, *each.tracked, *([each.newest_by] if each.newest_by else [])])
    return {name: each.columns[name].type for name in names} | OBSERVED_COLUMNS


def observed_objects(mapping: CrmMapping) -> dict[str, ObjectMapping]:
    """What is compared from extract to extract, by name: objects with tracked columns, and attributes of some."""
    objects = {}
    for name, each in mapping.resolved_objects().items():
        if each.tracked:
            objects[name] = each
        if each.tracks_attributes:
            objects[name + ATTRIBUTES] = ATTRIBUTE_MAPPING
    return objects


def observe(lake: Path, mapping: CrmMapping, as_of_at: datetime) -> None:
    """Compare every extract known at `as_of_at` that was not compared with the same before."""
    accepted = entries(lake, mapping.crm)
    for name, each in observed_objects(mapping).items():
        for comparison in _comparisons(lake, accepted, name, each, as_of_at):
            if not comparison.path.exists():
                write_parquet(comparison.path, _observations(comparison, each))


def observation_files(
    lake: Path, accepted: Sequence[LedgerEntry], mapping: CrmMapping, name: str, as_of_at: datetime
) -> tuple[Path, ...]:
    """The observations of one object known at `as_of_at`, oldest first."""
    each = observed_objects(mapping)[name]
    return tuple(comparison.path for comparison in _comparisons(lake, accepted, name, each, as_of_at))


def _comparisons(
    lake: Path, accepted: Sequence[LedgerEntry], name: str, each: ObjectMapping, as_of_at: datetime
) -> Iterator[Comparison]:
    known: tuple[Path, ...] = ()
    known_at: datetime | None = None
    for entry in accepted:
        # A file whose records have no attribute any more leaves no attributes in the lake, and still ends them.
        made = [file for file in entry.files if name.removesuffix(ATTRIBUTES) in file.lake]
        if entry.extracted_at > as_of_at or not made:
            continue
        files = tuple(lake / file.lake[name] for file in made if name in file.lake)
        is_full = any(file.extract == "full" for file in made)
        parts = [*(str(path.relative_to(lake)) for path in (*known, *files)), str(is_full), repr(each)]
        content = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        path = lake / parquet_name(entry.crm, name + OBSERVED, entry.extracted_at, content)
        yield Comparison(entry.extracted_at, is_full, files, known, known_at, path)
        known = files if is_full else (*known, *files)
        known_at = entry.extracted_at


def _observations(comparison: Comparison, each: ObjectMapping) -> pl.DataFrame:
    """One row per record that appeared, changed in a tracked column, or is gone from a full extract.

    Columns: key, tracked, the stamp of the CRM, observed_at, previous_observed_at, is_present, _extracted_at, _file,
    _record; a record that is gone keeps what was last known of it.
    """
    key = list(each.key)
    before = _newest(comparison.known, each)
    brought = _newest(comparison.files, each)
    if comparison.is_full:
        after = brought
    else:
        # A delta may repeat what was known already, or an older version of it.
        touched = before.join(brought, on=key, how="semi", nulls_equal=True)
        after = _newest_of(pl.concat([touched, brought]), each)
    merged = after.join(before, on=key, how="left", suffix="_before", nulls_equal=True, coalesce=True)
    is_new = pl.col("_record_before").is_null()
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in each.tracked)
    changed = merged.filter(is_new | differs).select(before.columns).with_columns(is_present=pl.lit(value=True))
    gone = before.join(after, on=key, how="anti", nulls_equal=True).with_columns(is_present=pl.lit(value=False))
    observed = pl.concat([changed, gone]) if comparison.is_full else changed
    instant = TYPES["instant"]
    return (
        observed.with_columns(
            pl.lit(comparison.extracted_at).cast(instant).alias("observed_at"),
            pl.lit(comparison.known_at).cast(instant).alias("previous_observed_at"),
            pl.lit(comparison.extracted_at).cast(instant).alias("_extracted_at"),
        )
        .select(*observed_columns(each), "_extracted_at", "_file", "_record")
        .sort(key)
    )


def _newest(files: Sequence[Path], each: ObjectMapping) -> pl.DataFrame:
    """The newest version of each record in some lake files: key, tracked columns, stamp, lineage."""
    wanted = {name: TYPES[kind] for name, kind in observed_columns(each).items() if name not in OBSERVED_COLUMNS}
    lineage = {"_extracted_at": TYPES["instant"], "_file": pl.String(), "_record": pl.Int64()}
    if not files:
        return pl.DataFrame(schema=wanted | lineage)
    frames = []
    for path in files:
        stored = pl.scan_parquet(path)
        names = stored.collect_schema().names()
        # Files of before a mapping knew a column do not hold it.
        frames.append(
            stored.select(
                *(
                    pl.col(name) if name in names else pl.lit(None, dtype=kind).alias(name)
                    for name, kind in wanted.items()
                ),
                *lineage,
            )
        )
    return _newest_of(pl.concat(frames).collect(), each)


def _newest_of(versions: pl.DataFrame, each: ObjectMapping) -> pl.DataFrame:
    stamp = pl.coalesce(each.newest_by, "_extracted_at") if each.newest_by else pl.col("_extracted_at")
    ordered = versions.sort(stamp, "_extracted_at", "_file", "_record")
    return ordered.unique(subset=list(each.key), keep="last", maintain_order=True)
