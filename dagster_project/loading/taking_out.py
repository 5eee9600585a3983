"""Taking rows out of quarantine, each once: because a replay loads them, or because they will never be loaded.

Belongs here: the batch and the ledger entry that stand for it, and finishing what was killed in between. Does not
belong here: which rows (`replay`, `quarantine.discarding`).
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from itertools import pairwise

import duckdb

from dagster_project.loading.batches import PARQUET_OPTIONS, clear_unfinished, quarantine_path, raw_path
from dagster_project.loading.durable import publish_file, remove_file
from dagster_project.loading.ledger import LedgerEntry, batch_stem, next_load_sequence, read_ledger, write_entry
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_text


def batch_of_rows(
    settings: Settings, source: LedgerEntry, now: dt.datetime, loaded: list[int], left_out: list[int], message: str
) -> LedgerEntry:
    """The entry of a batch that takes rows of the batch `source` out of quarantine, by their numbers in the file.

    `loaded` rows are to be written under its `batch_id` before it is committed; `left_out` ones will never be loaded.
    """
    rows = json.dumps([source.batch_id, loaded, left_out])
    digest = hashlib.sha256(rows.encode()).hexdigest()
    sequence = next_load_sequence(settings)
    return LedgerEntry(
        dataset=source.dataset,
        feed=source.feed,
        source_name=source.source_name,
        source_file=source.source_file,
        content_sha256=digest,
        bytes=0,
        status="loaded",
        message=message,
        rows_read=len(loaded),
        rows_accepted=len(loaded),
        rows_quarantined=0,
        reasons={},
        load_sequence=sequence,
        batch_id=batch_stem(source.dataset, sequence, digest),
        loaded_at=now.isoformat(timespec="seconds"),
        watermark=None,
        rows_passed_over=len(left_out),
        replayed_from=source.batch_id,
        rows_taken_out=_ranges(left_out),
        requested_by=settings.operator,
    )


def commit_and_take_out(settings: Settings, entry: LedgerEntry) -> None:
    """Commit a batch whose rows are written, and take its rows out of quarantine.

    The entry is the commit: killed before it, nothing has happened; killed after it, the next run takes the rows out.
    """
    write_entry(settings, entry)
    take_out(settings, entry)


def mend_quarantine(settings: Settings, dataset: str) -> list[LedgerEntry]:
    """Clear away or finish what a killed run left, before anybody changes what is in quarantine; returns the ledger.

    Otherwise a new batch would take the number of one that was never committed. Raises LoadError for a damaged lake.
    The caller holds the writer lock.
    """
    clear_unfinished(settings)
    entries = read_ledger(settings, dataset)
    finish_taking_out(settings, entries)
    return entries


def finish_taking_out(settings: Settings, entries: Iterable[LedgerEntry]) -> None:
    """Take out of quarantine what committed batches have taken; needed where a run was killed between the two."""
    for entry in entries:
        if entry.replayed_from is not None:
            take_out(settings, entry)


def take_out(settings: Settings, entry: LedgerEntry) -> None:
    """Rewrite the quarantine file of a replayed batch without the rows that the entry has taken; again is no harm."""
    quarantine = quarantine_path(settings, entry.feed, entry.replayed_from)
    if not quarantine.exists():
        return
    loaded = quote_text(str(raw_path(settings, entry.feed, entry.batch_id)))
    ranges = ", ".join(f"({first}, {last})" for first, last in [(0, 0), *entry.rows_taken_out])
    stays = (
        f"FROM read_parquet({quote_text(str(quarantine))}) AS quarantined "
        f"ANTI JOIN read_parquet({loaded}) AS loaded USING (_source_row) "
        f"ANTI JOIN (VALUES {ranges}) AS taken (first, last) ON _source_row BETWEEN first AND last"
    )
    with duckdb.connect() as connection:
        before = connection.execute(f"SELECT count(*) FROM read_parquet({quote_text(str(quarantine))})").fetchone()[0]
        after = connection.execute(f"SELECT count(*) {stays}").fetchone()[0]
        if after == 0:
            remove_file(quarantine)
        elif after < before:
            publish_file(
                quarantine,
                lambda temporary: connection.execute(
                    f"COPY (SELECT quarantined.* {stays} ORDER BY _source_row) TO {quote_text(str(temporary))} "
                    f"({PARQUET_OPTIONS})"
                ),
            )


def _ranges(numbers: list[int]) -> list[tuple[int, int]]:
    """Numbers as ranges from first to last: a million rows are few lines."""
    if not numbers:
        return []
    numbers = sorted(numbers)
    ends = [(before, after) for before, after in pairwise(numbers) if after != before + 1]
    firsts = [numbers[0], *(after for _, after in ends)]
    lasts = [*(before for before, _ in ends), numbers[-1]]
    return list(zip(firsts, lasts, strict=True))
