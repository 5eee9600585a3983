"""Batches: what one extract file gives one feed, as immutable Parquet files in the lake.

Belongs here: writing accepted and refused rows, the batch without rows that every feed has, clearing away what a crash
left. Does not belong here: judging rows (`checks`), the ledger entry that commits a batch (`ledger`).
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.loading.checks import REFUSED_SOURCE, Checked, refused_rows_sql
from dagster_project.loading.contracts import Feed, load_feeds
from dagster_project.loading.delimited import BrokenRecord
from dagster_project.loading.durable import TEMPORARY_PREFIX, make_folder, publish_file, remove_file
from dagster_project.loading.expressions import ROW_NUMBER_COLUMN
from dagster_project.loading.ledger import contract_stem, next_load_sequence, sequence_of
from dagster_project.loading.reasons import explain
from dagster_project.loading.refusals import LoadError
from dagster_project.loading.sql_text import quote_name, quote_text
from dagster_project.settings import Settings

METADATA_COLUMNS = {
    "_source_name": "VARCHAR",
    "_source_file": "VARCHAR",
    "_source_row": "BIGINT",
    "_batch_id": "VARCHAR",
    "_load_sequence": "BIGINT",
    "_is_snapshot": "BOOLEAN",
}
PARQUET_OPTIONS = "FORMAT parquet, COMPRESSION zstd"
UNPARSED_RECORD = "unparsed_record"


@dataclass(frozen=True)
class Batch:
    """Where the rows of a batch come from, and its place in the order of loads."""

    feed: Feed
    source_name: str
    source_file: str
    batch_id: str
    load_sequence: int
    is_snapshot: bool


@dataclass(frozen=True)
class BatchCounts:
    """What was written. `duplicate_rows` counts accepted rows equal to an earlier one of the batch in every column."""

    rows_accepted: int
    rows_quarantined: int
    reasons: dict[str, int]
    watermark: str | None
    duplicate_rows: int


def raw_path(settings: Settings, feed: str, batch_id: str) -> Path:
    """Where the accepted rows of a batch are."""
    return settings.raw_dir / feed / f"{batch_id}.parquet"


def quarantine_path(settings: Settings, feed: str, batch_id: str) -> Path:
    """Where the refused rows of a batch are, if it has any."""
    return settings.quarantine_dir / feed / f"{batch_id}.parquet"


def write_batch(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    batch: Batch,
    checked: Checked,
    source_columns: tuple[str, ...],
    rows_read: int,
    broken: list[BrokenRecord],
) -> BatchCounts:
    """Write the accepted and the refused rows; nothing counts until the ledger names the batch.

    Raises LoadError where rows read are not rows accepted plus rows quarantined.
    """
    quarantine = quarantine_path(settings, batch.feed.name, batch.batch_id)
    accepted = _write_accepted(connection, settings, batch, checked)
    quarantined, reasons = 0, {}
    if accepted < rows_read:
        _register_broken(connection, broken, quarantine.parent)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {REFUSED_SOURCE} AS SELECT source.* FROM source "
            f"SEMI JOIN (FROM judged WHERE is_refused) AS refused USING ({ROW_NUMBER_COLUMN})"
        )
        quarantined = _copy(connection, _quarantined_sql(batch, checked, source_columns), quarantine)
        reasons = _reasons(connection, quarantine)
    if accepted + quarantined != rows_read:
        raise LoadError(
            f"{batch.source_file}: {rows_read} rows read, but {accepted} accepted and {quarantined} quarantined. "
            "This is a defect of the loader; nothing of the file was loaded."
        )
    return BatchCounts(accepted, quarantined, reasons, *_facts(connection, batch.feed))


def write_accepted(
    connection: duckdb.DuckDBPyConnection, settings: Settings, batch: Batch, checked: Checked, expected: int
) -> BatchCounts:
    """Write only the accepted rows, for rows whose refusals are kept elsewhere.

    Raises LoadError where there are not as many as `expected`.
    """
    accepted = _write_accepted(connection, settings, batch, checked)
    if accepted != expected:
        raise LoadError(f"{batch.source_file}: {expected} rows passed, but {accepted} were written. This is a defect.")
    return BatchCounts(accepted, 0, {}, *_facts(connection, batch.feed))


def _write_accepted(connection: duckdb.DuckDBPyConnection, settings: Settings, batch: Batch, checked: Checked) -> int:
    columns = ", ".join(
        f"CAST({quote_name(column.name)} AS {column.sql_type}) AS {quote_name(column.name)}"
        for column in batch.feed.columns.values()
    )
    # Kept as a table: the engine would otherwise judge every row twice, once for the filter and once for the output.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS SELECT {ROW_NUMBER_COLUMN}, {columns}, is_refused FROM ({checked.sql})"
    )
    names = ", ".join(quote_name(name) for name in batch.feed.columns)
    query = (
        f"SELECT {names}, {_metadata_sql(batch)}, {batch.is_snapshot} AS _is_snapshot FROM judged WHERE NOT is_refused"
    )
    return _copy(connection, query, raw_path(settings, batch.feed.name, batch.batch_id))


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> int:
    count = 0

    def write(temporary: Path) -> None:
        nonlocal count
        connection.execute(f"COPY ({query}) TO {quote_text(str(temporary))} ({PARQUET_OPTIONS})")
        count = connection.fetchone()[0]

    publish_file(target, write)
    return count


def _metadata_sql(batch: Batch) -> str:
    return (
        f"{quote_text(batch.source_name)} AS _source_name, {quote_text(batch.source_file)} AS _source_file, "
        f"CAST({ROW_NUMBER_COLUMN} AS BIGINT) AS _source_row, {quote_text(batch.batch_id)} AS _batch_id, "
        f"CAST({batch.load_sequence} AS BIGINT) AS _load_sequence"
    )


def _quarantined_sql(batch: Batch, checked: Checked, source_columns: tuple[str, ...]) -> str:
    return (
        f"SELECT {_metadata_sql(batch)}, reasons, explanation, raw_record FROM "
        f"({refused_rows_sql(checked, source_columns)} UNION ALL FROM broken) ORDER BY _source_row"
    )


def _register_broken(connection: duckdb.DuckDBPyConnection, broken: list[BrokenRecord], folder: Path) -> None:
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE broken ({ROW_NUMBER_COLUMN} BIGINT, reasons VARCHAR[], explanation VARCHAR, "
        "raw_record VARCHAR)"
    )
    if not broken:
        return
    make_folder(folder)
    listing = folder / f"{TEMPORARY_PREFIX}broken.csv"
    try:
        with listing.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            for record in broken:
                raw_record = json.dumps({UNPARSED_RECORD: record.text}, ensure_ascii=False)
                writer.writerow([record.number, record.reason, explain(record.reason), raw_record])
        types = "{'number': 'BIGINT', 'reason': 'VARCHAR', 'explanation': 'VARCHAR', 'raw_record': 'VARCHAR'}"
        connection.execute(
            f"INSERT INTO broken SELECT number, [reason], explanation, raw_record "
            f"FROM read_csv({quote_text(str(listing))}, "
            f"auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', columns = {types})"
        )
    finally:
        listing.unlink(missing_ok=True)


def _reasons(connection: duckdb.DuckDBPyConnection, quarantine: Path) -> dict[str, int]:
    query = (
        f"SELECT reason, count(*) FROM "
        f"(SELECT unnest(reasons) AS reason FROM read_parquet({quote_text(str(quarantine))})) "
        "GROUP BY reason ORDER BY reason"
    )
    return dict(connection.execute(query).fetchall())


def _facts(connection: duckdb.DuckDBPyConnection, feed: Feed) -> tuple[str | None, int]:
    events = [column.name for column in feed.columns.values() if column.event]
    latest = f"greatest({', '.join(f'max({quote_name(name)})' for name in events)}, NULL)" if events else "NULL"
    whole_row = ", ".join(quote_name(name) for name in feed.columns)
    watermark, duplicates = connection.execute(
        f"SELECT {latest}, count(*) - count(DISTINCT hash({whole_row})) FROM judged WHERE NOT is_refused"
    ).fetchone()
    return (watermark.isoformat() if watermark is not None else None), duplicates


def ensure_contract_batches(connection: duckdb.DuckDBPyConnection, settings: Settings, dataset: str) -> None:
    """Write the batch without rows of every feed, where it is missing or the contract has changed since."""
    for feed in load_feeds().values():
        target = raw_path(settings, feed.name, contract_stem(dataset))
        expected = {column.name: column.sql_type for column in feed.columns.values()} | METADATA_COLUMNS
        if target.exists():
            described = connection.execute(f"DESCRIBE FROM read_parquet({quote_text(str(target))})").fetchall()
            if {row[0]: row[1] for row in described} == expected:
                continue
        columns = ", ".join(f"CAST(NULL AS {sql_type}) AS {quote_name(name)}" for name, sql_type in expected.items())
        _copy(connection, f"SELECT {columns} WHERE FALSE", target)


def clear_unfinished(settings: Settings) -> list[str]:
    """Remove what a killed load left: temporary files, and the batch that was written but never committed.

    Returns the names of the batches removed. Raises LoadError where other batches lack their ledger entry: that is no
    trace of a crash, and removing them could lose data whose extracts are gone.
    """
    for folder in (settings.raw_dir, settings.quarantine_dir, settings.ledger_dir):
        for leftover in folder.glob(f"*/{TEMPORARY_PREFIX}*"):
            leftover.unlink(missing_ok=True)
    committed = {path.stem for path in settings.ledger_dir.glob("*/*.json")}
    unfinished, strange = [], []
    following = next_load_sequence(settings)
    for path in _batch_files(settings):
        if path.stem not in committed and sequence_of(path) > 0:
            (unfinished if sequence_of(path) == following else strange).append(path)
    if strange:
        raise LoadError(
            f"{strange[0]} and {len(strange) - 1} more batches have no entry in {settings.ledger_dir}. "
            "Restore the ledger from "
            "a backup, or move these files away if their extracts are still there to be loaded again."
        )
    for path in unfinished:
        remove_file(path)
    return sorted({path.stem for path in unfinished})


def _batch_files(settings: Settings) -> Iterable[Path]:
    yield from sorted(settings.raw_dir.glob("*/*.parquet"))
    yield from sorted(settings.quarantine_dir.glob("*/*.parquet"))
