"""The marts as they are in the warehouse, before they are published, whatever engine has built them.

Belongs here: opening them for reading, in DuckDB, as `warehouse.marts.<mart>`. Does not belong here: what is done with
them (`content`, `restatements`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from dagster_project.settings import Settings


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads the marts as `warehouse.marts.<mart>` and writes to memory or to what is attached.

    Spark keeps a table as a folder of Parquet files, which DuckDB reads as it is: the figures are computed in Spark,
    and only written down here.
    """
    config = {
        **settings.engine_config,
        "autoinstall_known_extensions": "false",
        "preserve_insertion_order": "false",
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        if settings.dbt_target == "duckdb":
            connection.execute(f"attach {quote_text(settings.warehouse_path)} as warehouse (read_only)")
        else:
            connection.execute("attach ':memory:' as warehouse")
            connection.execute("create schema warehouse.marts")
            for folder in sorted((settings.spark_dir / "warehouse" / "marts.db").glob("*/")):
                files = quote_text(folder / "*.parquet")
                connection.execute(
                    f"create view warehouse.marts.{quote_name(folder.name)} as select * from read_parquet({files})"
                )
        yield connection


def quote_name(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str | Path) -> str:
    """A text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"
