"""Writing the marts of a release, and a hash of what is in each.

Belongs here: SQL from warehouse to release. Does not belong here: where releases are kept and which one is current.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.publishing.warehouse import open_warehouse
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_literal, quote_name

# Older DuckDBs, which BI tools carry, read this file format; they refuse that of DuckDB 2.
STORAGE_VERSION = "v1.0.0"


class MartMissingError(Exception):
    """The warehouse does not hold a mart that is to be published."""


@dataclass(frozen=True)
class MartDescription:
    """A mart, the words for it and for its columns, and the columns (or expressions) that tell its rows apart."""

    name: str
    description: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)


def write_marts(settings: Settings, folder: Path, marts: list[MartDescription]) -> dict[str, dict[str, object]]:
    """Copy the marts into `folder` as `marts.duckdb` and one Parquet file each.

    Returns, by mart: rows, columns (name and type), key and content hash. Raises MartMissingError.
    """
    with open_warehouse(settings) as connection:
        target = quote_literal(folder / "marts.duckdb")
        connection.execute(f"attach {target} as release (storage_version {quote_literal(STORAGE_VERSION)})")
        contents = {mart.name: _write_mart(connection, folder, mart) for mart in marts}
        connection.execute("detach release")
    return contents


def _write_mart(connection: duckdb.DuckDBPyConnection, folder: Path, mart: MartDescription) -> dict[str, object]:
    source = f"warehouse.marts.{quote_name(mart.name)}"
    # Not in a schema `marts`: a file opened as `marts.duckdb` is itself called `marts`, and DuckDB then refuses
    # `marts.<table>` as ambiguous. In the default schema that address works, and so does the bare name.
    target = f"release.{quote_name(mart.name)}"
    try:
        connection.execute(f"create table {target} as select * from {source}")
    except duckdb.CatalogException as error:
        raise MartMissingError(
            f"marts.{mart.name} is not in the warehouse, so there is nothing whole to publish. "
            "Run the job full_rebuild, which builds every mart and then publishes."
        ) from error
    connection.execute(f"comment on table {target} is {quote_literal(mart.description)}")
    columns = {name: kind for name, kind, *_ in connection.execute(f"describe {target}").fetchall()}
    for name, description in mart.columns.items():
        if name in columns:
            connection.execute(f"comment on column {target}.{quote_name(name)} is {quote_literal(description)}")
    parquet = quote_literal(folder / f"{mart.name}.parquet")
    connection.execute(f"copy {target} to {parquet} (format parquet, compression zstd)")
    rows, content_hash = hash_table(connection, target, columns)
    return {
        "rows": rows,
        "columns": [{"name": name, "type": kind} for name, kind in columns.items()],
        "key": mart.key,
        "content_hash": content_hash,
    }


def hash_table(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> tuple[int, str]:
    """Row count and content hash of a table, computed in the engine.

    The hash covers names, types and values of all columns. Row hashes are summed, so the order of rows does not matter
    and a duplicated row does. It is the engine's own hash, thirty times as fast as one of texts, so another version of
    DuckDB may give another one for the same rows. `table` is quoted SQL; `columns` maps names to DuckDB types.
    """
    values = ", ".join(_value_to_hash(name, kind) for name, kind in columns.items())
    rows, total = connection.execute(f"select count(*), sum(hash({values})) from {table}").fetchall()[0]
    summary = json.dumps([list(columns.items()), rows, str(total)])
    return rows, hashlib.sha256(summary.encode()).hexdigest()


def _value_to_hash(name: str, kind: str) -> str:
    column = quote_name(name)
    if kind in ("DOUBLE", "FLOAT"):
        # To twelve digits: the last bits of a floating-point figure depend on the order in which threads added it up.
        scale = f"pow(10, 11 - floor(log10(abs({column}))))"
        return (
            f"case when isfinite({column}) and {column} <> 0 then round({column} * {scale}) / {scale} else {column} end"
        )
    return column
