"""What is in quarantine: refused rows by feed, file and reason, and single rows with personal data masked.

Belongs here: reading. Does not belong here: changing anything (`correcting`, `discarding`), files for people
(`exporting`).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import duckdb

from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.ledger import entry_path
from dagster_project.loading.mapping import Source
from dagster_project.loading.reasons import explain
from dagster_project.quality.masking import MASK, masked_value
from dagster_project.settings import Settings

NO_PERSONAL_COLUMNS: frozenset[str] = frozenset()
EXAMPLES = 3
ROWS_AT_ONCE = 1000


class QuarantineError(Exception):
    """What was asked for is not in quarantine, or cannot be done with it; the message says what to do."""


@dataclass(frozen=True)
class Selection:
    """Which refused rows: of one feed, one extract file, with one reason; None stands for all.

    `reason` is a whole code (`missing:order_id`) or its first part (`missing`).
    """

    feed: str | None = None
    source_file: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class RefusedRow:
    """One refused row as it was read, in clear text. `record` is None where an erasure has emptied it."""

    feed: str
    source_name: str
    source_file: str
    batch_id: str
    source_row: int
    reasons: tuple[str, ...]
    explanation: str
    record: dict[str, str | None] | None


@dataclass(frozen=True)
class RefusedGroup:
    """The rows of one file refused for one reason; a row with two reasons is in two groups.

    `first_rows` are numbers of rows in the file, `examples` the same rows with personal data masked.
    """

    feed: str
    source_file: str
    reason: str
    explanation: str
    row_count: int
    first_rows: tuple[int, ...] = ()
    examples: tuple[dict[str, str], ...] = field(default=())


def refused_groups(
    settings: Settings, dataset: str, sources: Iterable[Source] = (), selection: Selection | None = None
) -> list[RefusedGroup]:
    """Refused rows of a dataset by feed, file and reason, the most frequent reason of a file first.

    Without the `sources` of the mapping nobody knows which columns are personal, so every value is masked. Raises
    QuarantineError for a feed that does not exist.
    """
    sources = list(sources)
    with duckdb.connect() as connection:
        rows = _query(
            connection,
            settings,
            dataset,
            selection,
            f"""
            , by_reason AS (SELECT *, unnest(reasons) AS reason FROM refused)
            SELECT feed, _source_file, reason, count(*), any_value(_source_name),
                arg_min({{'row': _source_row, 'record': raw_record}}, (_batch_id, _source_row), {EXAMPLES})
            FROM by_reason WHERE $reason IS NULL OR reason = $reason OR starts_with(reason, $reason || ':')
            GROUP BY feed, _source_file, reason ORDER BY feed, _source_file, count(*) DESC, reason
            """,
        ).fetchall()
    return [
        RefusedGroup(
            feed,
            source_file,
            reason,
            explain(reason),
            count,
            tuple(example["row"] for example in examples),
            tuple(
                masked_record(_record(example["record"]), source_of(sources, feed, source_name)) for example in examples
            ),
        )
        for feed, source_file, reason, count, source_name, examples in rows
    ]


def refused_rows(settings: Settings, dataset: str, selection: Selection | None = None) -> Iterator[RefusedRow]:
    """The refused rows of a dataset in order of feed, batch and row, in clear text; errors as `refused_groups`."""
    with duckdb.connect() as connection:
        rows = _query(
            connection,
            settings,
            dataset,
            selection,
            "SELECT feed, _source_name, _source_file, _batch_id, _source_row, reasons, explanation, raw_record "
            "FROM refused WHERE $reason IS NULL OR "
            "len(list_filter(reasons, lambda code: code = $reason OR starts_with(code, $reason || ':'))) > 0 "
            "ORDER BY feed, _batch_id, _source_row",
        )
        while chunk := rows.fetchmany(ROWS_AT_ONCE):
            for *place, reasons, explanation, record in chunk:
                yield RefusedRow(*place, tuple(reasons), explanation, _record(record))


def source_of(sources: Iterable[Source], feed: str, source_name: str) -> Source | None:
    """The source of the mapping that these rows came from; None where it is not in the mapping any more."""
    return next((source for source in sources if (source.feed, source.name) == (feed, source_name)), None)


def _query(
    connection: duckdb.DuckDBPyConnection, settings: Settings, dataset: str, selection: Selection | None, query: str
) -> duckdb.DuckDBPyConnection:
    """Ask over the table `refused`: the rows of the selection's feed and file. `query` may name $reason."""
    selection = selection or Selection()
    if selection.feed is not None and selection.feed not in load_feeds():
        raise QuarantineError(f"There is no feed '{selection.feed}'. Feeds: {', '.join(load_feeds())}.")
    files = sorted(
        str(path)
        for path in settings.quarantine_dir.glob(f"{selection.feed or '*'}/{dataset}__*.parquet")
        # A batch that the ledger does not name is being written, or was left by a kill; it is loaded again.
        if entry_path(settings, path.parent.name, path.stem).exists()
    )
    if not files:
        return connection.execute("SELECT NULL WHERE FALSE")
    return connection.execute(
        "WITH refused AS (SELECT *, parse_path(filename)[-2] AS feed FROM read_parquet($files, filename = true) "
        f"WHERE $file IS NULL OR _source_file = $file) {query}",
        {"files": files, "file": selection.source_file, "reason": selection.reason},
    )


def _record(raw_record: str | None) -> dict[str, str | None] | None:
    return json.loads(raw_record) if raw_record is not None else None


def masked_record(record: dict[str, str | None] | None, source: Source | None) -> dict[str, str]:
    """The record as a steward may see it; empty where there is none.

    A column is shown only where the mapping says that it is not personal. All others, also those that nothing maps and
    lines that could not be taken apart, are masked; so is a value that looks like an address or a phone number.
    """
    shown = shown_columns(source) if source is not None else frozenset()
    return {
        name: masked_value(name, value, NO_PERSONAL_COLUMNS) if name.lower() in shown or not value else MASK
        for name, value in (record or {}).items()
    }


def shown_columns(source: Source) -> frozenset[str]:
    """The columns of a source's files, in lower case, that the mapping reads and does not read as personal."""
    columns = load_feeds()[source.feed].columns
    if source.columns is None:
        return frozenset(name for name, column in columns.items() if not column.personal)
    read = {name: mapping.text.lower() for name, mapping in source.columns.items() if mapping.kind == "source"}
    personal = {text for name, text in read.items() if columns[name].personal}
    return frozenset(read.values()) - personal
