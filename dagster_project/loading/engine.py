"""The engine that reads and checks one file.

Belongs here: the settings of a DuckDB connection for loading. Does not belong here: queries.
"""

from pathlib import Path

import duckdb


def open_engine(work_dir: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that may spill into `work_dir`, prints instants in UTC and never installs an extension by
    itself.
    """
    connection = duckdb.connect(
        config={
            "temp_directory": str(work_dir / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection
