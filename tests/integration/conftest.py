"""Fixtures of the whole-night tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from clones import REAL_DATA, Clone, make_clone


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Clone]:
    """Makes a clone of the project in a folder of its own."""

    def make(company: str | None = None) -> Clone:
        return make_clone(tmp_path_factory.mktemp(company or "shipped"), company)

    return make


@pytest.fixture(scope="session")
def real_data() -> Path:
    if not REAL_DATA.is_dir():
        pytest.skip(f"the real data sets are not beside the project ({REAL_DATA})")
    return REAL_DATA
