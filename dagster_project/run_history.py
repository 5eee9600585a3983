"""Dagster's history of events in SQLite, over connections that stay open.

Belongs here: how the history is connected to. Does not belong here: what is in it, which is Dagster's own.

Dagster's storage makes a new SQLAlchemy engine for each of the many hundred events of a run: every statement is
compiled anew, every file opened anew, and every event waits for the disk several times. That took a quarter of a run in
which nothing had changed.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

# The file of what all runs share; every run has one of its own besides.
INDEX = "index"


class RunHistory(SqliteEventLogStorage):
    """Dagster's own storage with one lasting engine for the index and one for the run that was used last."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """`base_dir` is the folder of the history's files, which is made if need be."""
        self._engines: dict[str, Engine] = {}
        self._engines_lock = threading.Lock()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """How Dagster makes what `dagster.yaml` names."""
        return cls(inst_data=inst_data, **config_value)

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        """A transaction in the history of one run."""
        return self._transaction(run_id or "")

    def index_connection(self) -> AbstractContextManager[Connection]:
        """A transaction in what all runs share."""
        return self._transaction(INDEX)

    def dispose(self) -> None:
        """Close everything; what is written ahead goes into the files."""
        super().dispose()
        with self._engines_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Connection]:
        with self._engines_lock:
            if shard not in self._engines:
                self._open(shard)
            with self._engines[shard].begin() as connection:
                yield connection

    def _open(self, shard: str) -> None:
        # Dagster's own connection makes the file and its tables where they are not there yet.
        with super().run_connection(shard):
            pass
        for name in self._engines.keys() - {INDEX}:
            self._engines.pop(name).dispose()
        engine = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
        # With a write-ahead log a power cut can take the last events of the history, never its consistency.
        event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
        self._engines[shard] = engine
