"""Puts the demo company into a home: its extracts into the inbox, its truth beside it, and what it was made of.

The one function that the command line calls. It refuses to mix two worlds, or a world with somebody's own extracts.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from orchestration.demo.calendar import add_months
from orchestration.demo.extracts import CRM, rows_written, told_nights, write
from orchestration.demo.files import replace_atomically
from orchestration.demo.truth import write_truth
from orchestration.demo.world import WORLD_MONTHS, first_day, simulate

DEFAULT_SEED = 20260101
SETTINGS = "demo.json"
TRUTH = "demo_truth"


class DemoRefused(Exception):
    """The demo company cannot be written so; the sentence says why and what to do."""


@dataclass(frozen=True)
class DemoReport:
    """What was written: folders, oldest first (none where all nights were there), and rows of each object in them."""

    folders: tuple[Path, ...]
    rows: dict[str, int]


@dataclass(frozen=True)
class _Settings:
    seed: int
    deals: int
    since: date


def prepare(
    home: Path,
    until: date,
    *,
    deals: int = 3000,
    seed: int = DEFAULT_SEED,
    nights: int = 7,
    since: date | None = None,
) -> DemoReport:
    """Write the extracts of a demo company up to the business date `until`, or go on with those that are there.

    `deals` are created in the 36 months from `since`, by default the first of the month 36 months before
    `until`, and the world runs for 48. A later call with a later `until` adds the nights between.

    Raises:
        DemoRefused: the home holds another demo company or extracts of someone else, or the days asked for are
            outside its world.
    """
    inbox = home / "inbox"
    stored = _stored(home / SETTINGS)
    told = _told(inbox, stored)
    settings = stored or _Settings(seed, deals, since or first_day(until))
    _hold_to(settings, _Settings(seed, deals, since or settings.since), home)
    _hold_within(settings, until, nights, told)
    world = simulate(settings.seed, settings.deals, settings.since)
    home.mkdir(parents=True, exist_ok=True)
    if stored is None:
        replace_atomically(home / SETTINGS, lambda path: path.write_text(_as_json(settings), encoding="utf-8"))
        write_truth(world, home / TRUTH)
    folders = write(world, inbox, until, nights)
    return DemoReport(tuple(folders), rows_written(folders))


def _told(inbox: Path, stored: _Settings | None) -> list[date]:
    try:
        told = told_nights(inbox)
    except ValueError:
        told = None
    if told is None or (told and stored is None):
        raise DemoRefused(
            f"inbox/{CRM} holds extracts that are not the demo company's; "
            f"choose another STAGEPROOF_HOME for the demo company, or move them away"
        )
    return told


def _hold_to(settings: _Settings, asked: _Settings, home: Path) -> None:
    if asked != settings:
        raise DemoRefused(
            f"{home / SETTINGS}: the demo company here has seed {settings.seed}, {settings.deals} deals, begun "
            f"{settings.since}, and not seed {asked.seed}, {asked.deals} deals, begun {asked.since}; "
            f"ask for the same, or choose another STAGEPROOF_HOME"
        )


def _hold_within(settings: _Settings, until: date, nights: int, told: list[date]) -> None:
    if settings.deals < 1 or nights < 1:
        raise DemoRefused(f"{settings.deals} deals and {nights} nights were asked for; ask for at least one of each")
    last = add_months(settings.since, WORLD_MONTHS) - timedelta(days=1)
    first_night = until - timedelta(days=nights - 1)
    if first_night < settings.since or until > last:
        raise DemoRefused(
            f"the demo company lives from {settings.since} to {last}, and nights from {first_night} to {until} "
            f"were asked for; choose days within, or another STAGEPROOF_HOME for a new company"
        )
    if told and until < told[0]:
        raise DemoRefused(
            f"inbox/{CRM}: the demo company's extracts begin on {told[0]}, after {until}; choose a later day"
        )


def _stored(path: Path) -> _Settings | None:
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return _Settings(int(content["seed"]), int(content["deals"]), date.fromisoformat(content["since"]))
    except (ValueError, KeyError, TypeError) as broken:
        raise DemoRefused(
            f"{path}: is not what the demo company wrote ({broken!r}); remove it, inbox/{CRM} and {TRUTH}"
        ) from None


def _as_json(settings: _Settings) -> str:
    content = {"seed": settings.seed, "deals": settings.deals, "since": settings.since.isoformat()}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
