"""Finds extracts in the inbox: folders named by when they were taken, their files, and what a manifest says.

No file of records is opened here, beyond hashing its bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.ingest.mapping import CrmMapping, Extract, closest

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".jsonl")
MANIFEST = "manifest.json"


class ExtractRefused(Exception):
    """An extract contradicts itself: the night stops. The sentence names file, record or line and what to do."""


class ExtractHeld(Exception):
    """An extract is not credible: the night goes on without it. The sentence says why and what to do."""


@dataclass(frozen=True)
class ExtractFile:
    """One file of an extract, with what its manifest promises of it (None where there is no manifest)."""

    object: str
    path: Path
    name: str
    extract: Extract
    promised_rows: int | None = None
    promised_bytes: int | None = None
    promised_sha256: str | None = None

    @property
    def is_proven(self) -> bool:
        """Whether a manifest tells how much the file should hold."""
        return any(each is not None for each in (self.promised_rows, self.promised_bytes, self.promised_sha256))


@dataclass(frozen=True)
class ExtractFolder:
    """One extract: everything that was taken from a CRM at one instant (UTC)."""

    crm: str
    path: Path
    extracted_at: datetime
    files: tuple[ExtractFile, ...]


def find(inbox: Path, mapping: CrmMapping, time_zone: str) -> list[ExtractFolder]:
    """All extracts of one CRM, oldest first.

    Raises:
        ExtractRefused: a folder whose name is no instant, a file that belongs to no object, a broken manifest,
            or a manifest that promises a file that is not there.
    """
    root = inbox / mapping.crm
    folders = [path for path in sorted(root.glob("*")) if path.is_dir() and not path.name.startswith(".")]
    found = [_folder(path, inbox, mapping, time_zone) for path in folders]
    return sorted(found, key=lambda each: each.extracted_at)


def extracted_at(name: str, time_zone: str) -> datetime | None:
    """The instant that a folder's name stands for, in UTC; None where it is no instant.

    A date alone stands for the end of that business date. An instant without an offset is in the time zone of
    the company; `-` may stand for `:` because some file systems allow no colon.
    """
    zone = ZoneInfo(time_zone)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", name):
        try:
            day = date.fromisoformat(name)
        except ValueError:
            return None
        return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC)
    parts = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d)[-:]?(\d\d)[-:]?(\d\d)(Z|[+-]\d\d[-:]?\d\d)?", name)
    if parts is None:
        return None
    year, month, day_, hour, minute, second, offset = parts.groups()
    try:
        taken = datetime(int(year), int(month), int(day_), int(hour), int(minute), int(second), tzinfo=zone)
    except ValueError:
        return None
    if offset:
        sign, hours, minutes = (1, 0, 0) if offset == "Z" else (-1 if offset[0] == "-" else 1, offset[1:3], offset[-2:])
        taken = taken.replace(tzinfo=UTC) - sign * timedelta(hours=int(hours), minutes=int(minutes))
    return taken.astimezone(UTC)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _folder(path: Path, inbox: Path, mapping: CrmMapping, time_zone: str) -> ExtractFolder:
    taken = extracted_at(path.name, time_zone)
    where = path.relative_to(inbox)
    if taken is None:
        raise ExtractRefused(
            f"inbox/{where}: the folder's name should be when the extract was taken, such as 2026-03-31 or "
            f"2026-03-31T21-30-00Z; rename it"
        )
    manifest = _manifest(path / MANIFEST, inbox)
    promised: Mapping[str, Mapping[str, Any]] = manifest.get("files", {})
    default: Extract = manifest.get("extract", mapping.without_manifest)
    present = {each.name: each for each in sorted(path.iterdir()) if _is_data(each)}
    for name in promised:
        if name not in present:
            raise ExtractRefused(f"inbox/{where}/{MANIFEST}: promises {name}, which is not there; export it again")
    files = tuple(
        ExtractFile(
            object=_object_of(each, inbox, mapping),
            path=each,
            name=str(each.relative_to(inbox)),
            extract=promised.get(name, {}).get("extract", default),
            promised_rows=promised.get(name, {}).get("rows"),
            promised_bytes=promised.get(name, {}).get("bytes"),
            promised_sha256=promised.get(name, {}).get("sha256"),
        )
        for name, each in present.items()
    )
    return ExtractFolder(mapping.crm, path, taken, files)


def _manifest(path: Path, inbox: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    where = f"inbox/{path.relative_to(inbox)}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as broken:
        raise ExtractRefused(f"{where}: is no JSON ({broken}); write it again or remove it") from None
    if not isinstance(content, dict) or content.get("extract", "full") not in ("full", "delta"):
        raise ExtractRefused(f'{where}: should say "extract": "full" or "delta" and "files"; correct it')
    return content


def _is_data(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.name != MANIFEST


def _object_of(path: Path, inbox: Path, mapping: CrmMapping) -> str:
    where = f"inbox/{path.relative_to(inbox)}"
    suffix = next((each for each in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(each)), None)
    if suffix is None:
        raise ExtractRefused(f"{where}: an extract is one of {', '.join(SUFFIXES)}; export it so, or take it out")
    stem = path.name[: -len(suffix)].lower()
    stems = {each.lower(): name for name, mapped in mapping.resolved_objects().items() for each in mapped.files}
    # The longest stem wins: opportunity_history_2 is history, though it begins like opportunity.
    for known in sorted(stems, key=len, reverse=True):
        if stem == known or stem.startswith(f"{known}_"):
            return stems[known]
    raise ExtractRefused(
        f"{where}: no object of {mapping.crm} comes in a file of that name{closest(stem, stems)}; "
        f"rename it, or name it under `files` in defs.yaml"
    )
