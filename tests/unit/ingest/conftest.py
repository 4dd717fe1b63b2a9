"""What the tests of the ingest room share: the fixtures, one flaw in each, and a shelf to load them on."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.taking import Shelf

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "extracts" / "generic"
AS_OF = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(inbox=tmp_path / "inbox", lake=tmp_path / "lake", quarantine=tmp_path / "quarantine")


@pytest.fixture
def neutral() -> CrmMapping:
    """The neutral layout; refusals of records are told by the quarantine and do not refuse the file."""
    return CrmMapping(
        crm="generic",
        layout="neutral",
        without_manifest="full",
        unknown_columns="refuse",
        max_quarantined_share=1,
        stable_for_seconds=0,
    )


@pytest.fixture
def put(shelf: Shelf) -> Callable[..., Path]:
    """Put a fixture, or a text, into the inbox as the deals of one day."""

    def place(content: str, day: str = "2026-03-31", name: str = "deals.csv") -> Path:
        target = shelf.inbox / "generic" / day / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if content.endswith(".csv") and "\n" not in content:
            shutil.copy(FIXTURES / content, target)
        else:
            target.write_text(content, encoding="utf-8")
        return target

    return place
