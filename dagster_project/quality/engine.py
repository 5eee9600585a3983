"""Where a gate runs: the connection it reads through and the GX batches on top of it.

Belongs here: choosing the engine by `settings.dbt_target`, opening and closing it, handing GX one table. Does not
belong here: what is checked. Great Expectations is imported inside functions: the import takes 3-10 seconds, and
whoever only reads results must not pay for it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dagster_project.settings import Settings

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch

# GX asks for one table at a time, as a batch it can validate.
BatchSource = Callable[[str], "Batch"]


class EngineError(Exception):
    """The gate cannot be run at all; the message says why and what to do."""


@contextmanager
def open_engine(settings: Settings, database: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the engine for one gate; it is closed at the end, so that dbt can have the file again.

    `database` is the warehouse file, or None for a database in memory (the raw gate reads the lake and needs no
    warehouse). Raises EngineError when the engine of the settings has no gates yet or the warehouse does not exist.
    """
    if settings.dbt_target != "duckdb":
        raise EngineError(
            f"Gates run on DuckDB only; DBT_TARGET is '{settings.dbt_target}'. Set DBT_TARGET=duckdb to validate."
        )
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
            connection.execute(f"set {name} = '{_quoted(value)}'")
        # Facts that are not in the warehouse (ledger, last release) live in memory, in a database of their own: a
        # temporary table would be invisible to the connection that GX uses.
        connection.execute("attach ':memory:' as facts")
        yield connection
        connection.execute("detach facts")
    finally:
        connection.close()


def batch_source(connection: duckdb.DuckDBPyConnection) -> BatchSource:
    """A function that gives GX one table (`<schema>.<table>`) of this connection, read inside the engine."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from sqlalchemy.pool import StaticPool

    from dagster_project.quality.dialect import DRIVER, register_dialect

    register_dialect()
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            # Without this every context leaves a folder for its own docs in the system's temporary folder.
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )
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


def table_exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether the table or view `<schema>.<table>` is there."""
    schema, _, name = table.partition(".")
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, name]
    ).fetchone()
    return bool(found and found[0])


def _quoted(text: str) -> str:
    return text.replace("'", "''")
