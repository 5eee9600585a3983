"""Refused rows as a CSV file that people can open and correct.

Belongs here: the columns of the file, its safe cells, masks. Does not belong here: reading it back (`correcting`).
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from dagster_project.loading.batches import UNPARSED_RECORD
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.durable import publish_file, remove_unfinished
from dagster_project.loading.mapping import ExtractsConfig, Source
from dagster_project.quality.masking import MASK
from dagster_project.quarantine.actions import in_words, note_action
from dagster_project.quarantine.listing import (
    QuarantineError,
    RefusedRow,
    Selection,
    masked_record,
    refused_rows,
    source_of,
)
from dagster_project.settings import Settings

# The first columns say which row it is and why it was refused; the columns of the extract follow.
PLACE_COLUMNS = ("quarantine_feed", "quarantine_batch", "quarantine_row")
TELLING_COLUMNS = ("quarantine_file", "quarantine_reasons", "quarantine_explanation")
# With a mark of its byte order, or spreadsheets take it for another encoding.
ENCODING = "utf-8-sig"
# A spreadsheet takes a cell that begins so for a formula and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
SHIELD = "'"


def safe_cell(text: str) -> str:
    """The text so that no spreadsheet runs it: behind an apostrophe where it begins like a formula."""
    return SHIELD + text if text.startswith((*FORMULA_STARTS, SHIELD)) else text


def text_of_cell(cell: str) -> str:
    """What `safe_cell` was given."""
    return cell[1:] if cell.startswith(SHIELD) and cell[1:].startswith((*FORMULA_STARTS, SHIELD)) else cell


def export_rows(
    settings: Settings,
    config: ExtractsConfig,
    target: Path,
    selection: Selection | None = None,
    *,
    with_personal_data: bool = False,
) -> int:
    """Write the selected refused rows to a CSV file that only its owner may read; returns how many they are.

    Personal values are `(masked)` unless asked for; the log says who exported what, before anybody can have the file.
    Raises QuarantineError where nothing is selected or the file cannot be written. The caller holds the writer lock.
    """
    selection = selection or Selection()
    columns = _columns(refused_rows(settings, config.name, selection), config.sources)
    rows = 0
    personal = "with personal data" if with_personal_data else "masked"

    def write(temporary: Path) -> None:
        nonlocal rows
        with temporary.open("w", encoding=ENCODING, newline="") as file:
            temporary.chmod(0o600)
            writer = csv.writer(file)
            writer.writerow(safe_cell(name) for name in (*PLACE_COLUMNS, *TELLING_COLUMNS, *columns))
            for row in refused_rows(settings, config.name, selection):
                writer.writerow(safe_cell(cell) for cell in _cells(row, columns, config.sources, with_personal_data))
                rows += 1
        note_action(settings, config.name, "export", rows, f"{in_words(selection)}; {personal}; to {target.name}")

    if not columns:
        raise QuarantineError(f"No row is in quarantine for {in_words(selection)}: nothing was written.")
    try:
        remove_unfinished(target.parent)
        publish_file(target, write)
    except OSError as error:
        raise QuarantineError(f"{target} cannot be written: {error.strerror}. Name another file.") from None
    return rows


def _columns(rows: Iterable[RefusedRow], sources: list[Source]) -> list[str]:
    """The columns of all records, and those that the mapping reads: a line without columns needs them to be mended."""
    columns: dict[str, None] = {}
    known_sources = set()
    for row in rows:
        columns.update(dict.fromkeys(row.record or {UNPARSED_RECORD: None}))
        known_sources.add((row.feed, row.source_name))
    lower = {name.lower() for name in columns}
    for feed, name in sorted(known_sources):
        source = source_of(sources, feed, name)
        for column in read_columns(source) if source is not None else ():
            if column.lower() not in lower:
                columns[column] = None
                lower.add(column.lower())
    return list(columns)


def read_columns(source: Source) -> list[str]:
    """The columns that a source's files should have, as the mapping calls them."""
    if source.columns is None:
        return list(load_feeds()[source.feed].columns)
    return [mapping.text for mapping in source.columns.values() if mapping.kind == "source"]


def _cells(row: RefusedRow, columns: list[str], sources: list[Source], with_personal_data: bool) -> list[str]:  # noqa: FBT001
    masked = masked_record(row.record, source_of(sources, row.feed, row.source_name))
    clear = row.record or {}
    values = [(clear.get(name) or "") if with_personal_data or masked.get(name) != MASK else MASK for name in columns]
    return [
        *(row.feed, row.batch_id, str(row.source_row)),
        *(row.source_file, " ".join(row.reasons), row.explanation),
        *values,
    ]
