"""What the dbt project says about its tables, and how many rows they have.

Belongs here: reading the parsed project, counting, types of columns. Does not belong here: building (see `dbt_runner`).
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.settings import Settings
from dagster_project.sql_text import quote_literal, quote_name
from dagster_project.transforming.spark import spark_session


@dataclass(frozen=True)
class TableDescription:
    """A model or seed with its words; `name` is without the schema.

    `key` is what the test `unique_combination` names: columns, or expressions over them; empty without that test.
    """

    unique_id: str
    name: str
    schema: str
    description: str
    columns: dict[str, str]
    key: list[str]


def parsed_manifest(manifest_path: Path) -> dict[str, Any]:
    """The parsed project as dbt wrote it, read once for all who ask. To be read, never changed."""
    return _manifest_of(manifest_path, manifest_path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _manifest_of(manifest_path: Path, _changed_at: int) -> dict[str, Any]:
    return json.loads(manifest_path.read_text(encoding="utf-8"))


def describe_tables(manifest_path: Path, schema: str) -> list[TableDescription]:
    """The models and seeds of one schema, by name."""
    nodes = parsed_manifest(manifest_path)["nodes"].values()
    keys = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in nodes
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "unique_combination"
    }
    tables = [
        TableDescription(
            unique_id=node["unique_id"],
            name=node["alias"],
            schema=node["schema"],
            description=node["description"],
            columns={column["name"]: column["description"] for column in node["columns"].values()},
            key=keys.get(node["unique_id"], []),
        )
        for node in nodes
        if node["resource_type"] in ("model", "seed") and node["schema"] == schema
    ]
    return sorted(tables, key=lambda table: table.name)


def feeds_of_staging_tables(manifest_path: Path) -> dict[str, set[str]]:
    """The feeds that each staging table, as `schema.table`, is made of; nothing where nothing was parsed yet."""
    if not manifest_path.exists():
        return {}
    nodes = parsed_manifest(manifest_path)["nodes"]

    def feeds(unique_id: str) -> set[str]:
        parents = nodes[unique_id]["depends_on"]["nodes"] if unique_id in nodes else []
        # source.<project>.raw.<feed>
        read = {parent.split(".")[3] for parent in parents if parent.startswith("source.")}
        return read.union(*(feeds(parent) for parent in parents))

    return {
        f"{node['schema']}.{node['alias']}": feeds(unique_id)
        for unique_id, node in nodes.items()
        if node["resource_type"] == "model" and node["schema"] == "staging"
    }


def count_rows(settings: Settings, relations: list[str]) -> dict[str, int]:
    """Rows of each `schema.table` in the warehouse."""
    if not relations:
        return {}
    query = " union all ".join(
        f"select {quote_literal(relation)} as relation, count(*) as row_count from {_quoted(relation)}"
        for relation in relations
    )
    if settings.dbt_target == "spark":
        return {row["relation"]: row["row_count"] for row in spark_session(settings).sql(query).collect()}
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        return dict(connection.execute(query).fetchall())


def column_types(settings: Settings) -> dict[str, dict[str, str]]:
    """Name and type of every column of each `schema.table` in the warehouse, in their order; nothing without one.

    Types are as DuckDB names them, also those of tables that Spark wrote: releases have them under these names.
    """
    types: dict[str, dict[str, str]] = {}
    if settings.dbt_target == "spark":
        # From the files, so that a page can be written where Java cannot be started.
        with duckdb.connect() as connection:
            for folder in sorted((settings.spark_dir / "warehouse").glob("*.db/*/")):
                # What a failed statement leaves has none.
                if any(folder.glob("*.parquet")):
                    files = quote_literal(folder / "*.parquet")
                    columns = connection.execute(f"describe select * from read_parquet({files})").fetchall()
                    types[f"{folder.parent.stem}.{folder.name}"] = {name: data_type for name, data_type, *_ in columns}
        return types
    if not settings.warehouse_path.exists():
        return {}
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        for schema, table, column, data_type in connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() "
            "where database_name = current_database() and not internal order by schema_name, table_name, column_index"
        ).fetchall():
            types.setdefault(f"{schema}.{table}", {})[column] = data_type
    return types


def _quoted(relation: str) -> str:
    return ".".join(quote_name(part) for part in relation.split("."))
