"""Small helpers that turn arrays of codes into the columns of a world. No knowledge of deals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Array = npt.NDArray[Any]
Ints = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]


class Rows:
    """Blocks of equally named arrays, gathered while a world is lived and joined once at its end."""

    def __init__(self) -> None:
        self._blocks: list[dict[str, Array]] = []

    def add(self, keep: Array, **columns: Any) -> None:
        """Gather the rows of a block where `keep` is true; a single value stands for all rows."""
        size = keep.shape
        self._blocks.append({name: np.broadcast_to(values, size)[keep] for name, values in columns.items()})

    def joined(self) -> dict[str, Array]:
        """All gathered rows, in the order of their blocks; the blocks are given up to free their memory."""
        names = list(self._blocks[0])
        joined = {name: np.concatenate([block.pop(name) for block in self._blocks]) for name in names}
        self._blocks = []
        return joined


def labels(codes: Array, names: Sequence[str]) -> pl.Series:
    """Codes as an enumeration of names; a negative code is null."""
    return _present(pl.Series(codes.astype(np.int16))).cast(pl.UInt8).cat.to(pl.Enum(list(names)))


def known(values: Array, missing: Array) -> pl.Series:
    """Values, null where `missing` is true."""
    return pl.select(pl.when(pl.Series(~missing)).then(pl.Series(values))).to_series()


def instants(seconds: Array) -> pl.Series:
    """UTC instants of seconds since 1970; a negative second is null."""
    micros = _present(pl.Series(seconds.astype(np.int64))) * 1_000_000
    return micros.cast(pl.Datetime("us", "UTC"))


def dates(days: Array) -> pl.Series:
    """Dates of days since 1970; a negative day is null."""
    return _present(pl.Series(days.astype(np.int32))).cast(pl.Date)


def _present(series: pl.Series) -> pl.Series:
    return pl.select(pl.when(series >= 0).then(series)).to_series()
