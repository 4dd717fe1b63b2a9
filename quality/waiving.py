"""Adding one waiver to waivers.yml without touching a byte of what its reviewers wrote.

Belongs here: the text of an entry, and the proof that the file with it says what it said before plus the entry. Not
here: which violations there are (the caller asks the served tables) or what a waiver does (`violations`).
"""

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from quality.standards import StandardsRefused, load

FILE = "waivers.yml"
_EMPTY_LIST = re.compile(r"^waivers:[ \t]*\[[ \t]*\][ \t]*(#.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One waiver, as it will stand in the file."""

    rule: str
    deal: str
    visit: str | None
    by: str
    why: str
    from_day: date
    until: date

    def text(self) -> str:
        """JSON strings are YAML strings: quotes, colons and line breaks of a reason stay one value on one line."""
        fields: dict[str, str | None] = {
            "rule": self.rule,
            "deal": self.deal,
            "visit": self.visit,
            "by": self.by,
            "why": self.why,
        }
        lines = [f"{name}: {_quoted(value)}" for name, value in fields.items() if value is not None]
        lines += [f"from: {self.from_day}", f"until: {self.until}"]
        return "  - " + "\n    ".join(lines) + "\n"


def text_with(text: str, entry: Entry) -> str:
    """The file with the entry at its end; comments and other entries stay as they are."""
    opened = _EMPTY_LIST.sub(lambda found: f"waivers: {found[1]}".rstrip() if found[1] else "waivers:", text, count=1)
    if not re.search(r"^waivers:", opened, re.MULTILINE):
        opened += "waivers:\n"
    if not opened.endswith("\n"):
        opened += "\n"
    return opened + entry.text()


def waive(folder: Path, entry: Entry) -> str:
    """The new text of waivers.yml of the standards in `folder`, proved by reading it. Nothing is written here.

    Raises StandardsRefused where the standards are refused already, where the entry is, or where the file is written in
    a way that an entry cannot be added to at its end.
    """
    before = load(folder)
    path = folder / FILE
    text = text_with(path.read_text(encoding="utf-8-sig") if path.exists() else "", entry)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "standards"
        shutil.copytree(folder, copy)
        (copy / FILE).write_text(text, encoding="utf-8")
        after = load(copy)
    added = after.waivers[len(before.waivers) :]
    expected = (entry.rule, entry.deal, entry.visit, entry.by, entry.why, entry.from_day, entry.until)
    is_kept = after.waivers[: len(before.waivers)] == before.waivers
    if not is_kept or [(w.rule, w.deal, w.visit, w.by, w.why, w.from_day, w.until) for w in added] != [expected]:
        raise StandardsRefused([f"{FILE}: an entry cannot be added at its end; write the list with one `- ` per entry"])
    return text


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
