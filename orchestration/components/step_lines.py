"""One plain line for each step of a night, for whoever watches `stageproof night` run.

Dagster keeps the full log of a run in its own storage; this is what fits a terminal or a cron mail.
"""

import logging
import sys
from typing import Any

import dagster as dg


class StepLines(logging.Handler):
    """Writes steps as they start and warnings to standard error; an error is told once, by whoever ran the night."""

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if event is None:
            # Dagster puts its own prefix before the text; the original stands in the record's metadata.
            meta: dict[str, Any] = getattr(record, "dagster_meta", {})
            if record.levelno == logging.WARNING:
                self._write(f"  warning: {meta.get('orig_message') or record.getMessage()}")
        elif event.event_type_value == "STEP_START":
            self._write(f"  {event.step_key} …")

    def _write(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


@dg.logger(description="One plain line for each step.")  # type: ignore[call-overload,untyped-decorator,unused-ignore]
def step_lines(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.getLogger("stageproof.night")
    logger.handlers = [StepLines()]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return logger
