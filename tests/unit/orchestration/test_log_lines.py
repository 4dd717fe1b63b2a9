"""Every line that a run tells: for people in one form, as JSON in another, always with night, step, level and event."""

import io
import json
import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.components.step_lines import NAME, StepLines, say
from orchestration.log_lines import LogFormat, LogLine

AT = datetime(2026, 3, 7, 2, 0, 1, 500_000, UTC)
KEYS = {"at", "night", "step", "level", "event", "message"}


def written(line: LogLine, form: LogFormat) -> str:
    target = io.StringIO()
    line.write(form, target)
    return target.getvalue()


@given(
    night=st.text(), step=st.text(), event=st.text(), message=st.text(), more=st.dictionaries(st.text(), st.integers())
)
def test_whatever_is_told_is_one_line_that_parses(
    night: str, step: str, event: str, message: str, more: dict[str, object]
) -> None:
    line = LogLine(AT, night, step, "info", event, message, more)
    text = written(line, LogFormat.JSON)
    assert text.count("\n") == 1
    told = json.loads(text)
    assert set(told) >= KEYS
    assert told["message"] == message
    assert (told["night"] or "", told["step"] or "", told["event"]) == (night, step, event)
    assert datetime.fromisoformat(told["at"]) == AT
    assert {name: told[name] for name in more if name not in KEYS} == {
        name: value for name, value in more.items() if name not in KEYS
    }


def test_a_line_for_people_stays_one_line_and_stands_in_columns() -> None:
    line = LogLine(AT, "2026-03-06", "transform", "warning", "warned", "one\n  two")
    assert written(line, LogFormat.TEXT) == "2026-03-06  warning  transform                 one two\n"
    bare = LogLine(AT, "", "", "error", "failed", "refused")
    assert written(bare, LogFormat.TEXT) == "-           error    -                         refused\n"


def event(kind: str, **more: Any) -> logging.LogRecord:
    record = logging.LogRecord("dagster", logging.DEBUG, "", 0, "prefix - text", None, None)
    record.dagster_event = SimpleNamespace(event_type_value=kind, step_key="transform", **more)
    return record


@pytest.mark.parametrize(
    ("record", "level", "said", "message"),
    [
        (event("STEP_START"), "info", "step_started", "started"),
        (
            event("STEP_SUCCESS", step_success_data=SimpleNamespace(duration_ms=1234.5)),
            "info",
            "step_ended",
            "ended after 1.2 s",
        ),
        (event("STEP_UP_FOR_RETRY"), "warning", "step_tried_again", "failed and will be tried again"),
    ],
)
def test_steps_are_told_as_they_start_and_end(record: logging.LogRecord, level: str, said: str, message: str) -> None:
    line = StepLines("2026-03-06", LogFormat.TEXT).line(record)
    assert line is not None
    assert (line.night, line.step, line.level, line.event, line.message) == (
        *("2026-03-06", "transform"),
        *(level, said, message),
    )


def test_what_dagster_only_keeps_is_not_told() -> None:
    lines = StepLines("2026-03-06", LogFormat.TEXT)
    assert lines.line(event("ASSET_MATERIALIZATION")) is None
    assert lines.line(event("STEP_FAILURE")) is None, "told once, by whoever ran the night"
    assert lines.line(logging.LogRecord("dagster", logging.INFO, "", 0, "for the UI", None, None)) is None


def test_a_warning_is_told_in_its_own_words_with_its_step() -> None:
    record = logging.LogRecord("dagster", logging.WARNING, "", 0, "night - run - text", None, None)
    record.dagster_meta = {"orig_message": "Held: too few rows", "step_key": "ingest_generic"}
    line = StepLines("2026-03-06", LogFormat.JSON).line(record)
    assert line is not None
    assert (line.level, line.step, line.message) == ("warning", "ingest_generic", "Held: too few rows")


def test_what_a_step_says_by_itself_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger(NAME)
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [StepLines("2026-03-06", LogFormat.JSON)], False
    logger.setLevel(logging.DEBUG)
    try:
        say("ingest_generic", "deals.csv: 1,000,000 rows, 300.0 MB")
    finally:
        logger.handlers, level, logger.propagate = before
        logger.setLevel(level)
    told = json.loads(capsys.readouterr().err)
    assert (told["step"], told["event"]) == ("ingest_generic", "told")
