"""Giving up refused rows that will never be loaded: junk, or rows that came again, corrected, in another file.

Belongs here: choosing them. Does not belong here: the commit (`loading.taking_out`).
"""

import duckdb

from dagster_project.clock import utc_now
from dagster_project.loading.batches import write_empty_batch
from dagster_project.loading.ledger import LedgerEntry
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.loading.taking_out import batch_of_rows, commit_and_take_out, mend_quarantine
from dagster_project.quarantine.actions import in_words
from dagster_project.quarantine.listing import QuarantineError, Selection, refused_rows
from dagster_project.settings import Settings


def discard_rows(settings: Settings, config: ExtractsConfig, selection: Selection) -> int:
    """Take the selected rows out of quarantine for good; the ledger says how many, when and by whom.

    Returns how many they were. Raises QuarantineError where none is selected, LoadError for a damaged lake. The caller
    holds the writer lock.
    """
    entries: dict[tuple[str, str], LedgerEntry] = {
        (entry.feed, entry.batch_id): entry for entry in mend_quarantine(settings, config.name)
    }
    rows: dict[tuple[str, str], list[int]] = {}
    for row in refused_rows(settings, config.name, selection):
        rows.setdefault((row.feed, row.batch_id), []).append(row.source_row)
    if not rows:
        raise QuarantineError(f"No row is in quarantine for {in_words(selection)}: nothing was discarded.")
    now = utc_now()
    with duckdb.connect() as connection:
        for place, numbers in rows.items():
            message = f"{len(numbers)} quarantined rows discarded ({in_words(selection)})."
            discarded = batch_of_rows(settings, entries[place], now, [], numbers, message)
            write_empty_batch(connection, settings, discarded.feed, discarded.batch_id)
            commit_and_take_out(settings, discarded)
    return sum(len(numbers) for numbers in rows.values())
