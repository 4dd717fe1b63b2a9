import sys
from datetime import date
from pathlib import Path

import pytest

from orchestration.demo.world import World, simulate

# The importlib mode of pytest puts no test folder on the path; the readers of extracts are shared by these tests.
sys.path.insert(0, str(Path(__file__).parent))

SEED = 20260101
SINCE = date(2023, 11, 1)


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(SEED, 3000, SINCE)


@pytest.fixture(scope="session")
def large_world() -> World:
    """Enough deals that what the model does on average shows."""
    return simulate(SEED, 20_000, SINCE)
