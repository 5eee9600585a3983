"""Releases that still name a person.

Belongs here: finding and deleting them. Does not belong here: making releases (`publishing`).
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from dagster_project.erasing.person import Person
from dagster_project.publishing.releases import ReleaseError, current_release, list_releases, remove_release
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_name, quote_text


def remove_releases_naming(settings: Settings, people: Iterable[Person]) -> list[str]:
    """Delete every release in which a customer has one of these people's ids; returns their ids.

    They go at once, also when they were current a moment ago: no grace for readers here. Raises ReleaseError where the
    current release is one of them: it has to be replaced before.
    """
    customers = sorted({text for person in people for text in person.customers})
    current = current_release(settings)
    naming = [release for release in list_releases(settings) if _names(release.path, customers)]
    if current is not None and current.release_id in [release.release_id for release in naming]:
        raise ReleaseError(
            f"The release that is served, {current.release_id}, still names a person who is to be erased. "
            "Run the job daily_refresh, which publishes a new one and then finishes the erasure."
        )
    for release in naming:
        remove_release(release)
    return [release.release_id for release in naming]


def _names(folder: Path, customers: list[str]) -> bool:
    with duckdb.connect() as connection:
        for path in sorted(folder.glob("*.parquet")):
            mart = f"read_parquet({quote_text(str(path))})"
            columns = [row[0] for row in connection.execute(f"DESCRIBE FROM {mart}").fetchall()]
            for column in columns:
                if column.endswith("customer_id") and _holds(connection, mart, column, customers):
                    return True
    return False


def _holds(connection: duckdb.DuckDBPyConnection, mart: str, column: str, customers: list[str]) -> bool:
    query = f"SELECT count(*) FROM {mart} WHERE {quote_name(column)} IN (SELECT unnest(?))"
    return connection.execute(query, [customers]).fetchone()[0] > 0
