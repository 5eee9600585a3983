"""Where a gate runs: the connection it reads through and the GX batches on top of it.

Belongs here: choosing the engine by `settings.dbt_target`, opening and closing it, handing GX one table. Does not
belong here: what is checked. Great Expectations is imported inside functions: the import takes 3-10 seconds, and
whoever only reads results must not pay for it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project.quality.spark_connection import SparkConnection
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_literal, quote_name_for_spark
from dagster_project.transforming.spark import spark_session

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.interfaces import Batch

# GX asks for one table at a time, as a batch it can validate.
BatchSource = Callable[[str], "Batch"]
# Both run SQL: `execute(query)`, then `fetchall()`, `fetchone()` and `description`.
Connection = duckdb.DuckDBPyConnection | SparkConnection


class EngineError(Exception):
    """The gate cannot be run at all; the message says why and what to do."""


@contextmanager
def open_engine(settings: Settings, database: Path | None) -> Iterator[Connection]:
    """Open the engine for one gate.

    On DuckDB it is closed at the end, so that dbt can have the file again; `database` is the warehouse file, or None
    for a database in memory (the raw gate reads the lake and needs no warehouse). On Spark it is the session of the
    run. Raises EngineError when the warehouse does not exist, SparkError when Spark cannot be started.
    """
    if settings.dbt_target == "spark":
        connection = SparkConnection(spark_session(settings))
        connection.execute("create schema if not exists facts")
        yield connection
        return
    if database is not None and not database.exists():
        raise EngineError(f"There is no warehouse at {database} yet. Build it first: run the job daily_refresh.")
    # The same configuration as dbt-duckdb's: DuckDB refuses a second connection of one process that differs in it.
    connection = duckdb.connect(str(database) if database else ":memory:")
    try:
        connection.execute(
            "set timezone = 'UTC'; set preserve_insertion_order = false; set autoinstall_known_extensions = false; "
            "set enable_progress_bar = false"
        )
        for name, value in settings.engine_config.items():
            connection.execute(f"set {name} = {quote_literal(value)}")
        # Facts that are not in the warehouse (ledger, last release) live in memory, in a database of their own: a
        # temporary table would be invisible to the connection that GX uses.
        connection.execute("attach ':memory:' as facts")
        yield connection
        connection.execute("detach facts")
    finally:
        connection.close()


def put_facts(
    connection: Connection, settings: Settings, name: str, columns: dict[str, str], rows: Sequence[Sequence[Any]]
) -> None:
    """Make the table `facts.<name>` of these columns (name: type) and rows, which only this gate sees."""
    definition = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    if isinstance(connection, SparkConnection):
        # Handed over as a file: Spark would guess types from values.
        file = settings.spark_dir / "facts" / f"{name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as memory:
            _fill(memory, name, definition, rows)
            memory.execute(f"copy {name} to {quote_literal(file)}")
        rows_of_file = f"select * from parquet.{quote_name_for_spark(file)}"
        connection.execute(f"create or replace view facts.{name} as {rows_of_file}")
        # Nearly every rule about files asks for it, and it is small.
        connection.execute(f"cache table facts.{name}")
    else:
        _fill(connection, f"facts.{name}", definition, rows)


def _fill(connection: duckdb.DuckDBPyConnection, table: str, definition: str, rows: Sequence[Sequence[Any]]) -> None:
    connection.execute(f"create table {table} ({definition})")
    if rows:
        # In one statement: a row at a time takes seconds where there are thousands of files.
        values = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(f"insert into {table} select {', '.join('unnest(?)' for _ in values)}", values)


def batch_source(connection: Connection) -> BatchSource:
    """A function that gives GX one table (`<schema>.<table>`) of this connection, read inside the engine."""
    context = _gx_context()
    if isinstance(connection, SparkConnection):
        return _batches_of_spark(context, connection)
    return _batches_of_duckdb(context, connection)


def _gx_context() -> "EphemeralDataContext":
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            # Without this every context leaves a folder for its own docs in the system's temporary folder.
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )


def _batches_of_spark(context: "EphemeralDataContext", connection: SparkConnection) -> BatchSource:
    # Not kept in memory: every rule about rows is counted in one pass anyway.
    datasource = context.data_sources.add_spark("warehouse", persist=False)

    def batch(table: str) -> "Batch":
        whole_table = datasource.add_dataframe_asset(table).add_batch_definition_whole_dataframe("whole_table")
        return whole_table.get_batch(batch_parameters={"dataframe": connection.session.table(table)})

    return batch


def _batches_of_duckdb(context: "EphemeralDataContext", connection: duckdb.DuckDBPyConnection) -> BatchSource:
    from sqlalchemy.pool import StaticPool

    from dagster_project.quality.dialect import DRIVER, register_dialect

    register_dialect()
    datasource = context.data_sources.add_sql(
        "warehouse",
        connection_string=f"{DRIVER}:///:memory:",
        # One connection for everything, ours: GX would open a second one with its own configuration.
        kwargs={
            "creator": connection.cursor,
            "poolclass": StaticPool,
            "pool_reset_on_return": None,
        },
    )

    def batch(table: str) -> "Batch":
        schema, _, name = table.partition(".")
        asset = datasource.add_table_asset(table, table_name=name, schema_name=schema)
        return asset.add_batch_definition_whole_table("whole_table").get_batch()

    return batch


def table_exists(connection: Connection, table: str) -> bool:
    """Whether the table or view `<schema>.<table>` is there."""
    if isinstance(connection, SparkConnection):
        return connection.session.catalog.tableExists(table)
    schema, _, name = table.partition(".")
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
    ).fetchone()
    return bool(found and found[0])
