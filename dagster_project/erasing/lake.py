"""Taking erased people out of the lake: every batch that names them is written anew under its own name.

Belongs here: which files hold them, and rewriting these. Does not belong here: what becomes of a row (`rows`) or of a
refused record (`records`).

Names, row counts and row numbers of batches stay, so the ledger stays true: nothing is loaded again, and replays still
find their rows. A file is replaced in one step; started again after a kill, the work goes on where it was.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from dagster_project.erasing.erasure_list import Tokens, add_to_erasure_list, read_erasure_list
from dagster_project.erasing.pending import PendingErasure
from dagster_project.erasing.person import Person, find_links, rows_about
from dagster_project.erasing.records import erase_refused_records
from dagster_project.erasing.rows import erased_rows_sql
from dagster_project.erasing.tokens import read_salt
from dagster_project.loading.batches import PARQUET_OPTIONS, clear_unfinished
from dagster_project.loading.contracts import Feed, load_feeds
from dagster_project.loading.durable import publish_file
from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.mapping import ExtractsConfig, Source
from dagster_project.loading.refusals import LoadError
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_text


def erase_in_lake(settings: Settings, config: ExtractsConfig, pending: Iterable[PendingErasure]) -> None:
    """Rewrite every batch and quarantine file, of any dataset, that names one of these people.

    Their tokens are on the erasure list already.
    """
    # What a killed load left could hold them as well.
    clear_unfinished(settings)
    for leftover in [settings.lake_dir / "work", *settings.lake_dir.glob("tmp*"), settings.warehouse_home / "tmp"]:
        shutil.rmtree(leftover, ignore_errors=True)
    people = [erasure.person for erasure in pending]
    salt, erased = read_salt(settings), read_erasure_list(settings)
    with duckdb.connect(config=settings.engine_config) as connection:
        for feed in load_feeds().values():
            for batch in {batch for person in people for batch in _batches_about(connection, settings, feed, person)}:
                _rewrite(connection, salt, erased, feed, batch)
    sources = sources_by_batch(settings, config)
    for quarantine in sorted(settings.quarantine_dir.glob("*/*.parquet")):
        erase_refused_records(settings, quarantine, sources.get((quarantine.parent.name, quarantine.stem)))


def erase_comments_on_new_orders(settings: Settings) -> None:
    """After a load: answers that name only an order or ticket that an erased person has had since lose their comment.

    Comments of all times are looked at, so it does not matter which of the two was delivered first.
    """
    erased = read_erasure_list(settings)
    if erased == Tokens():
        return
    salt = read_salt(settings)
    with duckdb.connect(config=settings.engine_config) as connection:
        links = find_links(connection, settings, erased.customers)
        known_and_new = erased.joined_with(links.tokens(salt))
        if known_and_new == erased:
            return
        for feed in load_feeds().values():
            for batch in _batches_about(connection, settings, feed, links):
                _rewrite(connection, salt, known_and_new, feed, batch)
    # Last: killed before this, the next load finds the same orders again.
    add_to_erasure_list(settings, known_and_new)


def _batches_about(connection: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed, person: Person) -> list[Path]:
    rows = rows_about(settings, feed, person)
    if rows is None:
        return []
    query, parameters = rows
    return [Path(name) for (name,) in connection.execute(f"SELECT DISTINCT filename {query}", parameters).fetchall()]


def _rewrite(connection: duckdb.DuckDBPyConnection, salt: bytes, erased: Tokens, feed: Feed, batch: Path) -> None:
    query = erased_rows_sql(connection, salt, erased, feed, f"read_parquet({quote_text(str(batch))})")
    if query is None:
        return
    rows_before = _count(connection, batch)

    def write(temporary: Path) -> None:
        connection.execute(f"COPY ({query}) TO {quote_text(str(temporary))} ({PARQUET_OPTIONS})")
        if _count(connection, temporary) != rows_before:
            raise LoadError(f"{batch} would not keep its {rows_before} rows. This is a defect; the file is as it was.")

    publish_file(batch, write)


def _count(connection: duckdb.DuckDBPyConnection, batch: Path) -> int:
    return connection.execute(f"SELECT count(*) FROM read_parquet({quote_text(str(batch))})").fetchone()[0]


def sources_by_batch(settings: Settings, config: ExtractsConfig) -> dict[tuple[str, str], Source]:
    """By feed and batch, the entry of the mapping that it came by. Batches of other datasets are left out."""
    sources = {(source.feed, source.name): source for source in config.sources}
    return {
        (entry.feed, entry.batch_id): sources[entry.feed, entry.source_name]
        for entry in read_ledger(settings, config.name)
        if (entry.feed, entry.source_name) in sources
    }
