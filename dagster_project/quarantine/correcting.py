"""Taking over what a steward has corrected in an exported file.

Belongs here: reading the file, comparing it with what is in quarantine, writing the rows anew. Does not belong here:
loading them (`loading.replay`).
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.erasing.records import erase_refused_records
from dagster_project.loading.batches import PARQUET_OPTIONS, UNPARSED_RECORD, quarantine_path
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.durable import publish_file
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.loading.taking_out import mend_quarantine
from dagster_project.quality.masking import MASK
from dagster_project.quarantine.actions import note_action
from dagster_project.quarantine.exporting import ENCODING, PLACE_COLUMNS, TELLING_COLUMNS, read_columns, text_of_cell
from dagster_project.quarantine.listing import QuarantineError, source_of
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_text

LONGEST_CELL = 4_000_000
Place = tuple[str, str]  # feed and batch
StoredRows = dict[int, tuple[str, dict[str, str | None]]]  # by number: name of the source, and the record


@dataclass(frozen=True)
class Corrections:
    """What a corrected file changed: rows, and cells by column."""

    rows: int
    cells: dict[str, int]


def correct_rows(settings: Settings, config: ExtractsConfig, corrected: Path) -> Corrections:
    """Put the cells that a steward has changed in an exported file into quarantine; nothing is loaded yet.

    Rows are found by the first three columns; rows left out of the file stay as they are, and so do cells that say
    `(masked)`. A line that could not be taken apart becomes a row as soon as one of its columns is filled in. Raises
    QuarantineError before anything is changed, where the file or one of its rows does not fit, LoadError for a damaged
    lake. The caller holds the writer lock.
    """
    mend_quarantine(settings, config.name)
    wanted: dict[Place, dict[int, dict[str, str]]] = {}
    for place, number, cells in _rows(corrected, config.name):
        rows_of_batch = wanted.setdefault(place, {})
        if number in rows_of_batch:
            raise QuarantineError(
                f"{corrected}: row {number} of batch {place[1]} stands there twice, and nobody knows which one is "
                "meant. Keep one. Nothing was changed."
            )
        rows_of_batch[number] = cells
    changed: dict[Place, dict[int, str]] = {}
    counts: Counter[str] = Counter()
    source_names: dict[Place, str] = {}
    with duckdb.connect() as connection:
        stored_rows = {place: _stored(connection, settings, place) for place in wanted}
        names = _names_by_feed(stored_rows)
        for place, rows in wanted.items():
            stored = stored_rows[place]
            for number, cells in rows.items():
                if number not in stored:
                    raise QuarantineError(
                        f"Row {number} of batch {place[1]} is not in quarantine any more: it was replayed or "
                        "discarded. Export again, and correct what is still there."
                    )
                source_names[place], before = stored[number]
                after, columns = _corrected(before, cells)
                source = source_of(config.sources, place[0], source_names[place])
                # A line may be taken apart into all columns that rows of its feed have.
                known = {
                    *(names[place[0]] if UNPARSED_RECORD in before else before),
                    *(read_columns(source) if source else ()),
                }
                _require_known(corrected, f"row {number} of batch {place[1]}", columns, known)
                counts.update(columns)
                if columns:
                    changed.setdefault(place, {})[number] = json.dumps(after, ensure_ascii=False)
        for place, records in changed.items():
            _rewrite(connection, quarantine_path(settings, *place), records)
    for place in changed:
        source = source_of(config.sources, place[0], source_names[place])
        erase_refused_records(settings, quarantine_path(settings, *place), source)
    rows = sum(len(records) for records in changed.values())
    if rows:
        details = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
        note_action(settings, config.name, "correct", rows, f"from {corrected.name}; cells changed: {details}")
    return Corrections(rows, dict(sorted(counts.items())))


def _rows(corrected: Path, dataset: str) -> Iterator[tuple[Place, int, dict[str, str]]]:
    try:
        # Not read_text: it makes every line end inside a cell a bare line feed, and the cell would pass for corrected.
        text = corrected.read_bytes().decode(ENCODING)
    except UnicodeDecodeError:
        raise QuarantineError(f"{corrected} is not UTF-8 text. Save it as CSV UTF-8.") from None
    except OSError as error:
        raise QuarantineError(f"{corrected} cannot be read: {error.strerror}.") from None
    first = PLACE_COLUMNS[0]
    # Spreadsheets write the delimiter of their country.
    start = text.lstrip('"')
    delimiter = start.removeprefix(first).lstrip('"')[:1]
    if not start.startswith(first) or delimiter not in (",", ";", "\t"):
        raise QuarantineError(f"{corrected} was not exported from quarantine: its first column is not {first}.")
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = _header(corrected, next(reader))
    fixed = len(PLACE_COLUMNS) + len(TELLING_COLUMNS)
    known_batch = re.compile(rf"{re.escape(dataset)}__[0-9]{{8}}__[0-9a-f]{{16}}")
    try:
        for line, cells in enumerate(reader, start=2):
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise QuarantineError(f"{corrected}, record {line}: {len(cells)} cells under {len(header)} columns.")
            feed, batch_id, number = cells[: len(PLACE_COLUMNS)]
            if feed not in load_feeds() or not known_batch.fullmatch(batch_id) or not number.isdecimal():
                raise QuarantineError(
                    f"{corrected}, record {line}: the first three cells name no refused row of {dataset}. "
                    "Leave them as they were exported."
                )
            yield (
                (feed, batch_id),
                int(number),
                dict(zip(header[fixed:], map(text_of_cell, cells[fixed:]), strict=True)),
            )
    except csv.Error as error:
        raise QuarantineError(f"{corrected} is not readable as CSV: {error}.") from None


def _header(corrected: Path, cells: list[str]) -> list[str]:
    """The names of the columns, of which none may have gone lost. Raises QuarantineError."""
    header = [text_of_cell(name) for name in cells]
    fixed = len(PLACE_COLUMNS) + len(TELLING_COLUMNS)
    if tuple(header[:fixed]) != (*PLACE_COLUMNS, *TELLING_COLUMNS):
        raise QuarantineError(f"{corrected}: the first {fixed} columns must stay as they were exported.")
    if twice := [name for name, count in Counter(header[fixed:]).items() if count > 1]:
        raise QuarantineError(
            f"{corrected}: the column '{twice[0]}' stands there twice. Give every column the name that it was exported "
            "with. Nothing was changed."
        )
    return header


def _stored(connection: duckdb.DuckDBPyConnection, settings: Settings, place: Place) -> StoredRows:
    path = quarantine_path(settings, *place)
    if not path.exists():
        return {}
    rows = connection.execute(
        f"SELECT _source_row, _source_name, raw_record FROM read_parquet({quote_text(str(path))})"
    ).fetchall()
    return {number: (name, json.loads(record) if record else {}) for number, name, record in rows}


def _corrected(before: dict[str, str | None], cells: dict[str, str]) -> tuple[dict[str, str | None], list[str]]:
    """The record after correction, and the columns whose value has changed."""
    changed = {
        name: value
        for name, value in cells.items()
        if name != UNPARSED_RECORD and value != MASK and value != (before.get(name) or "")
    }
    kept = {name: value for name, value in before.items() if not changed or name != UNPARSED_RECORD}
    return kept | changed, list(changed)


def _names_by_feed(stored_rows: dict[Place, StoredRows]) -> dict[str, set[str]]:
    """The columns of all these rows, by feed."""
    names: dict[str, set[str]] = {}
    for (feed, _), stored in stored_rows.items():
        names.setdefault(feed, set()).update(*(record for _, record in stored.values()))
    return names


def _require_known(corrected: Path, row: str, columns: list[str], known: set[str]) -> None:
    """Raise QuarantineError for a changed cell of a column that the row does not have: its value would go nowhere."""
    for name in columns:
        if name not in known:
            raise QuarantineError(
                f"{corrected}: {row} has no column '{name}'. Give every column the name that it was exported with; of "
                f"this row they are {', '.join(sorted(known - {UNPARSED_RECORD}))}. Nothing was changed."
            )


def _rewrite(connection: duckdb.DuckDBPyConnection, quarantine: Path, records: dict[int, str]) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE corrected (number BIGINT, record VARCHAR)")
    connection.execute("INSERT INTO corrected SELECT unnest($1), unnest($2)", [list(records), list(records.values())])
    query = (
        "SELECT refused.* REPLACE (coalesce(corrected.record, refused.raw_record) AS raw_record) "
        f"FROM read_parquet({quote_text(str(quarantine))}) AS refused "
        "LEFT JOIN corrected ON corrected.number = refused._source_row ORDER BY _source_row"
    )
    publish_file(
        quarantine,
        lambda temporary: connection.execute(f"COPY ({query}) TO {quote_text(str(temporary))} ({PARQUET_OPTIONS})"),
    )
