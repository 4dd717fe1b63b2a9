"""Remembers the hash of each inbox file by its size and modification time, so that a night reads only what is new.

A cache beside the ledger: deleting it costs time and changes nothing.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.ingest.inbox import ExtractFile
from orchestration.ingest.lake import write_whole


@dataclass
class Seen:
    """`files`: by name of file its size in bytes, modification time in nanoseconds, and SHA-256."""

    path: Path
    files: dict[str, tuple[int, int, str]]
    is_changed: bool = field(default=False)

    @staticmethod
    def of(lake: Path, crm: str) -> "Seen":
        path = lake / "ledger" / crm / ".seen"
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return Seen(path, {name: (size, modified, digest) for name, (size, modified, digest) in stored.items()})

    def sha256(self, file: ExtractFile) -> str:
        status = file.path.stat()
        known = self.files.get(file.name)
        if known is not None and known[:2] == (status.st_size, status.st_mtime_ns):
            return known[2]
        with file.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        self.files[file.name] = (status.st_size, status.st_mtime_ns, digest)
        self.is_changed = True
        return digest

    def write(self) -> None:
        """Keep what was learned; a load that learned nothing touches no file."""
        if self.is_changed:
            write_whole(self.path, json.dumps(self.files, indent=0, sort_keys=True).encode())
