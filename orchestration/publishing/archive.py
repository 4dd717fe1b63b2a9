"""What published nights leave for the nights after them: their violations, rule results and forecasts, as Parquet.

One folder a night, written when the night is published and never changed by a later one. No rule and no
database: `quality` decides what a violation becomes, the warehouse serves it.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl


def content(frame: pl.DataFrame) -> bytes:
    """The Parquet bytes of a frame; equal frames give equal bytes."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue()


def history(folders: Sequence[Path], name: str) -> pl.DataFrame | None:
    """All rows that earlier nights archived under a name, oldest night first; null where none did.

    Rows carry their `business_date`. A column that a later version of the product added is null before it.
    """
    files = [folder / f"{name}.parquet" for folder in folders if (folder / f"{name}.parquet").exists()]
    return pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed") if files else None


def latest(states: pl.DataFrame, key: str) -> pl.DataFrame:
    """The newest row of each key, by `business_date`; rows in the order of the key."""
    return states.sort("business_date").unique(subset=key, keep="last", maintain_order=True).sort(key)
