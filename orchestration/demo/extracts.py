"""Tells the demo company's world as its CRM would, night by night: first everything, then what changed each day.

Chooses rows and writes files. A row is told as it stood at the end of that business date: no fact, state or
outcome of a later day is in it. How a row looks is the business of `render`.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from orchestration.demo import render
from orchestration.demo.calendar import end_of
from orchestration.demo.files import create_folder_atomically, sha256
from orchestration.demo.world import World

CRM = "generic"
MANIFEST = "manifest.json"
# Rows written at a time: bounds the memory that text takes.
CHUNK_ROWS = 500_000
INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S+08:00"

# (after, until): what became known after the one day's end and by the other's; `after` None tells everything.
Window = tuple[date | None, date]
Chosen = Callable[[World, Window], pl.DataFrame]
Rendered = Callable[[World, pl.DataFrame], pl.DataFrame]


def write(world: World, inbox: Path, until: date, nights: int) -> list[Path]:
    """Write the extracts of the last `nights` business dates up to `until`, or those that are not there yet.

    Where the inbox holds extracts already, deltas go on from the last of them, however many nights that takes,
    because a night left out would lose its changes. Existing folders are left alone. A night on which nothing
    changed has no folder. Gives the folders written, oldest first.

    Raises:
        ValueError: `nights` is below 1, or the world does not reach the days asked for.
    """
    if nights < 1:
        raise ValueError(f"nights is {nights}: at least one night is written")
    first_night = until - timedelta(days=nights - 1)
    if first_night < world.since or until > world.until:
        raise ValueError(
            f"the demo company's world runs from {world.since} to {world.until}; "
            f"{first_night} to {until} is not within it"
        )
    root = inbox / CRM
    told = told_nights(inbox)
    written = []
    if not told:
        written += _write_night(world, root, (None, first_night))
    last = told[-1] if told else first_night
    for number in range(1, (until - last).days + 1):
        night = last + timedelta(days=number)
        written += _write_night(world, root, (night - timedelta(days=1), night))
    return written


def told_nights(inbox: Path) -> list[date]:
    """The business dates that the inbox holds extracts of, oldest first.

    Raises:
        ValueError: a folder whose name is no date; it is none of the demo company's.
    """
    folders = [each for each in (inbox / CRM).glob("*") if each.is_dir() and not each.name.startswith(".")]
    return sorted(date.fromisoformat(each.name) for each in folders)


def rows_written(folders: list[Path]) -> dict[str, int]:
    """Rows of each object in these folders, by their manifests; an object without rows has 0."""
    rows = dict.fromkeys(OBJECTS, 0)
    for folder in folders:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, promised in manifest["files"].items():
            rows[Path(name).stem] += promised["rows"]
    return rows


def object_rows(world: World, name: str, window: Window) -> pl.DataFrame:
    """The rows of one object that a window tells, in the columns of the neutral layout."""
    chosen, rendered = OBJECTS[name]
    return rendered(world, chosen(world, window))


def _write_night(world: World, root: Path, window: Window) -> list[Path]:
    after, night = window
    chosen = {name: choose(world, window) for name, (choose, _) in OBJECTS.items()} if after else None
    if chosen is not None and all(rows.is_empty() for rows in chosen.values()):
        return []
    folder = root / night.isoformat()
    kind = "full" if after is None else "delta"

    def fill(temporary: Path) -> None:
        files: dict[str, Any] = {}
        for name, (choose, rendered) in OBJECTS.items():
            rows = chosen[name] if chosen is not None else choose(world, window)
            path = temporary / f"{name}.csv"
            count = _write_csv(path, (rendered(world, chunk) for chunk in rows.iter_slices(CHUNK_ROWS)))
            if count:
                files[path.name] = {
                    "rows": count,
                    "bytes": path.stat().st_size,
                    "sha256": sha256(path),
                    "extract": kind,
                }
        manifest = json.dumps({"extract": kind, "files": files}, indent=2, sort_keys=True)
        (temporary / MANIFEST).write_text(manifest + "\n", encoding="utf-8")

    create_folder_atomically(folder, fill)
    return [folder]


def _write_csv(path: Path, chunks: Iterator[pl.DataFrame]) -> int:
    """Write chunks to one file and count their rows; no rows, no file."""
    count = 0
    with path.open("wb") as file:
        for chunk in chunks:
            chunk.write_csv(file, include_header=count == 0, datetime_format=INSTANT_FORMAT)
            count += chunk.height
    if count == 0:
        path.unlink()
    return count


# Which rows a window tells


def _between(column: str, window: Window) -> pl.Expr:
    after, until = window
    by_end = pl.col(column) < end_of(until)
    return by_end if after is None else by_end & (pl.col(column) >= end_of(after))


def _prefix(rows: pl.DataFrame, column: str, window: Window) -> pl.DataFrame:
    """The rows of a window, of a table in the order of `column`, with their row numbers as `row`."""
    after, until = window
    first = 0 if after is None else int(rows[column].search_sorted(end_of(after), side="left"))
    last = int(rows[column].search_sorted(end_of(until), side="left"))
    chosen = rows.slice(first, last - first)
    return chosen.with_columns(pl.int_range(first, last, dtype=pl.Int32).alias("row"))


def _deals(world: World, window: Window) -> pl.DataFrame:
    """The last change of each deal that changed within the window."""
    rows = _prefix(world.changes, "changed_at", window)
    deal = rows["deal"].to_numpy()
    last = np.full(world.deals.height, -1, dtype=np.int32)
    # Of repeated indices NumPy keeps the last assigned, and changes are in order of time.
    last[deal] = np.arange(deal.size, dtype=np.int32)
    return rows[last[last >= 0]]


def _stage_changes(world: World, window: Window) -> pl.DataFrame:
    rows = _prefix(world.changes, "changed_at", window).rename({"row": "change"})
    return rows.filter(pl.col("kind") != "deleted")


def _field_changes(world: World, window: Window) -> pl.DataFrame:
    rows = _prefix(world.changes, "changed_at", window).filter(pl.col("previous") >= 0)
    before = rows["previous"]
    amount_before = world.changes["amount"].gather(before)
    close_before = world.changes["close_on"].gather(before)
    return rows.filter(rows["amount"].ne_missing(amount_before) | (rows["close_on"] != close_before))


def _activities(world: World, window: Window) -> pl.DataFrame:
    return _prefix(world.activities, "known_at", window).rename({"row": "activity"})


def _evidence(world: World, window: Window) -> pl.DataFrame:
    return _prefix(world.evidence, "known_at", window).rename({"row": "fact"})


def _contact_roles(world: World, window: Window) -> pl.DataFrame:
    rows = world.contact_roles.filter(_between("known_at", window) | _between("removed_at", window))
    return _hide_later(rows, window, "removed_at")


def _leads(world: World, window: Window) -> pl.DataFrame:
    told = _between("known_at", window) | _between("worked_at", window) | _between("resolved_at", window)
    rows = world.leads.with_row_index("lead").filter(told)
    return _hide_later(rows, window, "worked_at", "resolved_at")


def _hide_later(rows: pl.DataFrame, window: Window, *columns: str) -> pl.DataFrame:
    end = end_of(window[1])
    return rows.with_columns(pl.when(pl.col(each) < end).then(pl.col(each)) for each in columns)


def _accounts(world: World, window: Window) -> pl.DataFrame:
    return _prefix(world.accounts, "known_at", window)


def _users(world: World, window: Window) -> pl.DataFrame:
    """Everybody was there from the start."""
    return world.users if window[0] is None else world.users.clear()


def _targets(world: World, window: Window) -> pl.DataFrame:
    return world.targets.filter(_on("known_on", window))


def _fx_rates(world: World, window: Window) -> pl.DataFrame:
    return world.fx_rates.filter(_on("rate_date", window))


def _on(column: str, window: Window) -> pl.Expr:
    after, until = window
    return pl.col(column) <= until if after is None else pl.col(column).is_between(after, until, closed="right")


OBJECTS: dict[str, tuple[Chosen, Rendered]] = {
    "deals": (_deals, render.deals),
    "stage_changes": (_stage_changes, render.stage_changes),
    "field_changes": (_field_changes, render.field_changes),
    "activities": (_activities, render.activities),
    "evidence": (_evidence, render.evidence),
    "contact_roles": (_contact_roles, render.contact_roles),
    "accounts": (_accounts, render.accounts),
    "leads": (_leads, render.leads),
    "users": (_users, render.users),
    "targets": (_targets, render.targets),
    "fx_rates": (_fx_rates, render.fx_rates),
}
