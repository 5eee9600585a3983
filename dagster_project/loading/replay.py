"""Replaying quarantined rows after the mapping was mended.

Those that pass now form a batch of their own, exactly once.

Belongs here: reading refused rows back and judging them again. Does not belong here: loading files (`loader`), the
commit (`taking_out`).

A replayed row keeps the load sequence of the batch it came from: it is as old as its file, and must not win over what
was delivered later. Whether it is of a full dump is what the mapping says today.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb

from dagster_project.clock import utc_now
from dagster_project.loading.batches import (
    PARQUET_OPTIONS,
    Batch,
    Judged,
    judge_rows,
    quarantine_path,
    write_accepted,
)
from dagster_project.loading.checks import GATHERED, ROW_PLACE, checked_rows
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.durable import make_folder, publish_file, work_folder
from dagster_project.loading.engine import open_engine, where_it_stops
from dagster_project.loading.expressions import ROW_NUMBER_COLUMN
from dagster_project.loading.landing import format_of
from dagster_project.loading.ledger import LedgerEntry
from dagster_project.loading.mapping import ExtractsConfig, Source
from dagster_project.loading.quarantined import gather_quarantined
from dagster_project.loading.refusals import FileRefusedError, LoadError
from dagster_project.loading.results import FileResult, LoadResult
from dagster_project.loading.source_columns import resolve_columns
from dagster_project.loading.taking_out import batch_of_rows, commit_and_take_out, mend_quarantine
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_text

Report = Callable[[str], None]


def replay_quarantine(settings: Settings, config: ExtractsConfig, report: Report) -> LoadResult:
    """Judge every quarantined row of the dataset by today's mapping and load those that pass.

    One FileResult for each batch with quarantined rows whose source is still in the mapping: `loaded` where rows
    passed, otherwise `unchanged`, or `refused` with a message where the mapping does not fit the rows at all; that is a
    warning of the result too. Lines that never had columns (ragged, broken quotes) stay until a steward corrects or
    discards them.
    """
    make_folder(settings.lake_dir)
    entries = mend_quarantine(settings, config.name)
    sources = {(source.feed, source.name): source for source in config.sources}
    result = LoadResult()
    for entry in entries:
        quarantine = quarantine_path(settings, entry.feed, entry.batch_id)
        if not quarantine.exists():
            continue
        source = sources.get((entry.feed, entry.source_name))
        if source is None:
            result.warnings.append(
                f"{entry.source_file}: the mapping has no source {entry.source_name} of {entry.feed} any more; its "
                "rows stay in quarantine. Name the source again and replay, or discard them."
            )
            continue
        outcome = _replay_batch(settings, entry, source)
        message = f"{entry.source_file}: {outcome.message}"
        if outcome.status == "refused":
            result.warnings.append(message)
        else:
            report(message)
        result.files.append(outcome)
    return result


def _replay_batch(settings: Settings, entry: LedgerEntry, source: Source) -> FileResult:
    feed = load_feeds()[entry.feed]
    now = utc_now()
    with (
        work_folder(settings.lake_dir) as work_dir,
        open_engine(work_dir / "spill", (settings.lake_dir,), settings.memory_limit) as connection,
    ):
        quarantine = quarantine_path(settings, entry.feed, entry.batch_id)
        columns_found = gather_quarantined(connection, quarantine)
        waiting = connection.execute(f"SELECT count(*) FROM {GATHERED}").fetchone()[0]
        if not waiting:
            return _outcome(entry, "unchanged", 0, 0, "its quarantined rows have no columns: correct or discard them.")
        try:
            file_format = format_of(Path(entry.source_file), source)
            columns, _ = resolve_columns(feed, source, columns_found)
            checked = checked_rows(connection, feed, source, columns, now, file_format)
            judged = judge_rows(connection, feed, checked, columns_found, [], "replay")
        except FileRefusedError as error:
            return _outcome(entry, "refused", waiting, 0, f"its quarantined rows do not fit the mapping: {error}")
        except duckdb.Error as error:
            return _outcome(entry, "refused", waiting, 0, f"its rows stay in quarantine: {where_it_stops(error)}")
        _renew_reasons(connection, quarantine, judged)
        passing = _row_numbers(connection, f"{judged.table} WHERE NOT is_refused")
        # Today's rows_where may say that a row is not about the feed at all.
        passed_over = _row_numbers(connection, f"{GATHERED} ANTI JOIN {judged.table} USING ({ROW_PLACE})")
        if not passing and not passed_over:
            return _outcome(entry, "unchanged", waiting, 0, f"none of {waiting} quarantined rows passes yet.")
        message = f"{len(passing)} of {waiting} quarantined rows loaded."
        message += f" {len(passed_over)} more are passed over by rows_where." if passed_over else ""
        replayed = batch_of_rows(settings, entry, now, passing, passed_over, message)
        batch_id, is_snapshot = replayed.batch_id, source.mode == "snapshot"
        batch = Batch(feed, entry.source_name, entry.source_file, batch_id, entry.load_sequence, is_snapshot)
        accepted = write_accepted(connection, settings, batch, judged, 1)
        if accepted != len(passing):
            raise LoadError(f"{entry.source_file}: {len(passing)} rows passed, but {accepted} were written: a defect.")
        watermark, duplicate_rows = judged.facts.get(1, (None, 0))
    replayed = replace(replayed, watermark=watermark, duplicate_rows=duplicate_rows)
    commit_and_take_out(settings, replayed)
    return FileResult.of(replayed)


def _row_numbers(connection: duckdb.DuckDBPyConnection, rows: str) -> list[int]:
    found = connection.execute(f"SELECT {ROW_NUMBER_COLUMN} FROM {rows} ORDER BY ALL").fetchall()
    return [number for (number,) in found]


def _renew_reasons(connection: duckdb.DuckDBPyConnection, quarantine: Path, judged: Judged) -> None:
    """Let rows that are still refused carry the reasons of today's mapping, not those of the day they came."""
    if not judged.reasons:
        return
    rows = f"read_parquet({quote_text(str(quarantine))}) AS quarantined"
    renewed = f"{judged.refused_table} AS refused ON refused.{ROW_NUMBER_COLUMN} = quarantined._source_row"
    is_new = f"SELECT count(*) > 0 FROM {rows} JOIN {renewed} WHERE refused.reasons <> quarantined.reasons"
    if not connection.execute(is_new).fetchone()[0]:
        return
    columns = ("reasons", "explanation")
    replaced = ", ".join(f"coalesce(refused.{name}, quarantined.{name}) AS {name}" for name in columns)
    query = (
        f"SELECT quarantined.* REPLACE ({replaced}) FROM {rows} LEFT JOIN {renewed} ORDER BY quarantined._source_row"
    )
    publish_file(
        quarantine,
        lambda temporary: connection.execute(f"COPY ({query}) TO {quote_text(str(temporary))} ({PARQUET_OPTIONS})"),
    )


def _outcome(entry: LedgerEntry, status: str, waiting: int, accepted: int, message: str) -> FileResult:
    return FileResult(
        feed=entry.feed,
        source_name=entry.source_name,
        source_file=entry.source_file,
        status=status,
        rows_read=waiting,
        rows_accepted=accepted,
        rows_quarantined=waiting - accepted,
        reasons={},
        batch_id=entry.batch_id,
        message=message,
    )
