"""One run at a time under a home: nights, rebuilds, demos and waivers, from the command line and from Dagster.

Belongs here: what keeps others out, and for how long. Not here: the lock itself (`ingest.locking`). Fetching from an
API has a lock for each CRM instead: an extract takes hours the first time, and arrives in the inbox whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.ingest.locking import announced
from orchestration.keeping import settle
from orchestration.night import Home

# The locks that this process has: a night of the command line begins a run of Dagster inside its own.
_mine: set[Path] = set()


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
