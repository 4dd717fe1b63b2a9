"""One run at a time under a home: nights, rebuilds, demos and waivers, from the command line and from Dagster.

Belongs here: what keeps others out, and for how long. Not here: the lock itself (`ingest.locking`). Fetching from an
API has a lock for each CRM instead: an extract takes hours the first time, and arrives in the inbox whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from orchestration.ingest.locking import announced
from orchestration.keeping import settle
from orchestration.night import Home

# The locks that this process has: a night of the command line begins a run of Dagster inside its own.
_mine: set[Path] = set()


def identity(home: Home) -> str:
    """What tells this home from every other, wherever it is mounted. Asked by the run that holds the lock.

    It stands in the file of the lock, written once.
    """
    known = home.lock.read_text(encoding="utf-8")
    if not known:
        known = uuid4().hex
        home.lock.write_text(known, encoding="utf-8")
    return known


@contextmanager
def alone(home: Home, command: str) -> Iterator[None]:
    """Keep every other run out of the home while the block runs; inside a run of this very process nothing is asked.

    command: what the refusal of another process calls this one.

    Raises:
        Held: another process is running.
    """
    if home.lock in _mine:
        yield
        return
    with announced(home.lock, command):
        _mine.add(home.lock)
        try:
            settle(home)
            yield
        finally:
            _mine.discard(home.lock)
