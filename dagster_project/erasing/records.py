"""Refused records of erased people: the record goes, its reasons and its place in the counts stay.

Belongs here: finding such records in a quarantine file and writing the file anew. Does not belong here: which files
(`lake`).

A refused record is text as the source wrote it; nobody knows for sure what is an id in it. So every value is compared,
except those of columns that the mapping reads as something else (an amount, say). In doubt a record goes: whoever needs
it can deliver it again, corrected.
"""

from pathlib import Path

import duckdb

from dagster_project.erasing.erasure_list import Tokens, read_erasure_list
from dagster_project.erasing.rows import CUSTOMER_COLUMNS, LINK_COLUMNS
from dagster_project.erasing.tokens import read_salt, token_sql
from dagster_project.loading.batches import PARQUET_OPTIONS, UNPARSED_RECORD
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.durable import publish_file
from dagster_project.loading.mapping import Source
from dagster_project.loading.values import trimmed_sql
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_text

# What may stand between two values in a line that could not be taken apart.
SEPARATORS = '[,;|\\t\\r\\n"]+'


def columns_without_ids(source: Source) -> frozenset[str]:
    """The source columns that the mapping reads only as something that is neither an id of a person nor personal."""
    feed = load_feeds()[source.feed]
    telling = {*CUSTOMER_COLUMNS, *LINK_COLUMNS, *(name for name, column in feed.columns.items() if column.personal)}
    if source.columns is None:
        read_as = [(name, name) for name in feed.columns]
    else:
        read_as = [(name, column.text) for name, column in source.columns.items() if column.kind == "source"]
    return frozenset(text for _, text in read_as) - {text for name, text in read_as if name in telling}


def erase_refused_records(settings: Settings, quarantine: Path, without_ids: frozenset[str]) -> None:
    """Take the records of erased people out of one quarantine file; it is there whole, as before or as after."""
    if not quarantine.exists():
        return
    erased = read_erasure_list(settings)
    if erased == Tokens():
        return
    with duckdb.connect() as connection:
        rows = rows_of_erased(connection, read_salt(settings), erased, quarantine, without_ids)
        if not rows:
            return
        kept = f"CASE WHEN _source_row NOT IN ({', '.join(map(str, rows))}) THEN raw_record END AS raw_record"
        query = f"SELECT * REPLACE ({kept}) FROM {_parquet(quarantine)} ORDER BY _source_row"
        publish_file(
            quarantine,
            lambda temporary: connection.execute(f"COPY ({query}) TO {quote_text(str(temporary))} ({PARQUET_OPTIONS})"),
        )


def rows_of_erased(
    connection: duckdb.DuckDBPyConnection,
    salt: bytes,
    erased: Tokens,
    quarantine: Path,
    without_ids: frozenset[str] = frozenset(),
) -> list[int]:
    """The numbers of the records that name an erased person."""
    kinds = [("", erased.customers), ("contact:", erased.contacts)]
    kinds += [("order:", erased.orders), ("ticket:", erased.tickets)]
    texts = {"": "text", "order:": "text", "ticket:": "text", "contact:": "lower(text)"}
    wanted = [(kind, sorted(tokens)) for kind, tokens in kinds if tokens]
    if not wanted:
        return []
    matches = " OR ".join(f"{token_sql(salt, texts[kind], kind)} IN (SELECT unnest(?))" for kind, _ in wanted)
    pointer = "'/' || replace(replace(name, '~', '~0'), '/', '~1')"
    is_unparsed = f"name = {quote_text(UNPARSED_RECORD)}"
    pieces = f"CASE WHEN {is_unparsed} THEN string_split_regex(value, '{SEPARATORS}') ELSE [value] END"
    query = f"""
        WITH names AS (
            SELECT _source_row, raw_record, unnest(json_keys(raw_record)) AS name
            FROM {_parquet(quarantine)} WHERE raw_record IS NOT NULL
        ),
        fields AS (
            SELECT _source_row, name, raw_record ->> ({pointer}) AS value FROM names
            WHERE name NOT IN (SELECT unnest(?))
        ),
        pieces AS (SELECT _source_row, unnest({pieces}) AS piece FROM fields WHERE value IS NOT NULL),
        texts AS (SELECT DISTINCT _source_row, {trimmed_sql("piece")} AS text FROM pieces)
        SELECT DISTINCT _source_row FROM texts WHERE text IS NOT NULL AND ({matches}) ORDER BY _source_row
    """
    parameters = [sorted(without_ids), *(tokens for _, tokens in wanted)]
    return [row for (row,) in connection.execute(query, parameters).fetchall()]


def _parquet(path: Path) -> str:
    return f"read_parquet({quote_text(str(path))})"
