"""Keeps two processes from the same folder, and lets the second say which is the first.

Belongs here: the lock, and the card beside it that says who holds it. Not here: what may run at one time. The system
lets go of a lock with its process, however that ends, so no lock is ever stale; a card may be, and is never believed
against the system: it only words a refusal.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

# Who only looks (`holder`) has a lock for an instant; a night that begins in it is not refused for that.
GLANCES, GLANCE_SECONDS = 4, 0.05


class Held(Exception):
    """Another process holds the lock; the sentence says which."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock. started: when its process began, in the system's own count; None where that tells none."""

    pid: int
    host: str
    command: str
    started: str | None

    @property
    def is_running(self) -> bool:
        """Whether the process may still be there: not if its number belongs to nobody, or to one that began later."""
        if self.host != socket.gethostname() or self.started is None:
            return True
        return _started(self.pid) == self.started


@contextmanager
def alone(lock: Path, *, is_waiting: bool) -> Iterator[None]:
    """Hold a lock file while the block runs.

    Raises:
        BlockingIOError: another process holds it, and `is_waiting` is false.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if is_waiting else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def announced(lock: Path, command: str) -> Iterator[None]:
    """Hold a lock file while the block runs, and say beside it who does.

    command: what the refusal of another process calls this one.

    Raises:
        Held: another process has it.
    """
    with ExitStack() as held:
        _enter(held, lock)
        card = _card(lock)
        held.callback(card.unlink, missing_ok=True)
        card.write_text(json.dumps(asdict(_myself(command)), ensure_ascii=False), encoding="utf-8")
        yield


def _enter(held: ExitStack, lock: Path) -> None:
    for _ in range(GLANCES):
        try:
            held.enter_context(alone(lock, is_waiting=False))
            return
        except BlockingIOError:
            time.sleep(GLANCE_SECONDS)
    raise Held(f"{_named(lock)}; wait until it has ended")


def holder(lock: Path) -> str | None:
    """Who holds a lock now, in words; None where it is free. To see that, it is shared for an instant."""
    if not lock.exists():
        return None
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _named(lock)
    return None


def _named(lock: Path) -> str:
    """The holder of a lock, as far as its card can be believed."""
    card = _card(lock)
    try:
        found = Holder(**json.loads(card.read_text(encoding="utf-8")))
        # When the card was written, by the clock of the file system.
        since = datetime.fromtimestamp(card.stat().st_mtime, UTC)
    except (OSError, ValueError, TypeError):
        return "Another run has just begun"
    if not found.is_running:
        return "Another run has just begun, or what an ended one left behind still runs"
    return f"{found.command} is running (pid {found.pid} on {found.host}, since {since:%Y-%m-%d %H:%M:%S} UTC)"


def _card(lock: Path) -> Path:
    return lock.with_suffix(".running")


def _myself(command: str) -> Holder:
    return Holder(os.getpid(), socket.gethostname(), command, _started(os.getpid()))


def _started(pid: int) -> str | None:
    """When a process began, in ticks since the machine did; None where there is none, or no /proc to ask.

    A number is given to another process once its own has ended; the two together are never given again.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name of the program stands in brackets and may hold spaces and brackets.
    return status.rpartition(")")[2].split()[19]
