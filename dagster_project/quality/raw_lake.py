"""What the raw gate looks at: the lake's feeds as `raw.<feed>`, the ledger as `facts.files` and `facts.freshness`.

Belongs here: laying these tables over the files of the lake, in the gate's own database in memory. Does not belong
here: the rules (`expectations/raw.py`). The warehouse is not needed: the raw gate runs before anything is built.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.loading.contracts import Feed, load_feeds
from dagster_project.loading.extract_files import delivered_contents, is_delivered
from dagster_project.loading.ledger import LedgerEntry, read_ledger
from dagster_project.loading.mapping import Source
from dagster_project.quality.engine import Connection, put_facts
from dagster_project.quality.freshness import source_freshness, span_in_words
from dagster_project.quality.spark_connection import SparkConnection
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_literal, quote_name_for_spark

# One row a ledger entry. `is_current`: its content is in the extracts folder, under whatever name; or it is the refusal
# of a file that is there (the loader forgets a refusal once the file is mended or gone). Row counts in the lake and in
# quarantine are counted there, not taken from the ledger, so that the two can be compared.
FILES = {
    "feed": "varchar",
    "source_name": "varchar",
    "source_file": "varchar",
    "batch_id": "varchar",
    "status": "varchar",
    "message": "varchar",
    "reasons": "varchar",
    "rows_read": "bigint",
    "rows_accepted": "bigint",
    "rows_quarantined": "bigint",
    "rows_replayed": "bigint",
    "rows_in_lake": "bigint",
    "rows_in_quarantine": "bigint",
    "load_sequence": "bigint",
    "loaded_at": "timestamp",
    "watermark": "timestamp",
    "is_replay": "boolean",
    "is_current": "boolean",
}
# One row a source of the mapping; `allowed` in words.
FRESHNESS = {
    "feed": "varchar",
    "source_name": "varchar",
    "newest": "timestamp",
    "allowed": "varchar",
    "checked_at": "timestamp",
    "is_late": "boolean",
}


def attach_raw_lake(
    connection: Connection, settings: Settings, dataset: str, sources: Iterable[Source], now: datetime
) -> None:
    """Create `raw.<feed>` for every feed of the contract, `facts.files` and `facts.freshness` (at `now`, UTC).

    A feed without files is an empty table.
    """
    connection.execute("create schema if not exists raw")
    for feed in load_feeds().values():
        connection.execute(
            f'create or replace view raw."{feed.name}" as {_rows_of(connection, settings, dataset, feed)}'
        )
    entries = read_ledger(settings, dataset)
    put_facts(connection, settings, "files", FILES, _file_rows(settings, entries, dataset))
    found = source_freshness(entries, sources, now)
    put_facts(
        connection,
        settings,
        "freshness",
        FRESHNESS,
        [
            (
                one.feed,
                one.source_name,
                one.newest,
                span_in_words(one.allowed) if one.allowed else None,
                now,
                one.is_late,
            )
            for one in found
        ],
    )


def _rows_of(connection: Connection, settings: Settings, dataset: str, feed: Feed) -> str:
    """The query for all rows of a feed in the lake."""
    pattern = settings.raw_dir / feed.name / f"{dataset}__*.parquet"
    if not any(pattern.parent.glob(pattern.name)):
        # Both engines know `string`, and only one of them VARCHAR without a length.
        kinds = {column.name: column.sql_type.replace("VARCHAR", "string") for column in feed.columns.values()}
        columns = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in kinds.items())
        return f"select * from (select {columns}) as no_rows where false"
    if isinstance(connection, SparkConnection):
        return f"select * from parquet.{quote_name_for_spark(pattern)}"
    return f"select * from read_parquet({quote_literal(pattern)})"


def _file_rows(settings: Settings, entries: list[LedgerEntry], dataset: str) -> list[tuple]:
    in_lake = _rows_by_batch(settings.raw_dir, dataset)
    in_quarantine = _rows_by_batch(settings.quarantine_dir, dataset)
    replayed: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.replayed_from:
            source = (entry.feed, entry.replayed_from)
            replayed[source] = replayed.get(source, 0) + entry.rows_accepted + entry.rows_passed_over
    current = _current_batches(settings, dataset, entries)
    rows = []
    for entry in entries:
        place = (entry.feed, entry.batch_id)
        rows.append(
            (
                entry.feed,
                entry.source_name,
                entry.source_file,
                entry.batch_id,
                entry.status,
                entry.message,
                _in_words(entry.reasons),
                entry.rows_read,
                entry.rows_accepted,
                entry.rows_quarantined,
                replayed.get(place, 0),
                in_lake.get(place, 0),
                in_quarantine.get(place, 0),
                entry.load_sequence,
                entry.loaded_at,
                entry.watermark,
                entry.replayed_from is not None,
                place in current,
            )
        )
    return rows


def _current_batches(settings: Settings, dataset: str, entries: list[LedgerEntry]) -> set[tuple[str, str]]:
    """Feed and batch of every entry that stands for what is in the extracts folder.

    A content counts under every name, so that a file with too many refused rows does not pass by being renamed.
    """
    contents = delivered_contents(settings, dataset)
    refused = [entry for entry in entries if entry.status == "refused"]
    loads = [entry for entry in entries if entry.status == "loaded" and not entry.replayed_from]
    newest_of_content = {(entry.feed, entry.source_name, entry.content_sha256): entry for entry in loads}
    newest_of_name = {(entry.feed, entry.source_name, entry.source_file): entry for entry in loads}
    delivered = set(contents.values())
    by_content = [entry for entry in newest_of_content.values() if entry.content_sha256 in delivered]
    # What a file holds is not known where the last load could not read it, or what it remembered was lost.
    by_name = [entry for entry in newest_of_name.values() if entry.source_file not in contents]
    by_name = [entry for entry in (*refused, *by_name) if is_delivered(settings.extracts_dir, entry.source_file)]
    return {(entry.feed, entry.batch_id) for entry in (*by_content, *by_name)}


def _in_words(reasons: dict[str, int]) -> str:
    """Why rows were refused, the most frequent reason first: `missing:customer_id (2,561)`."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} ({count:,})" for reason, count in ordered)


def _rows_by_batch(folder: Path, dataset: str) -> dict[tuple[str, str], int]:
    """Rows of every Parquet file by feed and batch, from the files' footers."""
    pattern = folder / "*" / f"{dataset}__*.parquet"
    if not any(folder.glob(f"*/{dataset}__*.parquet")):
        return {}
    with duckdb.connect() as connection:
        counted = connection.execute(
            f"select file_name, num_rows from parquet_file_metadata({quote_literal(pattern)})"
        ).fetchall()
    return {(Path(name).parent.name, Path(name).stem): rows for name, rows in counted}
