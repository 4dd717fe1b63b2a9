"""Dagster's log of events in SQLite, over connections that stay open.

The storage that Dagster ships opens and closes the file for each event, and translates each statement anew: a night
of a few thousand deals spent a third of its time there. It holds no arithmetic and no fact about a night; a deployment
on Postgres names Dagster's own storage in `dagster.yaml` instead.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

# One file for all runs and one for each: a night writes to two, the UI looks through many.
MOST_OPEN = 8


class OpenSqliteEventLogStorage(SqliteEventLogStorage):
    """`SqliteEventLogStorage` with an engine per file that is kept, the least recently used given up first."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "OpenSqliteEventLogStorage":
        # Where Dagster's own storage would be, so that either reads what the other wrote.
        return cls(base_dir=str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data=inst_data)

    @property
    def open_files(self) -> int:
        return len(self._engines)

    def has_table(self, table_name: str) -> bool:
        """Asked with each asset event, of tables that do not go away: what was there once is not looked for again."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.pop(shard, None) or self._opened(shard)
            self._engines[shard] = engine
            if len(self._engines) > MOST_OPEN:
                self._engines.pop(next(iter(self._engines))).dispose()
            with engine.connect() as connection, connection.begin():
                yield connection

    def _opened(self, shard: str) -> Engine:
        engine = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})

        # With a write-ahead log this risks the last events of a machine that loses power, never the file.
        @event.listens_for(engine, "connect")
        def relaxed(connection: Any, _: Any) -> None:
            connection.execute("pragma synchronous = normal")

        self._initdb(engine)
        return engine

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
