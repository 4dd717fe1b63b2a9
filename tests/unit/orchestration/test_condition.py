"""What the doctor says of the machine: one sentence for each thing, and whether a night would run."""

import os
from datetime import date
from pathlib import Path

import pytest
from other_processes import holding
from publisher import NIGHTS, TABLES, publish_files

from orchestration import condition, serving
from orchestration.condition import GIGABYTE, Finding
from orchestration.night import Home, Night

LOCKED = {"duckdb": "1.5.5", "polars": "2.1.0"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with one published night."""
    monkeypatch.setattr(serving, "PUBLISHED", {table.name: table for table in (*TABLES, NIGHTS)})
    publish_files(Night(date(2026, 1, 1), "UTC", Home(tmp_path), tmp_path), rows=5)
    return Home(tmp_path)


def test_versions_are_those_of_the_lock_or_named() -> None:
    assert condition.versions(LOCKED, LOCKED).kind == "fine"
    other = condition.versions({"duckdb": "1.4.0"}, LOCKED)
    assert other.kind == "warning"
    assert other.sentence.startswith(
        "duckdb is 1.4.0 and should be 1.5.5, polars is missing and should be 2.1.0; install"
    )
    assert condition.versions(LOCKED, {}).sentence.endswith("with no uv.lock to compare them with")


def test_the_lock_of_this_repository_is_read() -> None:
    found = condition._locked(condition.PROJECT / "uv.lock")
    assert set(condition.COMPARED) <= set(found)


def test_a_full_disk_is_a_fault_and_room_is_judged_by_the_last_night(home: Home) -> None:
    assert condition.disk(home, GIGABYTE).kind == "fine"
    little = condition.disk(home, GIGABYTE - 1)
    assert little.kind == "fault"
    assert "1.0 GB needed for a night: make room" in little.sentence
    with home.warehouse.open("r+b") as file:
        # A sparse file of half a gigabyte; four times that is more than the least.
        file.truncate(GIGABYTE // 2)
    assert condition.disk(home, GIGABYTE).kind == "fault"


def test_a_file_of_the_inbox_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    folder = home.inbox / "generic" / "2026-01-01"
    folder.mkdir(parents=True)
    for name in ("deals.csv", "users.csv"):
        (folder / name).write_text("deal_id\n")
    assert [found.kind for found in condition.access(home)] == ["fine"]
    # Root reads everything, so the system's answer is played.
    asked = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "deals" not in str(path) and asked(path, mode))
    (found,) = condition.access(home)
    assert (found.subject, found.kind) == ("Inbox", "refused")
    assert found.sentence == f"{folder / 'deals.csv'} cannot be read by this user; let it read the inbox"


def test_a_home_that_cannot_be_written_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    found = list(condition.access(Home(tmp_path / "not" / "there" / "yet")))
    assert found[0] == Finding(
        "Home", f"{tmp_path} cannot be written by this user; a night keeps its state there", "fault"
    )


def test_a_run_that_is_under_way_is_named(home: Home) -> None:
    assert condition.lock(home) == Finding("Lock", "free: no run is under way")
    with holding(home.lock, "stageproof night") as other:
        found = condition.lock(home)
    assert found.kind == "warning"
    assert found.sentence.startswith(f"stageproof night is running (pid {other.pid} on ")


def test_what_readers_get_is_the_latest_night_whole(home: Home) -> None:
    current = home.served / "stageproof.duckdb"
    # The small tables of this test have an id in `nights` as served ones have.
    assert condition.served(home).kind == "fine"
    assert condition.served(home).sentence.startswith("the night of 2026-01-01 (202601010000)")
    current.unlink()
    assert condition.served(home).sentence == f"{current} is missing; make it again: stageproof rebuild"
    current.write_bytes(b"no database at all, however long one looks at it" * 100)
    broken = condition.served(home)
    assert broken.kind == "fault"
    assert f"{current} cannot be read (" in broken.sentence


def test_readers_who_were_left_with_an_earlier_night_are_told_of(home: Home) -> None:
    publish_files(Night(date(2026, 1, 2), "UTC", home, home.root), rows=5, is_switched=False)
    found = condition.served(home)
    assert found.kind == "fault"
    assert "holds another night than that of 2026-01-02; make it again: stageproof rebuild" in found.sentence


def test_before_the_first_night_nothing_is_wrong(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert condition.served(home).kind == "fine"
    assert condition.punctuality(home, date(2026, 1, 1)).sentence == "the night of 2026-01-01 may run: stageproof night"


def test_nights_that_are_due_are_counted(home: Home) -> None:
    assert condition.punctuality(home, date(2026, 1, 1)).kind == "fine"
    assert condition.punctuality(home, date(2026, 1, 2)).sentence.startswith("1 night is due, the latest is that of 20")
    late = condition.punctuality(home, date(2026, 1, 4))
    assert (late.kind, late.sentence[:17]) == ("warning", "3 nights are due,")


def test_everything_is_looked_at_and_nothing_is_changed(home: Home) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*")}
    found = list(condition.look(home, date(2026, 1, 1)))
    assert [each.subject for each in found] == ["Versions", "Disk", "Inbox", "Lock", "Served", "Schedule"]
    assert all("\n" not in each.sentence for each in found)
    assert {path: path.stat().st_mtime_ns for path in home.root.rglob("*")} == before
