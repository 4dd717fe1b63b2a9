"""Keeps two processes from the same folder; the system lets go of a lock with its process, however that ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
