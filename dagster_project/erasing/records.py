"""Refused records of erased people: the record goes, its reasons and its place in the counts stay.

Belongs here: finding such records in a quarantine file and writing the file anew. Does not belong here: which files
(`lake`).

A refused record is text as the source wrote it; nobody knows for sure what is an id in it. So every value is compared,
except those of columns that the mapping reads as something else (an amount, say), and so are the ids that the mapping
makes of the values. In doubt a record goes: whoever needs it can deliver it again, corrected.
"""

from dataclasses import replace
from pathlib import Path

import duckdb

from dagster_project.clock import utc_now
from dagster_project.erasing.erasure_list import Tokens, read_erasure_list
from dagster_project.erasing.person import CONTACT_COLUMNS
from dagster_project.erasing.rows import CUSTOMER_COLUMNS, LINK_COLUMNS
from dagster_project.erasing.tokens import read_salt, token_sql
from dagster_project.loading.batches import PARQUET_OPTIONS, UNPARSED_RECORD
from dagster_project.loading.checks import checked_rows
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.durable import publish_file
from dagster_project.loading.engine import open_engine
from dagster_project.loading.expressions import ORDER_ROW_NUMBER_COLUMN, ROW_NUMBER_COLUMN
from dagster_project.loading.mapping import Source
from dagster_project.loading.quarantined import gather_quarantined
from dagster_project.loading.refusals import FileRefusedError
from dagster_project.loading.source_columns import resolve_columns
from dagster_project.loading.values import trimmed_sql
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_name, quote_text

# The records are kept as text, whatever the format of their file.
RECORDS_FORMAT = "csv"
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
    others = {ORDER_ROW_NUMBER_COLUMN, *(text for _, text in read_as)}
    return frozenset(others - {text for name, text in read_as if name in telling})


def erase_refused_records(settings: Settings, quarantine: Path, source: Source | None) -> None:
    """Take the records of erased people out of one quarantine file; it is there whole, as before or as after.

    `source` is the entry of the mapping that they came by, None where it is not known.
    """
    if not quarantine.exists():
        return
    erased = read_erasure_list(settings)
    if erased == Tokens():
        return
    rows = rows_of_erased(settings, read_salt(settings), erased, quarantine, source)
    if not rows:
        return
    kept = f"CASE WHEN _source_row NOT IN ({', '.join(map(str, rows))}) THEN raw_record END AS raw_record"
    query = f"SELECT * REPLACE ({kept}) FROM {_parquet(quarantine)} ORDER BY _source_row"
    with duckdb.connect() as connection:
        publish_file(
            quarantine,
            lambda temporary: connection.execute(f"COPY ({query}) TO {quote_text(str(temporary))} ({PARQUET_OPTIONS})"),
        )


def rows_of_erased(
    settings: Settings, salt: bytes, erased: Tokens, quarantine: Path, source: Source | None
) -> list[int]:
    """The numbers of the records that name an erased person."""
    kinds = [("", erased.customers), ("contact:", erased.contacts)]
    kinds += [("order:", erased.orders), ("ticket:", erased.tickets)]
    texts = {"": "text", "order:": "text", "ticket:": "text", "contact:": "lower(text)"}
    wanted = [(kind, sorted(tokens)) for kind, tokens in kinds if tokens]
    if not wanted:
        return []
    matches = " OR ".join(f"{token_sql(salt, texts[kind], kind)} IN (SELECT unnest(?))" for kind, _ in wanted)
    # As guarded as the loader's: it computes expressions of the mapping.
    with open_engine(settings.lake_dir / "work", (settings.lake_dir,), settings.memory_limit) as connection:
        pieces = _pieces_as_read(quarantine)
        if source is not None:
            pieces += _pieces_by_mapping(connection, quarantine, source)
        query = f"""
            WITH texts AS (SELECT DISTINCT _source_row, {trimmed_sql("piece")} AS text FROM ({pieces}))
            SELECT DISTINCT _source_row FROM texts WHERE text IS NOT NULL AND ({matches}) ORDER BY _source_row
        """
        without_ids = columns_without_ids(source) if source is not None else frozenset()
        parameters = [sorted(without_ids), *(tokens for _, tokens in wanted)]
        return [row for (row,) in connection.execute(query, parameters).fetchall()]


def _pieces_as_read(quarantine: Path) -> str:
    """SQL for every value of every record; its parameter is the list of columns to leave out."""
    pointer = "'/' || replace(replace(name, '~', '~0'), '/', '~1')"
    is_unparsed = f"name = {quote_text(UNPARSED_RECORD)}"
    pieces = f"CASE WHEN {is_unparsed} THEN string_split_regex(value, '{SEPARATORS}') ELSE [value] END"
    return f"""
        WITH names AS (
            SELECT _source_row, raw_record, unnest(json_keys(raw_record)) AS name
            FROM {_parquet(quarantine)} WHERE raw_record IS NOT NULL
        ),
        fields AS (
            SELECT _source_row, name, raw_record ->> ({pointer}) AS value FROM names
            WHERE name NOT IN (SELECT unnest(?))
        )
        SELECT _source_row, unnest({pieces}) AS piece FROM fields WHERE value IS NOT NULL
    """


def _pieces_by_mapping(connection: duckdb.DuckDBPyConnection, quarantine: Path, source: Source) -> str:
    """SQL, to be added to that above, for the ids and contacts that the mapping makes of other values.

    Nothing where it makes none, or where the records have not the columns that it needs.
    """
    made = {
        name: column
        for name, column in (source.columns or {}).items()
        if name in (*CUSTOMER_COLUMNS, *LINK_COLUMNS, *CONTACT_COLUMNS)
        and (column.kind == "sql" or name in source.value_maps)
    }
    if not made:
        return ""
    feed, only_ids = load_feeds()[source.feed], replace(source, columns=made, rows_where=None)
    try:
        columns, _ = resolve_columns(feed, only_ids, gather_quarantined(connection, quarantine))
        checked = checked_rows(connection, feed, only_ids, columns, utc_now(), RECORDS_FORMAT)
    except FileRefusedError:
        return ""
    ids = ", ".join(quote_name(name) for name in made)
    return f" UNION ALL SELECT {ROW_NUMBER_COLUMN} AS _source_row, unnest([{ids}]) AS piece FROM ({checked.sql})"


def _parquet(path: Path) -> str:
    return f"read_parquet({quote_text(str(path))})"
