"""The marts as they are in the warehouse, before they are published, whatever engine has built them.

Belongs here: opening them for reading, in DuckDB, as `warehouse.marts.<mart>`. Does not belong here: what is done with
them (`content`, `restatements`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from dagster_project.settings import Settings
from dagster_project.sql_text import quote_literal, quote_name


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
            connection.execute(f"attach {quote_literal(settings.warehouse_path)} as warehouse (read_only)")
        else:
            connection.execute("attach ':memory:' as warehouse")
            connection.execute("create schema warehouse.marts")
            for folder in sorted((settings.spark_dir / "warehouse" / "marts.db").glob("*/")):
                files = quote_literal(folder / "*.parquet")
                connection.execute(
                    f"create view warehouse.marts.{quote_name(folder.name)} as select * from read_parquet({files})"
                )
        yield connection
