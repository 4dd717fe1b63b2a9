"""One call of dbt in this process, its results as they come.

In a process of its own dbt would be imported a second time, parse the project again for each new home, and hand over
every line as JSON: more than half of what it costs on a small company.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from dagster_dbt import DbtProject
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage
from dbt.adapters.factory import FACTORY
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg
from google.protobuf.json_format import MessageToDict

from orchestration.components.nightly import Blocked

# What dbt calls the events that tell how a model or a test ended.
RESULTS = frozenset({"LogModelResult", "LogTestResult"})


@dataclass(frozen=True)
class Failing:
    """How many rows a test found, and the statement that finds them."""

    rows: int
    sql: str


class DbtRun:
    """A run of dbt on a parsed project, with its compiled SQL and log under `target`."""

    def __init__(self, project: DbtProject, target: Path) -> None:
        self._project = project
        self._target = target
        self._outcome: dbtRunnerResult | None = None

    def events(self, arguments: Sequence[str]) -> Iterator[DbtCoreCliEventMessage]:
        """Run dbt to its end; what it reports, as it reports it.

        dbt gives its results to a callback, so it works in a thread beside the one that hands them on.
        """
        reported: SimpleQueue[DbtCoreCliEventMessage | None] = SimpleQueue()

        def report(event: EventMsg) -> None:
            # The other events, thousands of them, are told to the log alone.
            if event.info.name in RESULTS:
                reported.put(DbtCoreCliEventMessage(raw_event=_as_logged(event), event_history_metadata={}))

        def run() -> None:
            try:
                self._outcome = dbtRunner(manifest=self._manifest(), callbacks=[report]).invoke(
                    [*arguments, *self._folders()]
                )
            finally:
                release_adapters()
                reported.put(None)

        # A daemon: who interrupts a night need not wait for the query that is running.
        worker = Thread(target=run, name="dbt", daemon=True)
        worker.start()
        while (event := reported.get()) is not None:
            yield event
        worker.join()

    def failures(self) -> dict[str, Failing]:
        """What each test of the run found, by its unique id; an empty finding where it passed."""
        results = getattr(self._outcome.result, "results", []) if self._outcome else []
        return {
            result.node.unique_id: Failing(int(result.failures or 0), str(result.node.compiled_code or ""))
            for result in results
            if result.node.resource_type == "test"
        }

    def raise_on_failure(self) -> None:
        """Say why dbt failed, if it did.

        Raises:
            Blocked: the data holds what a test forbids.
            RuntimeError: a model does not run, or dbt does not.
        """
        outcome = self._outcome
        if outcome is None or outcome.exception is not None:
            raise RuntimeError(f"dbt: {_one_line(outcome.exception) if outcome else 'gave no result; see its log'}")
        results = getattr(outcome.result, "results", [])
        wrong = [result for result in results if result.status in {"error", "fail"}]
        broken = [result for result in wrong if result.status == "error"]
        if broken:
            raise RuntimeError(f"{broken[0].node.unique_id}: {_one_line(broken[0].message)}")
        if wrong:
            names = ", ".join(result.node.name for result in wrong)
            raise Blocked(
                f"dbt test {names} failed: {wrong[0].message}; see its header in dbt_project for what a row means"
            )

    def _manifest(self) -> Manifest:
        """The parsed project as dbt stored it: good for any home, where dbt alone would parse again for each."""
        return Manifest.from_msgpack(Path(self._project.manifest_path).with_name("partial_parse.msgpack").read_bytes())

    def _folders(self) -> list[str]:
        project = str(self._project.project_dir)
        return [
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(self._target), "--log-path", str(self._target), "--log-level-file", "info"),
        ]


def release_adapters() -> None:
    """Let go of the warehouse: DuckDB's file stays open, and closed to the steps that follow, until it is told."""
    for adapter in FACTORY.adapters.values():
        close = getattr(adapter.connections, "close_all_connections", None)
        if close is not None:
            close()


def _as_logged(event: EventMsg) -> dict[str, Any]:
    """The event as dbt's own JSON log has it."""
    logged: Mapping[str, Any] = MessageToDict(
        event, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return dict(logged)


def _one_line(text: object) -> str:
    return " ".join(str(text or "").split())
