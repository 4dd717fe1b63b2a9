"""Finds records whose key stands more than once among the files of one object in one extract.

Where all say the same, the first is kept. Where the CRM's own stamp tells which is newer, all are kept as versions.
Where they differ and nothing tells which is right, none is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from orchestration.ingest.casting import record_id
from orchestration.ingest.mapping import ObjectMapping
from orchestration.ingest.reading import RECORD, REFUSED_SCHEMA

FILE = "_file_number"
MOST_RECORDS = 1 << 40


@dataclass
class Keys:
    """The hashed keys of all records of one object that one extract brings. Eight bytes for each record."""

    key: Sequence[str]
    hashes: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: pl.DataFrame) -> None:
        self.hashes.append(frame.select(self.key).hash_rows().to_numpy())

    def repeated(self) -> pl.Series:
        """Hashes that stand more than once: those of repeated keys, and by rare chance of two different ones."""
        every = np.concatenate(self.hashes) if self.hashes else np.array([], dtype=np.uint64)
        every.sort()
        return pl.Series(np.unique(every[1:][every[1:] == every[:-1]]), dtype=pl.UInt64)


@dataclass(frozen=True)
class Loaded:
    """The typed records of one file and their attributes, as written: two Parquet files, the second if there is one."""

    records: Path
    attributes: Path | None


def refused_duplicates(files: Sequence[Loaded], keys: Keys, each: ObjectMapping) -> list[pl.DataFrame]:
    """What is refused of each file: `_record`, `column`, `reason`, `value`."""
    hashes = keys.repeated()
    if hashes.is_empty():
        return [pl.DataFrame(schema=REFUSED_SCHEMA) for _ in files]
    again = pl.concat([_repeated(number, file, hashes, each) for number, file in enumerate(files)])
    judged = _judged(again, [*each.key, *([each.newest_by] if each.newest_by else [])])
    refused = judged.select(
        FILE,
        RECORD,
        pl.lit(",".join(each.key)).alias("column"),
        "reason",
        record_id(each.key).alias("value"),
    )
    return [refused.filter(pl.col(FILE) == number).drop(FILE).sort(RECORD) for number in range(len(files))]


def _repeated(number: int, file: Loaded, hashes: pl.Series, each: ObjectMapping) -> pl.DataFrame:
    """The records of one file whose key may stand again, with their attributes as one column."""
    frame = pl.read_parquet(file.records).drop("_extracted_at", "_file")
    frame = frame.filter(frame.select(each.key).hash_rows().is_in(hashes.implode()))
    tall = pl.DataFrame(schema={RECORD: pl.Int64(), "_attributes": pl.List(pl.String())})
    if file.attributes is not None:
        tall = (
            pl.scan_parquet(file.attributes)
            .filter(pl.col(RECORD).is_in(frame[RECORD].implode()))
            .select(
                RECORD, pl.format("{}={}", "attribute", pl.col("attribute_value").fill_null("")).alias("_attributes")
            )
            .group_by(RECORD)
            .agg(pl.col("_attributes").sort())
            .collect()
        )
    return frame.join(tall, on=RECORD, how="left").with_columns(pl.lit(number).alias(FILE))


def _judged(again: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    said = [column for column in again.columns if column not in (RECORD, FILE)]
    again = again.with_columns((pl.col(FILE).cast(pl.Int64) * MOST_RECORDS + pl.col(RECORD)).alias("_place"))
    spread = again.group_by(key).agg(
        pl.len().alias("_times"),
        pl.struct(said).n_unique().alias("_versions"),
        pl.col("_place").min().alias("_first"),
    )
    return (
        again.join(spread, on=key, nulls_equal=True)
        .filter((pl.col("_times") > 1) & ((pl.col("_versions") > 1) | (pl.col("_place") != pl.col("_first"))))
        .with_columns(
            pl.when(pl.col("_versions") > 1)
            .then(pl.lit("conflicting_duplicate"))
            .otherwise(pl.lit("repeated_record"))
            .alias("reason")
        )
    )
