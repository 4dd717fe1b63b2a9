"""One small world for the tests of the demo company, and readers of what it writes."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from orchestration.demo.world import World, simulate

SEED = 20260101
SINCE = date(2023, 11, 1)
UNTIL = date(2026, 11, 22)


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(SEED, 3000, SINCE)


@pytest.fixture(scope="session")
def large_world() -> World:
    """Enough deals that what the model does on average shows."""
    return simulate(SEED, 20_000, SINCE)


def read_text(path: Path) -> pl.DataFrame:
    """A CSV as it stands, every field as text."""
    return pl.read_csv(path, infer_schema=False)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}
