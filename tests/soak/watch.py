"""Seeing what this process changes, and killing it at a point that was named beforehand.

Belongs here: counting events and dying at one. Does not belong here: starting the process (`children`).

The production code knows nothing of this. An audit hook of the interpreter sees every change of a file under the home;
wrapped functions see fsync and the statements of dbt, of Spark, of Great Expectations and of Dagster's history. The
events are counted, and the process kills its own group right before the n-th one, or some time after it: so what the
engine writes by itself is met as well.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

CHANGES = (
    "open",
    "os.chmod",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "os.utime",
)
# On Spark a gate asks through the same session as dbt; what it writes into its files tells it from dbt.
STAGES_OF_STATEMENTS = {"dbt": "dbt", "spark": "dbt", "great_expectations": "validation"}
REMOVALS = ("os.remove", "os.rmdir")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Fault:
    """When a process kills its group; without any of these it never does.

    `event`: right before this event of the watch, counted from 1; with `seconds_later` that time after it, whatever is
    going on then. `text`: right before the first event that holds this text. `function`: instead of a call of
    `module:name`.
    """

    event: int | None = None
    seconds_later: float | None = None
    text: str | None = None
    function: str | None = None


class Watch:
    """The events of this process. They are noted in a file, one JSON text a line: the kind and what it was about."""

    def __init__(self, home: Path, fault: Fault, notes: Path) -> None:
        self._prefix = f"{home}/"
        self._fault = fault
        self._notes = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._count = 0

    def begin(self) -> None:
        """From now on; there is no end."""
        self._watch_statements()
        if self._fault.function is not None:
            module, _, name = self._fault.function.partition(":")
            setattr(import_module(module), name, self._die_at_call)
        os.fsync = self._noted("fsync", os.fsync, lambda file: os.readlink(f"/proc/self/fd/{file}"))  # noqa: PTH115
        sys.addaudithook(self._hear)

    def _note(self, kind: str, about: str) -> None:
        self._count += 1
        event = f"{kind} {about.removeprefix(self._prefix)}"
        os.write(self._notes, json.dumps(event).encode() + b"\n")
        if self._fault.text is not None and self._fault.text in event:
            _die()
        if self._count == self._fault.event:
            if self._fault.seconds_later is None:
                _die()
            threading.Timer(self._fault.seconds_later, _die).start()

    def _hear(self, event: str, arguments: tuple) -> None:
        if event not in CHANGES or (event == "open" and not _is_writing(arguments)):
            return
        path = arguments[1] if event == "os.symlink" else arguments[0]
        path = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        # While a folder is removed with all in it, names are relative to it.
        if path.startswith(self._prefix) or (event in REMOVALS and arguments[-1] != -1):
            self._note(event, path)

    def _watch_statements(self) -> None:
        import sqlalchemy
        from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper

        DuckDBCursorWrapper.execute = self._noted(
            "dbt", DuckDBCursorWrapper.execute, lambda _cursor, sql, *_: _begin_of(sql)
        )

        if os.environ.get("DBT_TARGET") == "spark":
            from pyspark.sql import SparkSession

            SparkSession.sql = self._noted("spark", SparkSession.sql, lambda _session, sql, *_: _begin_of(sql))

        @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
        def _before(connection: sqlalchemy.Connection, _cursor: object, statement: str, *_: object) -> None:
            # Dagster keeps its history in SQLite, through the same library as Great Expectations.
            kind = "dagster" if connection.dialect.name == "sqlite" else "great_expectations"
            self._note(kind, _begin_of(statement))

    def _noted(self, kind: str, function: Callable, about: Callable[..., str]) -> Callable:
        def wrapper(*arguments: object, **named: object) -> object:
            self._note(kind, about(*arguments))
            return function(*arguments, **named)

        return wrapper

    def _die_at_call(self, *_arguments: object, **_named: object) -> None:
        self._note("call", str(self._fault.function))
        _die()


def stages_of(events: list[str]) -> list[str]:
    """The part of a job that each event belongs to; Dagster's own bookkeeping counts to the part before it."""
    stages, stage = [], "start"
    for event in events:
        stage = _stage_of(event) or stage
        stages.append(stage)
    return stages


def _stage_of(event: str) -> str | None:
    kind, _, about = event.partition(" ")
    if kind in STAGES_OF_STATEMENTS:
        return STAGES_OF_STATEMENTS[kind]
    folders = {
        "lake": "load",
        "quality": "validation",
        "reports": "validation",
        "dbt": "dbt",
        "restatements": "dbt",
        "published": "publication",
    }
    return folders.get(about.partition("/")[0])


def _is_writing(arguments: tuple) -> bool:
    return isinstance(arguments[2], int) and bool(arguments[2] & WRITING)


def _begin_of(sql: str) -> str:
    # dbt puts a comment before each statement.
    return " ".join(sql.rsplit("*/", maxsplit=1)[-1].split())[:120]


def _die() -> None:
    os.killpg(0, signal.SIGKILL)
