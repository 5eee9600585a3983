"""What is left of a person in text: pages of reports, samples of failed checks, logs.

Belongs here: finding a person's ids and contacts in files and in Dagster's history, and removing what holds them. Does
not belong here: lake and warehouse (`lake`), releases (`released`).

None of it feeds a figure, so what holds a trace is removed as a whole: a page, a log, an event of a run.
"""

import html
import json
import re
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from dagster_project.erasing.person import Person
from dagster_project.settings import Settings

SECONDS_TO_WAIT_FOR_DATABASE = 60
# Tables of Dagster without anything about rows of ours; runs are cleaned, not deleted.
TABLES_KEPT = ("runs", "alembic_version", "secondary_indexes")
# A shorter id may be any number or word of a log.
SHORTEST_NUMBER = 7
SHORTEST_NAME = 4


def remove_traces(settings: Settings, people: Iterable[Person]) -> None:
    """Remove every report, sample, log and event that names one of these people."""
    pattern = trace_pattern(people)
    if pattern is None:
        return
    for logs in settings.dbt_dir.glob("*/logs"):
        # dbt quotes values of rows in its errors, in forms that a search may miss.
        shutil.rmtree(logs, ignore_errors=True)
    quality = [settings.quality_dir / name for name in ("gates", "runs")]
    folders = (settings.reports_dir, *quality, settings.dbt_dir, settings.dagster_home)
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if is_database(path):
            _clean_database(path, pattern)
        elif not path.name.endswith(("-wal", "-shm", "-journal")) and pattern.search(path.read_bytes()):
            path.unlink()


def trace_pattern(people: Iterable[Person]) -> re.Pattern[bytes] | None:
    """Finds a person's ids and contacts in bytes, also as JSON or HTML spell them; None where there is nothing to find.

    An id is found where neither a letter nor a digit stands before or after it. A short one, which may as well be a
    count, is found only right behind the words `customer_id`.
    """
    texts = {text for person in people for text in (*person.customers, *person.contacts)}
    if not texts:
        return None
    anywhere = _alternatives({text for text in texts if _is_distinctive(text)})
    behind_its_name = rb"customer_id[^A-Za-z0-9]{1,16}" + _alternatives(texts)
    return re.compile(rb"(?<![A-Za-z0-9])(?:" + anywhere + rb"|" + behind_its_name + rb")(?![A-Za-z0-9])")


def _is_distinctive(text: str) -> bool:
    return len(text) >= SHORTEST_NUMBER or (len(text) >= SHORTEST_NAME and not text.isdecimal())


def _alternatives(texts: set[str]) -> bytes:
    spellings: set[str] = set()
    for text in texts:
        spellings |= {text, html.escape(text), html.escape(text, quote=False)}
        spellings |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    # JSON inside JSON, as Dagster keeps the metadata of a check.
    spellings |= {json.dumps(text)[1:-1] for text in spellings}
    longest_first = sorted(spellings, key=lambda text: (-len(text), text))
    # Of nothing, a pattern that never matches.
    return rb"(?:" + (b"|".join(re.escape(text.encode()) for text in longest_first) or rb"(?!)") + rb")"


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database, which Dagster keeps its history in."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _clean_database(path: Path, pattern: re.Pattern[bytes]) -> None:
    """Delete the rows that hold a trace, and what deleting leaves in free pages and in the write-ahead log."""
    with closing(sqlite3.connect(path, timeout=SECONDS_TO_WAIT_FOR_DATABASE, isolation_level=None)) as database:
        database.create_function("holds_trace", 1, lambda value: _holds(value, pattern), deterministic=True)
        database.execute("PRAGMA secure_delete = ON")
        deleted = 0
        for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({_quoted(table)})").fetchall()]
            if table == "runs":
                deleted += _clean_run_configurations(database)
            holds = " OR ".join(f"holds_trace({_quoted(column)})" for column in columns)
            if table not in TABLES_KEPT and not table.startswith("sqlite_"):
                deleted += database.execute(f"DELETE FROM {_quoted(table)} WHERE {holds}").rowcount
        if deleted or pattern.search(path.read_bytes()):
            database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _clean_run_configurations(database: sqlite3.Connection) -> int:
    """Take the id out of what a run was started with: that of this very run must stay."""
    runs = database.execute("SELECT run_id, run_body FROM runs WHERE holds_trace(run_body)").fetchall()
    for run_id, run_body in runs:
        cleaned = json.dumps({**json.loads(run_body), "run_config": {}})
        database.execute("UPDATE runs SET run_body = ? WHERE run_id = ?", (cleaned, run_id))
    return len(runs)


def _holds(value: object, pattern: re.Pattern[bytes]) -> bool:
    content = value.encode() if isinstance(value, str) else value
    return isinstance(content, bytes) and pattern.search(content) is not None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
