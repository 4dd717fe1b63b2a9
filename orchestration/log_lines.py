"""What a run tells while it runs, one line at a time: for people, or as JSON for whatever collects logs.

Belongs here: what a line says and how it is written. Not here: what there is to say, and the clock: whoever has
something to say brings its instant.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

# Of a line for people, the width of what stands before its message.
LEVEL_WIDTH, STEP_WIDTH = 7, 24


class LogFormat(StrEnum):
    """text: for people. json: one object a line."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class LogLine:
    """One thing that happened. night: a business date, or empty where the run is of none; step: of the night, or empty.

    at: an aware instant. event: a word that a machine may look for; message: the sentence for people. more: numbers and
    names beside it.
    """

    at: datetime
    night: str
    step: str
    level: str
    event: str
    message: str
    more: Mapping[str, object] = field(default_factory=dict)

    def text(self) -> str:
        """The line for people; a message of several lines stays one."""
        message = " ".join(self.message.split())
        return f"{self.night or '-':<10}  {self.level:<{LEVEL_WIDTH}}  {self.step or '-':<{STEP_WIDTH}}  {message}"

    def json(self) -> str:
        told = {
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "night": self.night or None,
            "step": self.step or None,
            "level": self.level,
            "event": self.event,
            "message": self.message,
        }
        return json.dumps({**self.more, **told}, ensure_ascii=False, default=str)

    def write(self, form: LogFormat, to: TextIO | None = None) -> None:
        """Write the line at once, to standard error by default, so that it is there should the run be killed."""
        target = to or sys.stderr
        target.write((self.json() if form is LogFormat.JSON else self.text()) + "\n")
        target.flush()
