"""The files that were loaded or refused, and whether their rows add up.

Belongs here: what the ledger says, file by file. Does not belong here: its sums (`loading.feed_totals`), feeds as a
whole (`feeds`), refused rows and their reasons (`quarantine`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dagster_project.loading.ledger import LedgerEntry
from dagster_project.quality.report_content.lights import Light
from dagster_project.quality.runs import RunRecord

FILES_LISTED = 40


def entries_of_run(entries: Iterable[LedgerEntry], record: RunRecord) -> list[LedgerEntry]:
    """What a run loaded or refused. The ledger keeps whole seconds, so the run's own are cut to them."""
    began_at = record.began_at.replace(microsecond=0)
    return [
        entry
        for entry in entries
        if began_at <= datetime.fromisoformat(entry.loaded_at)
        and (record.ended_at is None or datetime.fromisoformat(entry.loaded_at) <= record.ended_at)
    ]


def rows_taken_out(entries: Iterable[LedgerEntry]) -> Counter[tuple[str, str]]:
    """Rows that left quarantine, by a replay or a discard; by feed and the batch they were refused in."""
    rows: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.replayed_from:
            rows[(entry.feed, entry.replayed_from)] += entry.rows_accepted + entry.rows_passed_over
    return rows


def column_use(entries: Iterable[LedgerEntry]) -> list[dict[str, Any]]:
    """What became of the columns of each source's newest file, where there is something to say.

    `never_there` are columns of the contract that every file leaves empty, `gone` those that earlier ones filled.
    """
    sources: dict[tuple[str, str], list[LedgerEntry]] = defaultdict(list)
    # A file may serve several feeds; a column that one of them reads is read.
    unread: dict[str, set[str]] = {}
    for entry in entries:
        if entry.status == "loaded" and not entry.replayed_from:
            sources[(entry.feed, entry.source_name)].append(entry)
            unmapped = set(entry.columns_unmapped)
            unread[entry.content_sha256] = unread.get(entry.content_sha256, unmapped) & unmapped
    rows = []
    for (feed, name), files in sorted(sources.items()):
        newest = max(files, key=lambda entry: entry.load_sequence)
        lacking = [set(entry.columns_lacking) for entry in files if entry.columns_lacking is not None]
        always = set.intersection(*lacking) if lacking else set()
        row = {
            "feed": feed,
            "name": name,
            "newest_file": newest.source_file,
            "unmapped": [column for column in newest.columns_unmapped if column in unread[newest.content_sha256]],
            "never_there": [column for column in newest.columns_lacking or () if column in always],
            "gone": [column for column in newest.columns_lacking or () if column not in always],
        }
        if row["unmapped"] or row["never_there"] or row["gone"]:
            rows.append(row)
    return rows


def file_row(entry: LedgerEntry, taken_out: Counter[tuple[str, str]] | None = None) -> dict[str, Any]:
    """One file with its light, whether its rows add up, and how many of them have left quarantine since."""
    is_whole = entry.rows_read == entry.rows_accepted + entry.rows_quarantined
    if entry.status == "refused":
        light = Light("bad", "refused")
    elif not is_whole:
        light = Light("bad", "does not add up")
    else:
        light = Light("warning" if entry.rows_quarantined else "good", "loaded")
    return {
        "entry": entry,
        "light": light,
        "is_whole": is_whole,
        "rows_taken_out": (taken_out or {}).get((entry.feed, entry.batch_id), 0),
        "loaded_at": datetime.fromisoformat(entry.loaded_at),
    }


def files_worth_a_look(entries: list[LedgerEntry], record: RunRecord | None) -> list[dict[str, Any]]:
    """Those of the last run, and those with refused rows; the newest first."""
    of_run = {id(entry) for entry in entries_of_run(entries, record)} if record else set()
    taken_out = rows_taken_out(entries)
    worth = [entry for entry in entries if entry.status == "refused" or entry.rows_quarantined or id(entry) in of_run]
    worth.sort(key=lambda entry: (entry.status == "refused", entry.rows_quarantined > 0, entry.load_sequence))
    return [file_row(entry, taken_out) for entry in reversed(worth[-FILES_LISTED:])]
