"""Writes one extract folder of the inbox: files, then the manifest, then the name under which a night sees it.

Until it is whole the folder is hidden. No record is looked into; what an API calls a column stays its name.
"""

import csv
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from orchestration.ingest.api.tables import FetchRefused, Row
from orchestration.ingest.inbox import MANIFEST, sha256
from orchestration.ingest.mapping import Extract

DRAFT = ".draft"


class Draft:
    """An extract that is being written. `publish` gives it its name; without that no night sees it."""

    def __init__(self, inbox: Path, crm: str, extracted_at: datetime, delimiter: str = ",") -> None:
        """Begin the extract of one instant (aware), alone in this inbox.

        Raises:
            FetchRefused: there is an extract of that instant already.
        """
        self._delimiter = delimiter
        self.path = inbox / crm / f"{extracted_at.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}"
        if self.path.exists():
            raise FetchRefused(f"{self.path}: is there already; an extract is never written over")
        self._draft = self.path.with_name(f".{self.path.name}{DRAFT}")
        # What a fetch that was killed left unfinished is worth nothing, and no other is under way.
        for left in self.path.parent.glob(f".*{DRAFT}"):
            shutil.rmtree(left)
        self._draft.mkdir(parents=True)
        self._files: dict[str, dict[str, object]] = {}

    def write(self, name: str, header: Sequence[str], rows: Iterable[Row], extract: Extract) -> int:
        """Write one file and return its number of rows. Columns that a row lacks are empty, those beyond are left out.

        CSV, because a file without rows still tells its columns there, and a number keeps the digits it came with.
        """
        path = self._draft / f"{name}.csv"
        count = 0
        # The byte order mark holds against a mapping whose own exports are written in something else.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            # With \r\n between records a field that holds either of the two is quoted.
            writer = csv.writer(file, delimiter=self._delimiter, lineterminator="\r\n")
            writer.writerow(header)
            for row in rows:
                writer.writerow([as_text(row.get(column)) for column in header])
                count += 1
            file.flush()
            os.fsync(file.fileno())
        self._files[path.name] = {
            "rows": count,
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
            "extract": extract,
        }
        return count

    def publish(self) -> Path:
        """Add the manifest and rename the folder to its own name."""
        # Only for a file that someone puts in later by hand; each of ours says for itself what it is.
        manifest = {"extract": "delta", "files": self._files}
        with (self._draft / MANIFEST).open("w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        self._draft.rename(self.path)
        return self.path

    def discard(self) -> None:
        """Leave nothing of a draft; nothing happens to a folder that is published."""
        shutil.rmtree(self._draft, ignore_errors=True)


def as_text(value: object) -> str:
    """A value of JSON as a CSV export would write it: nothing for null, no exponent in a number."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return format(Decimal(repr(value)), "f")
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, sort_keys=True)
        case _:
            return str(value)
