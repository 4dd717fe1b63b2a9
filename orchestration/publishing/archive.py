"""What published nights leave for the nights after them: their violations, rule results and forecasts, as Parquet.

One folder a night, written when the night is published and never changed by a later one. A night that is published
again leaves what it finds now, but its forecast stays what it first said: what it says now stands beside it. No rule
and no database: `quality` decides what a violation becomes, the warehouse serves it.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

# What a night said when it was first published, and what it said last where that is another forecast.
FIRST_WORD, LATER_WORD = "forecast_period", "forecast_period_again"
# One row per owner and period of every night, for ever: they are served of tonight alone.
_NOT_KEPT = "owner"


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


def words(folders: Sequence[Path]) -> pl.DataFrame | None:
    """What earlier nights first said they expect, as `kept` of it, oldest night first; null where none said anything.

    `is_republished`: the night has been published again since, with another forecast.
    """
    said = history(folders, FIRST_WORD)
    again = [folder.name for folder in folders if (folder / f"{LATER_WORD}.parquet").exists()]
    is_republished = pl.col("business_date").cast(pl.String).is_in(again)
    return None if said is None else kept(said).with_columns(is_republished=is_republished)


def kept(said: pl.DataFrame) -> pl.DataFrame:
    """The rows of `forecast_period` that later nights have of a night: those of every scope but owners."""
    return said.filter(pl.col("scope").ne_missing(_NOT_KEPT)) if "scope" in said.columns else said


def name_of_word(folder: Path, said: pl.DataFrame, *, is_published: bool) -> str | None:
    """Under which name a night leaves its forecast; null where it says again what it first said.

    folder: its archive. said: rows of `forecast_period`. is_published: whether it has been published before; a run that
    stopped short of that told nobody, and what it left is no word.
    """
    if not is_published:
        return FIRST_WORD
    first = folder / f"{FIRST_WORD}.parquet"
    is_first = first.exists() and _is_same(kept(pl.read_parquet(first)), kept(said))
    return None if is_first else LATER_WORD


def _is_same(before: pl.DataFrame, now: pl.DataFrame) -> bool:
    """Whether two forecasts agree, in whatever order, on all columns that both have."""
    shared = [name for name in before.columns if name in now.columns]
    return before.select(shared).sort(shared).equals(now.select(shared).sort(shared))


def latest(states: pl.DataFrame, key: str) -> pl.DataFrame:
    """The newest row of each key, by `business_date`; rows in the order of the key."""
    return states.sort("business_date").unique(subset=key, keep="last", maintain_order=True).sort(key)
