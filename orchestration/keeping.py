"""What nights keep in the lake, so that all else under the home can be made again from it.

Belongs here: where a page, the served tables and the standards of a night are kept, how they are shown to readers from
there, and what moves there from a home that an earlier version left. Not here: what they hold, and making them again
(`rebuilding`). A file that is shown is a hard link to the one that is kept: one file on disk under two names.
"""

from pathlib import Path

from orchestration.night import Home, Night, replace_file
from orchestration.warehouse import is_current, link_file, whole_folder


def keep_page(night: Night, page: Path, content: bytes) -> None:
    """Keep a page of the night and show it to readers under `page`; one that is the same is not touched."""
    kept = night.home.kept_reports / page.relative_to(night.home.reports)
    replace_file(kept, content)
    show(kept, page)


def show(kept: Path, shown: Path) -> None:
    """Make `shown` the kept file, in one step."""
    if not is_current(kept, shown):
        shown.parent.mkdir(parents=True, exist_ok=True)
        link_file(kept, shown)


def show_folder(kept: Path, shown: Path) -> None:
    """Make `shown` a folder of the kept files, in one step. A folder that is there is left as it is."""
    if shown.exists():
        return
    with whole_folder(shown) as building:
        for file in sorted(kept.iterdir()):
            link_file(file, building / file.name)


def keep_standards(night: Night, config_hash: str) -> None:
    """Keep what the company had decided when the night was made, once for all nights that were made by it."""
    kept = night.home.kept_standards(config_hash)
    if kept.exists():
        return
    with whole_folder(kept) as building:
        for file in sorted(night.standards.rglob("*.yml")):
            replace_file(building / file.relative_to(night.standards), file.read_bytes())


def settle(home: Home) -> None:
    """Move into the lake what an earlier version kept beside it; a home that has nothing of it is not touched.

    Whatever moves does so in one step, and what was moved already stays: a move that was cut off goes on the next time.
    """
    _move(home.root / "warehouse" / "nights", home.nights)
    _move(home.root / "alerts", home.alerts)
    _move(home.root / "quarantine", home.quarantine)
    if not home.kept_served.exists():
        for folder in sorted(home.served_parquet.glob("[0-9]*")):
            show_folder(folder, home.kept_served / folder.name)
    if not home.kept_reports.exists():
        for page in sorted(home.reports.glob("[0-9]*/*.html")):
            show(page, home.kept_reports / page.relative_to(home.reports))


def _move(before: Path, now: Path) -> None:
    if not before.is_dir():
        return
    now.mkdir(parents=True, exist_ok=True)
    for each in sorted(before.iterdir()):
        if (now / each.name).is_dir() and each.is_dir():
            _move(each, now / each.name)
        elif not (now / each.name).exists():
            each.rename(now / each.name)
    if not any(before.iterdir()):
        before.rmdir()
