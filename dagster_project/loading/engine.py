"""The engine that reads and checks files.

Belongs here: the settings of a DuckDB connection for loading, emptying it between files, and words for where it stops.
Does not belong here: queries over rows.
"""

import re
from pathlib import Path

import duckdb

from dagster_project.sql_text import quote_name, quote_text

# With less, an engine cannot hold a large file's rows and the buffers of its reader.
SMALLEST_SHARE_MEGABYTES = 500
# One judges while the other's rows are written; more of them were no faster.
ENGINES = 2

# No row is to blame for these.
DISK_OR_MEMORY = (duckdb.IOException, duckdb.OutOfMemoryException)
OUT_OF_MEMORY = (
    "it needs more memory than the loader may use, and the disk has no room for the rest. Raise MEMORY_LIMIT, make "
    "room on the disk of WAREHOUSE_HOME, or deliver it in several smaller files."
)


def memory_shares(memory_limit: str) -> tuple[str, ...]:
    """The limits of engines that together keep `memory_limit`, such as 4GB or 40%; one, where it is too small."""
    number, unit = re.fullmatch(r"([0-9]+)(MB|GB|%)", memory_limit).groups()
    if unit == "%":
        return (f"{int(number) / ENGINES}%",) * ENGINES
    share = int(number) * (1000 if unit == "GB" else 1) // ENGINES
    return (f"{share}MB",) * ENGINES if share >= SMALLEST_SHARE_MEGABYTES else (memory_limit,)


def open_engine(spill_dir: Path, allowed_dirs: tuple[Path, ...], memory_limit: str) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that prints instants in UTC and never installs an extension by itself.

    What does not fit in `memory_limit`, such as 4GB, goes to `spill_dir`.

    It reaches files below `allowed_dirs` only, and its settings cannot be changed again. That is the second wall around
    the expressions of the mapping; the first is the list of what they may say (`expressions`).
    """
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "temp_directory": str(spill_dir),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    # Its bar would be drawn into logs; the loader says itself how far it is.
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET TimeZone = 'UTC'")
    folders = ", ".join(quote_text(str(folder)) for folder in allowed_dirs)
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def empty_engine(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop everything that earlier files left."""
    views = connection.execute("SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal").fetchall()
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
    for kind, names in (("VIEW", views), ("TABLE", tables)):
        for (name,) in names:
            connection.execute(f"DROP {kind} IF EXISTS {quote_name(name)}")


def where_it_stops(error: duckdb.Error) -> str:
    """What to say where the engine stops at rows; raises the error where the disk is to blame."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return OUT_OF_MEMORY
    if isinstance(error, duckdb.IOException):
        raise error
    # The engine's own words may quote a value of the row.
    return (
        f"the engine stops at its rows ({type(error).__name__}). Look for what is unusual in the file or in the "
        "expressions of the mapping."
    )
