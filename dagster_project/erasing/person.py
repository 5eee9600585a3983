"""Who the person is: every id under which the lake knows them, and what these ids lead to.

Belongs here: reading the lake. Does not belong here: changing it (`lake`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from dagster_project.erasing.erasure_list import Tokens
from dagster_project.erasing.rows import customer_columns, link_columns
from dagster_project.erasing.tokens import token_of
from dagster_project.loading.contracts import Feed, load_feeds
from dagster_project.loading.values import trimmed_sql
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_text

CONTACT_COLUMNS = ("email", "phone")


@dataclass(frozen=True)
class Person:
    """Clear ids and contacts of one person. Held in memory and, until the erasure is done, in its pending note."""

    customers: tuple[str, ...]
    orders: tuple[str, ...]
    tickets: tuple[str, ...]
    contacts: tuple[str, ...]

    def tokens(self, salt: bytes) -> Tokens:
        """What goes on the erasure list."""
        return Tokens(
            customers=frozenset(token_of(salt, text) for text in self.customers),
            orders=frozenset(token_of(salt, text, "order:") for text in self.orders),
            tickets=frozenset(token_of(salt, text, "ticket:") for text in self.tickets),
            contacts=frozenset(token_of(salt, text.lower(), "contact:") for text in self.contacts),
        )


def trimmed_id(text: str) -> str | None:
    """An id as the loader would store it; None where nothing is left of it."""
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {trimmed_sql('given')} FROM (SELECT ? AS given)", [text]).fetchone()[0]


def find_person(connection: duckdb.DuckDBPyConnection, settings: Settings, customer_id: str, known: Tokens) -> Person:
    """The person behind an id: the surviving id, every id merged into it, their orders, tickets and contacts.

    Ids that stand in the lake as tokens already (`known`) are left out.
    """
    customers = sorted(_united_with(connection, settings, customer_id) - known.customers)
    contacts = {
        text for column in CONTACT_COLUMNS for text in _values(connection, settings, "crm_customers", column, customers)
    }
    links = find_links(connection, settings, customers)
    return replace(links, customers=tuple(customers), contacts=tuple(sorted(contacts)))


def find_links(connection: duckdb.DuckDBPyConnection, settings: Settings, customers: Iterable[str]) -> Person:
    """The orders and tickets of customers, without the customers themselves."""
    customers = sorted(customers)
    return Person(
        customers=(),
        orders=_values(connection, settings, "orders", "order_id", customers),
        tickets=_values(connection, settings, "crm_tickets", "ticket_id", customers),
        contacts=(),
    )


def count_rows(connection: duckdb.DuckDBPyConnection, settings: Settings, person: Person) -> dict[str, int]:
    """Rows of the lake about the person, by feed; feeds without such a row are left out."""
    counts = {}
    for feed in load_feeds().values():
        rows = rows_about(settings, feed, person)
        if rows is not None:
            query, parameters = rows
            counts[feed.name] = connection.execute(f"SELECT count(*) {query}", parameters).fetchone()[0]
    return {feed: count for feed, count in counts.items() if count}


def rows_about(settings: Settings, feed: Feed, person: Person) -> tuple[str, dict[str, list[str]]] | None:
    """The rows of a feed, of all datasets, that name the person or, where it matters, one of their orders or tickets.

    As SQL from FROM on, with its parameters; None for a feed without such columns or without files.
    """
    columns = [*customer_columns(feed), *link_columns(feed)]
    if not columns or not _has_files(settings.raw_dir / feed.name):
        return None
    ids = {"order_id": person.orders, "ticket_id": person.tickets}
    parameters = {name: list(ids.get(name, person.customers)) for name in columns}
    named = " OR ".join(f"{name} IN (SELECT unnest(${name}))" for name in columns)
    return f"FROM {_relation(settings, feed.name)} WHERE {named}", parameters


def _has_files(folder: Path) -> bool:
    return any(folder.glob("*.parquet"))


def _relation(settings: Settings, feed: str) -> str:
    return f"read_parquet({quote_text(str(settings.raw_dir / feed / '*.parquet'))}, filename = true)"


def _united_with(connection: duckdb.DuckDBPyConnection, settings: Settings, customer_id: str) -> set[str]:
    united = {customer_id}
    if not _has_files(settings.raw_dir / "crm_customers"):
        return united
    while True:
        merges = _merges(connection, settings, united)
        if _is_circular(merges, customer_id):
            # Nobody survives a circle, so the models unite nobody in it; neither may an erasure.
            return {customer_id}
        reached = united | {name for merge in merges for name in merge}
        if reached == united:
            return united
        united = reached


def _merges(connection: duckdb.DuckDBPyConnection, settings: Settings, customers: set[str]) -> list[tuple[str, str]]:
    """Who was merged into whom, by the latest row of each record that one of `customers` is a side of."""
    source = _relation(settings, "crm_customers")
    return connection.execute(
        f"""
        WITH touched AS (
            SELECT DISTINCT customer_id FROM {source}
            WHERE customer_id IN (SELECT unnest($customers)) OR canonical_customer_id IN (SELECT unnest($customers))
        ),
        latest AS (
            SELECT
                customer_id,
                canonical_customer_id,
                row_number() OVER (
                    PARTITION BY split_part(_batch_id, '__', 1), customer_id
                    ORDER BY coalesce(updated_at, created_at) DESC, _load_sequence DESC, _source_row DESC
                ) AS recency_rank
            FROM {source} SEMI JOIN touched USING (customer_id)
        )
        SELECT DISTINCT customer_id, canonical_customer_id FROM latest
        WHERE recency_rank = 1 AND canonical_customer_id <> customer_id
        """,
        {"customers": sorted(customers)},
    ).fetchall()


def _is_circular(merges: list[tuple[str, str]], customer_id: str) -> bool:
    survivors = dict(merges)
    seen = {customer_id}
    while (customer_id := survivors.get(customer_id)) is not None:
        if customer_id in seen:
            return True
        seen.add(customer_id)
    return False


def _values(
    connection: duckdb.DuckDBPyConnection, settings: Settings, feed: str, column: str, customers: list[str]
) -> tuple[str, ...]:
    if not _has_files(settings.raw_dir / feed):
        return ()
    rows = connection.execute(
        f"SELECT DISTINCT {column} FROM {_relation(settings, feed)} "
        f"WHERE customer_id IN (SELECT unnest($customers)) AND {column} IS NOT NULL ORDER BY 1",
        {"customers": customers},
    ).fetchall()
    return tuple(value for (value,) in rows)
