"""What must hold after a fault.

Belongs here: looking at a release, at the lake and at what is left of a person, and saying what is wrong. Does not
belong here: the faults.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.loading.batches import quarantine_path, raw_path
from dagster_project.loading.durable import TEMPORARY_PREFIX
from dagster_project.loading.ledger import CONTRACT_SEQUENCE, read_ledger, sequence_of
from dagster_project.publishing.content import hash_table
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_literal, quote_name

# About the runs themselves: of each run anew.
RUN_MARTS = ("data_quality",)
RUN_COLUMNS = ("run_id", "first_published_release_id", "previous_release_id", "first_published_at", "restated_at")


class BrokenPromiseError(AssertionError):
    """Something that must hold does not; the message says what."""


@dataclass(frozen=True)
class State:
    """What equal inputs must give: content hash by mart, and rows and content hash by feed of lake and quarantine."""

    figures: dict[str, str]
    lake: dict[str, tuple[int, str]]


def state_of(settings: Settings, dataset: str) -> State:
    """The served figures and what is in the lake. Raises BrokenPromiseError where a release or a batch is not whole."""
    return State(check_release(settings), check_lake(settings, dataset))


def check_release(settings: Settings, folder: Path | None = None) -> dict[str, str]:
    """Read every mart of a release, or of the served one, in both forms and compare it with what `release.json` says.

    Returns the hash of each mart without what is about runs. Raises BrokenPromiseError.
    """
    folder = folder or (settings.published_dir / "current").resolve()
    details = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    figures = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach {quote_literal(folder / 'marts.duckdb')} as release (read_only)")
        for name, mart in details["marts"].items():
            columns = {column["name"]: column["type"] for column in mart["columns"]}
            tables = {
                "marts.duckdb": f"release.{quote_name(name)}",
                "Parquet": f"read_parquet({quote_literal(folder / f'{name}.parquet')})",
            }
            for form, table in tables.items():
                if hash_table(connection, table, columns) != (mart["rows"], mart["content_hash"]):
                    raise BrokenPromiseError(f"{name} in {form} of {folder.name} is not what release.json says")
            lasting = {column: kind for column, kind in columns.items() if column not in RUN_COLUMNS}
            figures[name] = hash_table(connection, tables["Parquet"], lasting)[1]
    return {name: figure for name, figure in figures.items() if name not in RUN_MARTS}


def served_id(settings: Settings) -> str | None:
    """The id of the release that readers see."""
    current = settings.published_dir / "current"
    return current.resolve().name if current.exists() else None


def check_lake(settings: Settings, dataset: str) -> dict[str, tuple[int, str]]:
    """Compare the ledger with the files and the rows in them; returns rows and content hash by folder.

    Raises BrokenPromiseError for a batch that is half there or there twice, and for what is left over.
    """
    entries = [entry for entry in read_ledger(settings, dataset) if entry.status == "loaded"]
    contents = Counter((entry.feed, entry.source_name, entry.content_sha256) for entry in entries)
    twice = [key for key, count in contents.items() if count > 1]
    if twice:
        raise BrokenPromiseError(f"loaded twice: {twice}")
    committed = {(entry.feed, entry.batch_id) for entry in entries}
    for folder in (settings.raw_dir, settings.quarantine_dir):
        for path in folder.glob("*/*.parquet"):
            if sequence_of(path) != CONTRACT_SEQUENCE and (path.parent.name, path.stem) not in committed:
                raise BrokenPromiseError(f"no ledger entry for {path}")
    leftovers = [path for path in settings.lake_dir.rglob("*") if path.name.startswith(TEMPORARY_PREFIX)]
    if leftovers:
        raise BrokenPromiseError(f"left over: {leftovers}")
    with duckdb.connect() as connection:
        for entry in entries:
            accepted = _count(connection, raw_path(settings, entry.feed, entry.batch_id))
            quarantined = _count(connection, quarantine_path(settings, entry.feed, entry.batch_id))
            if (accepted, quarantined) != (entry.rows_accepted, entry.rows_quarantined):
                raise BrokenPromiseError(f"{entry.batch_id} of {entry.feed} does not hold the rows of its entry")
            if entry.rows_read != accepted + quarantined:
                raise BrokenPromiseError(f"{entry.batch_id} of {entry.feed}: rows were lost")
        folders = sorted(
            folder for parent in (settings.raw_dir, settings.quarantine_dir) for folder in parent.glob("*")
        )
        return {
            str(folder.relative_to(settings.lake_dir)): _content(connection, f"{folder}/{dataset}__*.parquet")
            for folder in folders
            if any(folder.glob(f"{dataset}__*.parquet"))
        }


def rows_missing(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> int:
    """By how many rows two lakes differ, all feeds together."""
    return sum(abs(before.get(name, (0, ""))[0] - after.get(name, (0, ""))[0]) for name in before.keys() | after.keys())


def _count(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    if not path.exists():
        return 0
    return connection.execute(f"select count(*) from read_parquet({quote_literal(path)})").fetchall()[0][0]


def _content(connection: duckdb.DuckDBPyConnection, pattern: str) -> tuple[int, str]:
    table = f"read_parquet({quote_literal(pattern)})"
    columns = {name: kind for name, kind, *_ in connection.execute(f"describe from {table}").fetchall()}
    return hash_table(connection, table, columns)
