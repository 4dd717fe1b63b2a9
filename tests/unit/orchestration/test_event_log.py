"""Dagster's log of events over open connections holds what Dagster's own would hold."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from orchestration.event_log import MOST_OPEN, OpenSqliteEventLogStorage

SETTINGS = """
telemetry: {enabled: false}
event_log_storage: {module: orchestration.event_log, class: OpenSqliteEventLogStorage}
"""


@dg.asset
def deals() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dagster.yaml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def test_dagsters_own_storage_reads_every_event_that_was_written_over_open_connections(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, OpenSqliteEventLogStorage)
        run_ids = [dg.materialize([deals], instance=instance).run_id for _ in range(MOST_OPEN + 2)]
        written = [[record.storage_id for record in instance.get_records_for_run(id_).records] for id_ in run_ids]
    plain = SqliteEventLogStorage(base_dir=str(home / "history" / "runs"))
    read = [[record.storage_id for record in plain.get_records_for_run(run_id).records] for run_id in run_ids]
    assert read == written
    assert all(len(events) > 5 for events in read)
    latest = plain.get_latest_materialization_events([deals.key])[deals.key]
    assert latest is not None
    assert latest.run_id == run_ids[-1]


def test_no_more_files_are_open_than_a_night_and_its_readers_use(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        for _ in range(MOST_OPEN + 2):
            dg.materialize([deals], instance=instance)
        storage = instance.event_log_storage
        assert isinstance(storage, OpenSqliteEventLogStorage)
        # The hook through which Dagster asks for a connection is used, and what it opened is given up again.
        assert 2 <= storage.open_files <= MOST_OPEN


def test_a_table_that_is_made_later_is_found_then(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        assert isinstance(storage, OpenSqliteEventLogStorage)
        assert storage.has_table("asset_event_tags")
        assert not storage.has_table("made_later")
        with storage.index_connection() as connection:
            connection.exec_driver_sql("create table made_later (id integer)")
        assert storage.has_table("made_later")
