"""Writes files and folders so that nobody ever sees half of one. No knowledge of what is in them."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def replace_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` fill a file under a temporary name, then give it its own."""
    temporary = path.with_name(f".{path.name}.tmp")
    write(temporary)
    _sync(temporary)
    temporary.replace(path)


def create_folder_atomically(path: Path, fill: Callable[[Path], None]) -> None:
    """Have `fill` fill a folder under a hidden name, then give it its own; what a stopped run left is removed."""
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    fill(temporary)
    for each in temporary.iterdir():
        _sync(each)
    temporary.rename(path)


def sha256(path: Path) -> str:
    """The hash of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
