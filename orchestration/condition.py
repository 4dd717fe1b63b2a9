"""What of the machine a night stands on: disk, versions, lock, inbox, served file, and how many nights are due.

Belongs here: looking at it and one sentence about each thing. Nothing is changed and no clock is read. Not here:
whether extracts, alerts or a server are in order (`opening`, `alerting`, `serving`).
"""

import os
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from orchestration.ingest.locking import holder
from orchestration.night import PROJECT, Home, published_archives, read_record
from orchestration.warehouse import read_served

# What decides what a night computes, or whether others can read it.
COMPARED = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "polars", "pyarrow")
GIGABYTE = 1_000_000_000
# A night writes its warehouse anew beside temporary files of about the same size, and serves it twice.
TIMES_OF_THE_LAST_NIGHT = 4

Kind = Literal["fine", "warning", "refused", "fault"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. kind: fine; warning, a night runs all the same; refused or fault, it would not."""

    subject: str
    sentence: str
    kind: Kind = "fine"


def look(home: Home, last_over: date) -> Iterator[Finding]:
    """All findings. last_over: the last business date that is over."""
    yield versions(_installed(), _locked(PROJECT / "uv.lock"))
    yield disk(home, shutil.disk_usage(_there(home.root)).free)
    yield from access(home)
    yield lock(home)
    yield served(home)
    yield punctuality(home, last_over)


def versions(installed: Mapping[str, str], locked: Mapping[str, str]) -> Finding:
    """Whether the libraries are those of the lock; both by name."""
    python = ".".join(map(str, sys.version_info[:3]))
    wrong = [
        f"{name} is {installed.get(name, 'missing')} and should be {locked[name]}"
        for name in COMPARED
        if name in locked and installed.get(name) != locked[name]
    ]
    if wrong:
        return Finding("Versions", f"{', '.join(wrong)}; install what uv.lock says: make .venv/installed", "warning")
    told = ", ".join(f"{name} {installed[name]}" for name in COMPARED if name in installed)
    compared = "as in uv.lock" if locked else "with no uv.lock to compare them with"
    return Finding("Versions", f"Python {python}, {told}, {compared}")


def disk(home: Home, free_bytes: int) -> Finding:
    """Whether there is room for a night like the last one."""
    files = [home.warehouse, home.served_file]
    last = sum(file.stat().st_size for file in files if file.exists())
    needed = max(GIGABYTE, TIMES_OF_THE_LAST_NIGHT * last)
    free, need = f"{free_bytes / GIGABYTE:,.1f}", f"{needed / GIGABYTE:,.1f}"
    sizes = f"{free} GB free under {home.root}, about {need} GB needed for a night"
    if free_bytes < needed:
        return Finding("Disk", f"{sizes}: make room, or keep fewer nights in serving.yml", "fault")
    return Finding("Disk", sizes)


def access(home: Home) -> Iterator[Finding]:
    """Whether the home may be written and every file of the inbox read."""
    place = _there(home.root)
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding("Home", f"{place} cannot be written by this user; a night keeps its state there", "fault")
    unreadable = [
        path
        for path in (home.inbox, *sorted(home.inbox.glob("*")), *sorted(home.inbox.glob("*/*")), *_files(home.inbox))
        if path.exists() and not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0))
    ]
    if unreadable:
        more = f" and {len(unreadable) - 1:,} more" if len(unreadable) > 1 else ""
        yield Finding("Inbox", f"{unreadable[0]}{more} cannot be read by this user; let it read the inbox", "refused")
    else:
        yield Finding("Inbox", f"{len(list(_files(home.inbox))):,} files in {home.inbox}, all readable")


def lock(home: Home) -> Finding:
    """Whether a run could begin now."""
    held = holder(home.lock)
    return Finding("Lock", held, "warning") if held else Finding("Lock", "free: no run is under way")


def served(home: Home) -> Finding:
    """Whether readers get the latest published night, whole."""
    current, archives = home.served_file, published_archives(home)
    if not archives:
        return Finding("Served", "nothing yet, as no night is published")
    latest = read_record(archives[-1])
    again = "make it again: stageproof rebuild"
    if not current.exists():
        return Finding("Served", f"{current} is missing; {again}", "fault")
    try:
        ids = read_served(current, "nights", ["distinct night_id"])["night_id"].to_list()
    except Exception as error:
        # Whatever the database says of a file that is none: no module but the warehouse knows its errors.
        return Finding("Served", f"{current} cannot be read ({_first_line(error)}); {again}", "fault")
    if ids != [latest.night_id]:
        return Finding("Served", f"{current} holds another night than that of {latest.business_date}; {again}", "fault")
    return Finding(
        "Served", f"the night of {latest.business_date} ({latest.night_id}), {len(latest.table_rows)} tables"
    )


def punctuality(home: Home, last_over: date) -> Finding:
    """How many nights are due."""
    archives = published_archives(home)
    if not archives:
        return Finding("Schedule", f"the night of {last_over} may run: stageproof night")
    behind = (last_over - date.fromisoformat(archives[-1].name)).days
    if behind > 0:
        return Finding(
            "Schedule",
            f"{behind} {'night is' if behind == 1 else 'nights are'} due, the latest is that of {archives[-1].name};"
            " see what the schedule, the timer or cron said last",
            "warning",
        )
    return Finding("Schedule", f"the night of {archives[-1].name} is published, and no later one is due")


def _files(inbox: Path) -> Iterator[Path]:
    return (path for path in sorted(inbox.glob("*/*/*")) if path.is_file())


def _there(path: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return path if path.exists() else _there(path.parent)


def _installed() -> dict[str, str]:
    found = {}
    for name in COMPARED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _locked(lock_file: Path) -> dict[str, str]:
    """The versions in uv.lock by name; none where the product was installed without it."""
    if not lock_file.exists():
        return {}
    packages = tomllib.loads(lock_file.read_text(encoding="utf-8"))["package"]
    return {package["name"]: package["version"] for package in packages if "version" in package}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
