"""One line for each step of a night and for each warning, for whoever watches `stageproof night` run.

Dagster keeps the full log of a run in its own storage; this is what fits a terminal, a cron mail or whatever collects
logs.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.log_lines import LogFormat, LogLine

NAME = "stageproof.night"


class StepLines(logging.Handler):
    """Writes steps as they start and end, and warnings; an error is told once, by whoever ran the night."""

    def __init__(self, night: str, form: LogFormat) -> None:
        super().__init__()
        self._night = night
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        line = self.line(record)
        if line is not None:
            line.write(self._form)

    def line(self, record: logging.LogRecord) -> LogLine | None:
        """What is told of a record; None where nothing is."""
        at = datetime.fromtimestamp(record.created, UTC)
        # Dagster puts its own prefix before the text; the original stands in the record's metadata.
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = getattr(record, "dagster_event", None)
        step = str(getattr(record, "step", "") or meta.get("step_key") or "")
        if event is None:
            told = str(meta.get("orig_message") or record.getMessage())
            if record.levelno == logging.WARNING:
                return LogLine(at, self._night, step, "warning", "warned", told)
            return LogLine(at, self._night, step, "info", "told", told) if hasattr(record, "step") else None
        step = event.step_key or ""
        if event.event_type_value == "STEP_START":
            return LogLine(at, self._night, step, "info", "step_started", "started")
        if event.event_type_value == "STEP_SUCCESS":
            seconds = round(event.step_success_data.duration_ms / 1000, 1)
            return LogLine(
                at, self._night, step, "info", "step_ended", f"ended after {seconds:.1f} s", {"seconds": seconds}
            )
        if event.event_type_value == "STEP_UP_FOR_RETRY":
            return LogLine(at, self._night, step, "warning", "step_tried_again", "failed and will be tried again")
        return None


def say(step: str, message: str) -> None:
    """Tell whoever watches the run something that no event of Dagster tells."""
    logging.getLogger(NAME).info(message, extra={"step": step})


@dg.logger(  # type: ignore[call-overload,untyped-decorator,unused-ignore]
    {"night": dg.Field(str, default_value=""), "format": dg.Field(str, default_value=LogFormat.TEXT.value)},
    description="One line for each step.",
)
def step_lines(context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.getLogger(NAME)
    logger.handlers = [StepLines(context.logger_config["night"], LogFormat(context.logger_config["format"]))]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return logger
