"""The SQLAlchemy dialect through which Great Expectations talks to DuckDB: `duckdb+gx`.

Belongs here: the little that GX needs of a dialect to read, and nothing else. Does not belong here: opening files.

The usual dialect (duckdb-engine) does not serve: GX fetches results after SQLAlchemy has ended the transaction, which
in DuckDB throws the pending result away, so that every metric raises and looks like bad data (GX issue 11579). And
with both loaded a process ends with a page of warnings about leaked objects. Here every statement has a cursor of its
own, and nothing begins or ends a transaction.
"""

# SQLAlchemy calls these methods by name with arguments of its own.
# ruff: noqa: ANN401, ARG002

from types import SimpleNamespace
from typing import Any

import duckdb
from sqlalchemy import text, types
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGDialect

DRIVER = "duckdb+gx"

COLUMN_TYPES = {
    "BOOLEAN": types.Boolean,
    "TINYINT": types.SmallInteger,
    "SMALLINT": types.SmallInteger,
    "INTEGER": types.Integer,
    "BIGINT": types.BigInteger,
    "HUGEINT": types.BigInteger,
    "FLOAT": types.Float,
    "DOUBLE": types.Float,
    "DECIMAL": types.Numeric,
    "VARCHAR": types.String,
    "DATE": types.Date,
    "TIMESTAMP": types.DateTime,
    "TIMESTAMP WITH TIME ZONE": types.DateTime,
}


class GreatExpectationsDialect(PGDialect):
    """DuckDB's SQL is close to PostgreSQL's; what asks for PostgreSQL's catalogue or for transactions is replaced."""

    name = "duckdb"
    driver = "gx"
    supports_statement_cache = False
    supports_server_side_cursors = False

    @classmethod
    def import_dbapi(cls) -> SimpleNamespace:
        """What SQLAlchemy wants to know of a database driver."""
        return SimpleNamespace(
            paramstyle="qmark", apilevel=duckdb.apilevel, threadsafety=duckdb.threadsafety, Error=duckdb.Error
        )

    def initialize(self, connection: Any) -> None:
        """Nothing: DuckDB has no server to ask for its version and settings."""

    def do_begin(self, connection: Any) -> None:
        """Nothing: a gate only reads."""

    def do_commit(self, connection: Any) -> None:
        """Nothing: nothing was begun."""

    def do_rollback(self, connection: Any) -> None:
        """Nothing: nothing was begun."""

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        """Columns in table order."""
        rows = connection.execute(
            text(
                "select column_name, data_type, is_nullable from duckdb_columns() "
                "where table_name = :table and schema_name = coalesce(:schema, current_schema()) "
                "and database_name = current_database() order by column_index"
            ),
            {"table": table_name, "schema": schema},
        ).fetchall()
        return [
            {
                "name": name,
                "type": COLUMN_TYPES.get(data_type.partition("(")[0], types.NullType)(),
                "nullable": nullable,
                "default": None,
            }
            for name, data_type, nullable in rows
        ]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """None: warehouse tables carry no constraints."""
        return {"constrained_columns": [], "name": None}


def register_dialect() -> None:
    """Make `duckdb+gx://` known to SQLAlchemy; calling it again changes nothing."""
    registry.register("duckdb.gx", __name__, GreatExpectationsDialect.__name__)
