"""Erasing a person, step by step; each step can be killed and done again.

1. `begin_erasure` finds the person and notes what is to be done.
2. `erase_from_sources` puts the tokens on the list, rewrites the lake and removes the warehouse.
3. The caller builds, checks and publishes anew.
4. `finish_erasures` deletes the releases before, pages and logs that name the person, and writes the audit line.

Belongs here: this order. Does not belong here: the steps themselves, and building.
"""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from dagster_project.erasing.erasure_list import Tokens, add_to_erasure_list, read_erasure_list
from dagster_project.erasing.lake import erase_in_lake, sources_by_batch
from dagster_project.erasing.pending import PendingErasure, read_pending, remove_pending, write_pending
from dagster_project.erasing.person import count_rows, find_person, trimmed_id
from dagster_project.erasing.records import rows_of_erased
from dagster_project.erasing.released import remove_releases_naming
from dagster_project.erasing.tokens import read_salt, token_of
from dagster_project.erasing.traces import remove_traces
from dagster_project.loading.batches import clear_unfinished
from dagster_project.loading.durable import append_line, remove_file
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.settings import DBT_TARGETS, Settings
from dagster_project.transforming.build_state import mark_build_begun

NO_CUSTOMER_NAMED = (
    "The job erase_customer needs the id of a customer: make run JOB=erase_customer CUSTOMER=<customer_id>."
)


class ErasureError(Exception):
    """There is nobody to erase; the message says what to do and never names the id."""


@dataclass(frozen=True)
class FinishedErasure:
    """What was erased. `rows` are those of the lake by feed, `records` the refused ones, `releases` were deleted."""

    token: str
    rows: dict[str, int]
    records: dict[str, int]
    releases: list[str]


def audit_path(settings: Settings) -> Path:
    """The log of finished erasures: one JSON line each, never with an id."""
    return settings.warehouse_home / "erasures.jsonl"


def begin_erasure(settings: Settings, config: ExtractsConfig, customer_id: str) -> PendingErasure:
    """Find the person with this customer id and note what is to be done; of what is loaded nothing is changed yet.

    Asking again for somebody who is erased already is no mistake. Raises ErasureError where the lake has no such
    customer. The caller holds the writer lock.
    """
    trimmed = trimmed_id(customer_id)
    if trimmed is None:
        raise ErasureError(NO_CUSTOMER_NAMED)
    # What a killed load left may be half a file, which nobody can read, and its rows are in no figure.
    clear_unfinished(settings)
    salt, known = read_salt(settings), read_erasure_list(settings)
    token = token_of(salt, trimmed)
    already = [erasure for erasure in read_pending(settings) if erasure.token == token]
    if already:
        return already[0]
    with duckdb.connect(config=settings.engine_config) as connection:
        person = find_person(connection, settings, trimmed, known)
        rows = count_rows(connection, settings, person)
    records = _count_records(settings, config, salt, person.tokens(salt))
    if not rows and not records and token not in known.customers:
        raise ErasureError(
            "No row in the lake and no refused row has this customer id, so nothing was erased. Check its spelling: "
            "it must be as the extracts have it, upper and lower case included."
        )
    erasure = PendingErasure(
        token, person, settings.operator, datetime.now(UTC).isoformat(timespec="seconds"), rows, records
    )
    write_pending(settings, erasure)
    return erasure


def erase_from_sources(settings: Settings, config: ExtractsConfig) -> list[PendingErasure]:
    """Rewrite the lake without the people of every pending erasure, and remove the warehouse that was made of it.

    Returns these erasures; where there is none, nothing is done. The caller has to build and publish anew.
    """
    pending = read_pending(settings)
    if not pending:
        return []
    salt = read_salt(settings)
    for erasure in pending:
        add_to_erasure_list(settings, erasure.person.tokens(salt).joined_with(Tokens(frozenset({erasure.token}))))
    erase_in_lake(settings, config, pending)
    # Deleted rows stay in the blocks of a database file, so the file itself goes; what is published needs it no more.
    # Each engine has a warehouse of its own, and the notes that these are whole go with them.
    for engine in DBT_TARGETS:
        mark_build_begun(replace(settings, dbt_target=engine))
    for suffix in ("", ".wal"):
        remove_file(settings.warehouse_path.with_name(settings.warehouse_path.name + suffix))
    # An error here is one of the erasure: half of it left in place would be called done.
    if settings.spark_dir.exists():
        shutil.rmtree(settings.spark_dir)
    for erasure in pending:
        write_pending(settings, replace(erasure, is_lake_erased=True))
    return pending


def finish_erasures(settings: Settings) -> list[FinishedErasure]:
    """After publishing: remove what still names the people of every pending erasure, and write the audit lines."""
    pending = [erasure for erasure in read_pending(settings) if erasure.is_lake_erased]
    finished = []
    for erasure in pending:
        releases = remove_releases_naming(settings, [erasure.person])
        remove_traces(settings, [erasure.person])
        _write_audit_line(settings, erasure, len(releases))
        remove_pending(settings, erasure)
        finished.append(FinishedErasure(erasure.token, erasure.rows, erasure.records, releases))
    return finished


def _count_records(settings: Settings, config: ExtractsConfig, salt: bytes, tokens: Tokens) -> dict[str, int]:
    sources = sources_by_batch(settings, config)
    counts: dict[str, int] = {}
    for quarantine in sorted(settings.quarantine_dir.glob("*/*.parquet")):
        feed = quarantine.parent.name
        rows = len(rows_of_erased(settings, salt, tokens, quarantine, sources.get((feed, quarantine.stem))))
        if rows:
            counts[feed] = counts.get(feed, 0) + rows
    return counts


def _write_audit_line(settings: Settings, erasure: PendingErasure, releases: int) -> None:
    path = audit_path(settings)
    if _has_line(path, erasure):
        return
    line = {
        "requested_at": erasure.requested_at,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "requested_by": erasure.requested_by,
        "token": erasure.token,
        "rows_by_feed": erasure.rows,
        "refused_records_by_feed": erasure.records,
        "releases_deleted": releases,
    }
    append_line(path, line)


def _has_line(path: Path, erasure: PendingErasure) -> bool:
    """Whether the line was written before a kill that came before the note was removed."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    written = {(line["token"], line["requested_at"]) for line in map(json.loads, lines)}
    return (erasure.token, erasure.requested_at) in written
