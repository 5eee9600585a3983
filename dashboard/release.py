"""Reading a release: which one is current, and SQL over its Parquet files.

Belongs here: opening and closing. Does not belong here: what is asked (`figures`).

Nothing is ever locked: each question opens a DuckDB in memory, reads Parquet files of one release folder, and closes.
The folder is resolved once a view, so a view never mixes two releases.
"""

from pathlib import Path

import duckdb
import pandas as pd

from dagster_project.publishing.releases import Release, current_release
from dagster_project.settings import load_settings
from dagster_project.sql_text import quote_literal

# A page asks a handful of short questions; more threads would only take the machine from a refresh.
THREADS = 4


class ReleaseUnreadableError(Exception):
    """The release lacks a mart or a column that the dashboard needs; the message names it."""


def open_release() -> Release | None:
    """The release that readers see now, or None before the first one."""
    return current_release(load_settings())


def mart(folder: Path, name: str) -> str:
    """A mart of the release in `folder`, as SQL that may follow `from`."""
    return f"read_parquet({quote_literal(folder / f'{name}.parquet')})"


def columns_of(folder: Path, name: str) -> list[str]:
    """The columns of a mart."""
    return list(query(folder, f"describe select * from {mart(folder, name)}")["column_name"])


def query(folder: Path, sql: str, parameters: dict[str, object] | None = None) -> pd.DataFrame:
    """The answer to one question. Raises ReleaseUnreadableError when the release does not hold what it asks for."""
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": THREADS}) as connection:
            return connection.execute(sql, parameters or {}).df()
    except (duckdb.IOException, duckdb.BinderException, duckdb.InvalidInputException) as error:
        problem = str(error).splitlines()[0].replace(str(folder), folder.name)
        raise ReleaseUnreadableError(problem) from error


__all__ = ["Release", "ReleaseUnreadableError", "columns_of", "mart", "open_release", "query"]
