"""Rows of erased people: tokens for their ids, nothing for their personal columns.

Belongs here: the SQL that does so for any rows with a feed's columns, and the step of the loader that applies it to
what is about to be written. Does not belong here: which files are rewritten (`lake`), refused records (`records`).

Also without an id of the person a row may be about them: an answer that names only their order or ticket. It keeps its
score and loses its comment.
"""

import duckdb

from dagster_project.erasing.erasure_list import Tokens, read_erasure_list
from dagster_project.erasing.tokens import read_salt, token_sql
from dagster_project.loading.contracts import Feed
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_name, quote_text

CUSTOMER_COLUMNS = ("customer_id", "canonical_customer_id")
# Columns through which a row without a customer is about one, and the kind of their tokens.
LINK_COLUMNS = {"order_id": "order:", "ticket_id": "ticket:"}


def without_erased_people(connection: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, query: str) -> str:
    """The query of typed rows, changed where it gives rows of erased people; the loader asks before it writes.

    Row count, order of columns and their types stay.
    """
    erased = read_erasure_list(settings)
    if erased == Tokens():
        return query
    return erased_rows_sql(connection, read_salt(settings), erased, feed, f"({query})") or query


def customer_columns(feed: Feed) -> list[str]:
    """The columns of a feed that hold ids of customers."""
    return [name for name in CUSTOMER_COLUMNS if name in feed.columns]


def link_columns(feed: Feed) -> list[str]:
    """The columns that link a row to a person, for feeds that keep anything personal in it."""
    has_personal = any(column.personal for column in feed.columns.values())
    return [name for name in LINK_COLUMNS if name in feed.columns and has_personal]


def erased_rows_sql(
    connection: duckdb.DuckDBPyConnection, salt: bytes, erased: Tokens, feed: Feed, relation: str
) -> str | None:
    """The rows of `relation` (SQL) with erased people taken out; None where it holds none of them."""
    by_link = {"order_id": erased.orders, "ticket_id": erased.tickets}
    customers = _found(connection, salt, relation, customer_columns(feed), "", erased.customers)
    links = {
        name: _found(connection, salt, relation, [name], LINK_COLUMNS[name], by_link[name])
        for name in link_columns(feed)
    }
    if not customers and not any(links.values()):
        return None
    replaced, joins, conditions = [], [], []
    if customers:
        pairs = ", ".join(f"({quote_text(clear)}, {quote_text(token)})" for clear, token in customers)
        for name in customer_columns(feed):
            joins.append(f"LEFT JOIN (VALUES {pairs}) AS by_{name} (clear, token) ON incoming.{name} = by_{name}.clear")
            replaced.append(f"coalesce(by_{name}.token, incoming.{name}) AS {name}")
            conditions.append(f"by_{name}.token IS NOT NULL")
    for name, found in links.items():
        if found:
            conditions.append(f"incoming.{name} IN ({', '.join(quote_text(clear) for clear, _ in found)})")
    is_erased = " OR ".join(f"coalesce({condition}, FALSE)" for condition in conditions)
    for column in feed.columns.values():
        if column.personal:
            name = quote_name(column.name)
            replaced.append(f"CASE WHEN NOT ({is_erased}) THEN incoming.{name} END AS {name}")
    return f"SELECT incoming.* REPLACE ({', '.join(replaced)}) FROM {relation} AS incoming {' '.join(joins)}"


def _found(
    connection: duckdb.DuckDBPyConnection,
    salt: bytes,
    relation: str,
    columns: list[str],
    kind: str,
    tokens: frozenset[str],
) -> list[tuple[str, str]]:
    """The ids in these columns whose token is among `tokens`, with it."""
    if not columns or not tokens:
        return []
    every = " UNION ALL ".join(f"SELECT {name} AS clear FROM {relation} WHERE {name} IS NOT NULL" for name in columns)
    hashed = f"SELECT clear, {token_sql(salt, 'clear', kind)} AS token FROM (SELECT DISTINCT clear FROM ({every}))"
    return connection.execute(
        f"SELECT clear, token FROM ({hashed}) WHERE token IN (SELECT unnest(?)) ORDER BY clear",
        [sorted(tokens)],
    ).fetchall()
