"""The SQLAlchemy dialect through which Great Expectations talks to DuckDB: `duckdb+gx`.

Belongs here: what duckdb-engine does in a way that breaks GX, and nothing else. Does not belong here: opening files.

Without it every metric raises (GX issue 11579) and looks like bad data: GX fetches results after SQLAlchemy has ended
the transaction, and in DuckDB ending the transaction throws the pending result away.
"""

# SQLAlchemy calls these methods by name with arguments of its own.
# ruff: noqa: ANN401, ARG002

from typing import Any

from duckdb_engine import Dialect
from sqlalchemy import text
from sqlalchemy.dialects import registry
from sqlalchemy.types import NullType

DRIVER = "duckdb+gx"


class GreatExpectationsDialect(Dialect):
    """duckdb-engine's dialect without transactions, and with column reflection that DuckDB can answer."""

    supports_statement_cache = False

    def do_begin(self, connection: Any) -> None:
        """Nothing: a gate only reads."""

    def do_commit(self, connection: Any) -> None:
        """Nothing: a commit would throw away results that are not fetched yet."""

    def do_rollback(self, connection: Any) -> None:
        """Nothing, for the same reason as a commit."""

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        """Columns in table order. The inherited query reads PostgreSQL catalogue tables that DuckDB does not have."""
        rows = connection.execute(
            text(
                "select column_name, data_type, is_nullable from duckdb_columns() "
                "where table_name = :table and schema_name = coalesce(:schema, current_schema()) "
                "and database_name = current_database() order by column_index"
            ),
            {"table": table_name, "schema": schema},
        ).fetchall()
        return [
            {"name": name, "type": self._column_type(data_type), "nullable": nullable, "default": None}
            for name, data_type, nullable in rows
        ]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """None: warehouse tables carry no constraints."""
        return {"constrained_columns": [], "name": None}

    def _column_type(self, data_type: str) -> Any:
        known = self.ischema_names.get(data_type.partition("(")[0].lower())
        return known() if isinstance(known, type) else known or NullType()


def register_dialect() -> None:
    """Make `duckdb+gx://` known to SQLAlchemy; calling it again changes nothing."""
    registry.register("duckdb.gx", __name__, GreatExpectationsDialect.__name__)
