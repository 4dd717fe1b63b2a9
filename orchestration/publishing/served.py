"""Served tables as a page reads them: in the types that the page counts on, whatever version published them.

Belongs here: what a page says it reads, and reading it; pure. Not here: which tables any page reads (its `reading`),
what is made of them. A table that is not there is empty, and a column that is not there is null, so that a page can be
made of a night that a younger or an older version published. Columns that say which row it is and how much must be
there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl


@dataclass(frozen=True)
class Reading:
    """What a page reads of a table.

    needed: columns without which a row means nothing; known: those that may be missing.
    """

    needed: Mapping[str, pl.DataType]
    known: Mapping[str, pl.DataType]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        return {**self.needed, **self.known}


def columns(kind: pl.DataType, names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names.split(), kind)


def read(
    readings: Mapping[str, Reading],
    served: Mapping[str, pl.DataFrame],
    business_date: date,
    *,
    page: str,
    refusal: type[Exception],
) -> dict[str, pl.DataFrame]:
    """Every table of `readings` with all of its columns in their types; of those by night, the rows of this one.

    page: what an error calls it.

    Raises:
        refusal: a table lacks a column without which its rows mean nothing.
    """
    tables: dict[str, pl.DataFrame] = {}
    # A table of which only the last night's is kept need not say of which it is.
    tonight = pl.col("business_date").is_null() | (pl.col("business_date") == business_date)
    for name, reading in readings.items():
        frame = served.get(name)
        missing = [] if frame is None else sorted(set(reading.needed) - set(frame.columns))
        if missing:
            raise refusal(f"{name} has no column {', '.join(missing)}; the {page} reads it")
        found = _in_types(reading, frame)
        tables[name] = found.filter(tonight) if name != "nights" and "business_date" in reading.schema else found
    return tables


def _in_types(reading: Reading, frame: pl.DataFrame | None) -> pl.DataFrame:
    if frame is None:
        return pl.DataFrame(schema=reading.schema)
    absent = [pl.lit(None, kind).alias(column) for column, kind in reading.known.items() if column not in frame.columns]
    return frame.with_columns(absent).select(pl.col(column).cast(kind) for column, kind in reading.schema.items())
