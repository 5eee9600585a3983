"""Batches: what one extract file gives one feed, as immutable Parquet files in the lake.

Belongs here: writing accepted and refused rows, the batch without rows that every feed has, clearing away what a crash
left. Does not belong here: judging rows (`checks`), the ledger entry that commits a batch (`ledger`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.erasing.rows import without_erased_people
from dagster_project.loading.checks import REFUSED_SOURCE, ROW_PLACE, Checked, refused_rows_sql
from dagster_project.loading.contracts import Feed, load_feeds
from dagster_project.loading.durable import TEMPORARY_PREFIX, publish_file, remove_file
from dagster_project.loading.expressions import FILE_NUMBER_COLUMN, ROW_NUMBER_COLUMN
from dagster_project.loading.ledger import contract_stem, next_load_sequence, sequence_of
from dagster_project.loading.reasons import explain
from dagster_project.loading.refusals import LoadError
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_name, quote_text

METADATA_COLUMNS = {
    "_source_name": "VARCHAR",
    "_source_file": "VARCHAR",
    "_source_row": "BIGINT",
    "_batch_id": "VARCHAR",
    "_load_sequence": "BIGINT",
    "_is_snapshot": "BOOLEAN",
}
PARQUET_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
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


@dataclass
class Judged:
    """The rows GATHERED, judged for one feed: the tables of all rows and of the refused ones with their reasons.

    By file number: `reasons` counts each code, `facts` are watermark and duplicate rows, `passed_over` the records that
    are not about the feed. The second table is there only where there are reasons.
    """

    table: str
    refused_table: str
    reasons: dict[int, dict[str, int]] = field(default_factory=dict)
    facts: dict[int, tuple[str | None, int]] = field(default_factory=dict)
    passed_over: dict[int, int] = field(default_factory=dict)


def raw_path(settings: Settings, feed: str, batch_id: str) -> Path:
    """Where the accepted rows of a batch are."""
    return settings.raw_dir / feed / f"{batch_id}.parquet"


def quarantine_path(settings: Settings, feed: str, batch_id: str) -> Path:
    """Where the refused rows of a batch are, if it has any."""
    return settings.quarantine_dir / feed / f"{batch_id}.parquet"


def judge_rows(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    checked: Checked,
    source_columns: tuple[str, ...],
    broken: list[int],
    name: str,
) -> Judged:
    """Judge the rows GATHERED for one feed and keep the outcome in tables of this connection, called after `name`.

    `broken` are the numbers of files that have records without columns, whose reasons are known already.
    """
    judged = Judged(f"judged_{name}", f"refused_{name}")
    columns = ", ".join(
        f"CAST({quote_name(column.name)} AS {column.sql_type}) AS {quote_name(column.name)}"
        for column in feed.columns.values()
    )
    # Kept as a table: the engine would otherwise judge every row twice, once for the filter and once for the output.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {judged.table} AS SELECT {ROW_PLACE}, {columns}, is_refused FROM ({checked.sql})"
    )
    if checked.passed_over_sql is not None:
        judged.passed_over = dict(connection.execute(checked.passed_over_sql).fetchall())
    has_refused = connection.execute(f"SELECT count(*) > 0 FROM {judged.table} WHERE is_refused").fetchone()[0]
    if has_refused or broken:
        _write_reasons(connection, judged, checked, source_columns, broken)
    _note_facts(connection, feed, judged)
    return judged


def write_batch(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    batch: Batch,
    judged: Judged,
    file_number: int,
    rows_read: int,
) -> BatchCounts:
    """Write the accepted and the refused rows of one file; nothing counts until the ledger names the batch.

    Raises LoadError where rows read are not rows accepted plus rows quarantined.
    """
    accepted = write_accepted(connection, settings, batch, judged, file_number)
    reasons = judged.reasons.get(file_number, {})
    quarantined = 0
    if reasons:
        quarantined = _copy(
            connection,
            f"SELECT {_metadata_sql(batch)}, reasons, explanation, raw_record FROM {judged.refused_table} "
            f"WHERE {FILE_NUMBER_COLUMN} = {file_number} ORDER BY _source_row",
            quarantine_path(settings, batch.feed.name, batch.batch_id),
        )
    if accepted + quarantined != rows_read:
        raise LoadError(
            f"{batch.source_file}: {rows_read} rows read, but {accepted} accepted and {quarantined} quarantined. "
            "This is a defect of the loader; nothing of the file was loaded."
        )
    watermark, duplicate_rows = judged.facts.get(file_number, (None, 0))
    return BatchCounts(accepted, quarantined, reasons, watermark, duplicate_rows)


def write_accepted(
    connection: duckdb.DuckDBPyConnection, settings: Settings, batch: Batch, judged: Judged, file_number: int
) -> int:
    """Write the accepted rows of one file and say how many they are."""
    names = ", ".join(quote_name(name) for name in batch.feed.columns)
    query = (
        f"SELECT {names}, {_metadata_sql(batch)}, {batch.is_snapshot} AS _is_snapshot FROM {judged.table} "
        f"WHERE {FILE_NUMBER_COLUMN} = {file_number} AND NOT is_refused"
    )
    query = without_erased_people(connection, settings, batch.feed, query)
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


def _write_reasons(
    connection: duckdb.DuckDBPyConnection,
    judged: Judged,
    checked: Checked,
    source_columns: tuple[str, ...],
    broken: list[int],
) -> None:
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {REFUSED_SOURCE} AS SELECT * FROM {checked.rows} "
        f"SEMI JOIN (FROM {judged.table} WHERE is_refused) AS refused USING ({ROW_PLACE})"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {judged.refused_table} AS {refused_rows_sql(checked, source_columns)}"
    )
    if broken:
        _insert_broken(connection, judged.refused_table, broken)
    counts = connection.execute(
        f"SELECT {FILE_NUMBER_COLUMN}, reason, count(*) "
        f"FROM (SELECT {FILE_NUMBER_COLUMN}, unnest(reasons) AS reason FROM {judged.refused_table}) "
        f"GROUP BY {FILE_NUMBER_COLUMN}, reason ORDER BY {FILE_NUMBER_COLUMN}, reason"
    ).fetchall()
    for file_number, reason, count in counts:
        judged.reasons.setdefault(file_number, {})[reason] = count


def _insert_broken(connection: duckdb.DuckDBPyConnection, table: str, broken: list[int]) -> None:
    records = " UNION ALL ".join(f"SELECT {number} AS file_number, * FROM broken_{number}" for number in broken)
    for (reason,) in connection.execute(f"SELECT DISTINCT reason FROM ({records})").fetchall():
        connection.execute(
            f"INSERT INTO {table} SELECT file_number, row_number, [reason], {quote_text(explain(reason))}, "
            f"CAST(json_object({quote_text(UNPARSED_RECORD)}, text) AS VARCHAR) FROM ({records}) "
            f"WHERE reason = {quote_text(reason)}"
        )


def _note_facts(connection: duckdb.DuckDBPyConnection, feed: Feed, judged: Judged) -> None:
    events = [column.name for column in feed.columns.values() if column.event]
    latest = f"greatest({', '.join(f'max({quote_name(name)})' for name in events)}, NULL)" if events else "NULL"
    whole_row = ", ".join(quote_name(name) for name in feed.columns)
    rows = connection.execute(
        f"SELECT {FILE_NUMBER_COLUMN}, {latest}, count(*) - count(DISTINCT hash({whole_row})) FROM {judged.table} "
        f"WHERE NOT is_refused GROUP BY {FILE_NUMBER_COLUMN}"
    ).fetchall()
    for file_number, watermark, duplicate_rows in rows:
        judged.facts[file_number] = (watermark.isoformat() if watermark is not None else None, duplicate_rows)


def ensure_contract_batches(connection: duckdb.DuckDBPyConnection, settings: Settings, dataset: str) -> None:
    """Write the batch without rows of every feed, where it is missing or the contract has changed since."""
    for feed in load_feeds().values():
        target = raw_path(settings, feed.name, contract_stem(dataset))
        expected = _lake_columns(feed)
        if target.exists():
            described = connection.execute(f"DESCRIBE FROM read_parquet({quote_text(str(target))})").fetchall()
            if {row[0]: row[1] for row in described} == expected:
                continue
        write_empty_batch(connection, settings, feed.name, contract_stem(dataset))


def write_empty_batch(connection: duckdb.DuckDBPyConnection, settings: Settings, feed: str, batch_id: str) -> None:
    """Write a batch that has the columns of the feed and no rows."""
    columns = ", ".join(
        f"CAST(NULL AS {sql_type}) AS {quote_name(name)}"
        for name, sql_type in _lake_columns(load_feeds()[feed]).items()
    )
    _copy(connection, f"SELECT {columns} WHERE FALSE", raw_path(settings, feed, batch_id))


def _lake_columns(feed: Feed) -> dict[str, str]:
    return {column.name: column.sql_type for column in feed.columns.values()} | METADATA_COLUMNS


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
