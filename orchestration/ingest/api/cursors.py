"""How far each table of a CRM has been fetched, kept in one small file between fetches.

Nothing here is a secret and nothing is a number of the product: without the file the next fetch takes everything.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from orchestration.ingest import locking
from orchestration.ingest.api.tables import FetchRefused, instant


@dataclass(frozen=True)
class Cursor:
    """The newest change that was fetched of a table, and the columns that were asked for then."""

    changed_at: datetime
    header: tuple[str, ...]


@dataclass(frozen=True)
class Cursors:
    """The cursor of each table, and the account that they are of (None before the first fetch)."""

    account: str | None = None
    tables: Mapping[str, Cursor] = field(default_factory=dict)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep any other fetch from these cursors; the system lets go of them with the process, however it ends.

    Raises:
        FetchRefused: another fetch has them.
    """
    with ExitStack() as held:
        try:
            held.enter_context(locking.announced(path.with_suffix(".lock"), f"stageproof fetch {path.stem}"))
        except locking.Held as first:
            raise FetchRefused(str(first)) from None
        yield


def read_cursors(path: Path) -> Cursors:
    """The cursors in a file; none where there is no file.

    Raises:
        FetchRefused: the file is not what `write_cursors` writes.
    """
    if not path.exists():
        return Cursors()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        tables = {
            name: Cursor(instant(each["changed_at"]), tuple(each["header"])) for name, each in content["tables"].items()
        }
        return Cursors(content["account"], tables)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FetchRefused(f"{path}: is broken; remove it, and the next fetch takes everything again") from None


def write_cursors(path: Path, cursors: Cursors) -> None:
    """Put the cursors in place of those before, whole or not at all."""
    content = {
        "account": cursors.account,
        "tables": {
            name: {"changed_at": each.changed_at.isoformat(), "header": list(each.header)}
            for name, each in sorted(cursors.tables.items())
        },
    }
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
