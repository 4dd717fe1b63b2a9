"""What methods say of past as-of dates, kept from one night to the next, so that it need not be worked out again.

Belongs here: what an answer depends on, as a fingerprint, and the form it is kept in. Not here: the answers
(`backtest.py`), where they are kept, what came of them.

A cache and nothing else: with it, without it and with half of it the same rows come out. An answer is taken again only
for the very inputs, methods, draws and code that it was made of, and only the dates of tonight's history are kept on.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import version

import polars as pl

from orchestration.forecasting.inputs import ForecastInputs

# One row per past as-of date. An answer is two frames, each as the bytes of a Parquet file, so that a row is whole.
KEPT = {"fingerprint": pl.String(), "spoken": pl.Binary(), "chances": pl.Binary()}

# Another version of these may draw or add otherwise.
_LIBRARIES = ("numpy", "polars", "scikit-learn", "scipy")


@dataclass(frozen=True, eq=False)
class SaidThen:
    """What methods say on one as-of date, whatever came of it.

    spoken: rows of backtest.SPOKEN. chances: one row per method and open deal: method, deal_key, funnel, `eventual`
        (the chance to be won in the end), and the chance by the end of the period of each of backtest.QUESTIONS.
    """

    spoken: pl.DataFrame
    chances: pl.DataFrame

    def kept_as(self, fingerprint: str) -> tuple[str, bytes, bytes]:
        return fingerprint, _bytes(self.spoken, "zstd"), _bytes(self.chances, "zstd")


def fingerprint(inputs: ForecastInputs, code: str, methods: Sequence[str], draws: int) -> str:
    """A hash of all that an answer depends on. `code` stands for the text of the program that gives it."""
    digest = hashlib.sha256(repr((code, _libraries(), list(methods), draws)).encode())
    for each in fields(inputs):
        value = getattr(inputs, each.name)
        told = _bytes(value, "uncompressed") if isinstance(value, pl.DataFrame) else repr(value).encode()
        digest.update(f"{each.name} {len(told)} ".encode())
        digest.update(told)
    return digest.hexdigest()


def known_answers(kept: pl.DataFrame | None) -> dict[str, SaidThen]:
    """Answers by fingerprint, from rows of KEPT; none of a table of another form."""
    if kept is None or dict(kept.schema) != KEPT:
        return {}
    return {
        key: SaidThen(pl.read_parquet(spoken), pl.read_parquet(chances)) for key, spoken, chances in kept.iter_rows()
    }


@cache
def _libraries() -> list[str]:
    return [f"{name} {version(name)}" for name in _LIBRARIES]


def _bytes(frame: pl.DataFrame, compression: str) -> bytes:
    """Equal frames give equal bytes."""
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(buffer, compression=compression, statistics=False)  # type: ignore[arg-type]
    return buffer.getvalue()
