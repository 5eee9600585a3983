"""Loading the extracts of a mapping into the raw lake.

Belongs here: the order of work, what is loaded, unchanged or refused, progress, and the commit. Does not belong here:
reading files (`landing`), judging rows (`checks`), writing files (`batches`).
"""

import datetime as dt
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from dagster_project.loading.batches import Batch, clear_unfinished, ensure_contract_batches, write_batch
from dagster_project.loading.checks import checked_rows
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.durable import make_folder, remove_file
from dagster_project.loading.engine import open_engine
from dagster_project.loading.extract_files import Content, ExtractFile, check_unchanged, find_files, read_content
from dagster_project.loading.landing import Landed, format_of, land
from dagster_project.loading.ledger import (
    LedgerEntry,
    batch_stem,
    entry_path,
    next_load_sequence,
    read_ledger,
    write_entry,
)
from dagster_project.loading.mapping import ExtractsConfig, Source
from dagster_project.loading.progress import reporting_progress
from dagster_project.loading.refusals import FileRefusedError, LoadError
from dagster_project.loading.replay import finish_replays
from dagster_project.loading.results import FileResult, LoadResult
from dagster_project.loading.source_columns import resolve_columns
from dagster_project.settings import Settings

__all__ = ["FileResult", "LoadError", "LoadResult", "load_extracts"]

Report = Callable[[str], None]
TYPED_FORMATS = ("parquet", "excel")


@dataclass
class _Load:
    """One call of load_extracts: what it was given, and what is known so far."""

    settings: Settings
    config: ExtractsConfig
    report: Report
    now: dt.datetime
    entries: list[LedgerEntry]
    next_sequence: int
    result: LoadResult = field(default_factory=LoadResult)


def load_extracts(settings: Settings, config: ExtractsConfig, report: Report) -> LoadResult:
    """Load every extract file that is new, and say what became of each.

    A file whose content was loaded before is `unchanged`; one that cannot be read is `refused` with a message and harms
    no other. `report` hears a line for each file, and more during long ones. What an earlier, killed run left is
    cleared away first. Raises LoadError for a defect of the loader or a damaged lake, OSError where the lake cannot be
    written.
    """
    make_folder(settings.lake_dir)
    for batch_id in clear_unfinished(settings):
        report(f"Removed the unfinished batch {batch_id} of an interrupted run; its file is loaded again.")
    with duckdb.connect() as connection:
        ensure_contract_batches(connection, settings, config.name)
    finish_replays(settings, config.name)
    run = _Load(
        settings,
        config,
        report,
        now=dt.datetime.now(dt.UTC).replace(tzinfo=None),
        entries=read_ledger(settings, config.name),
        next_sequence=next_load_sequence(settings),
    )
    if not settings.extracts_dir.is_dir():
        message = (
            f"The extracts folder {settings.extracts_dir} does not exist. Set EXTRACTS_DIR (or EXTRACTS=) to yours."
        )
        run.result.warnings.append(message)
        report(message)
    groups = _groups(run)
    for position, (file, sources) in enumerate(groups, start=1):
        _load_file(run, file, sources, f"{file.name} (file {position} of {len(groups)})")
    _forget_refusals_of_gone_files(run)
    return run.result


def _groups(run: _Load) -> list[tuple[ExtractFile, list[Source]]]:
    """Files in the order of the sources, then by name.

    Each with all sources that read it in the same way, so it is read once.
    """
    groups: dict[tuple, tuple[ExtractFile, list[Source]]] = {}
    for source in run.config.sources:
        files = find_files(run.settings.extracts_dir, source)
        if not files:
            message = f"No file matches '{source.files}' of source {source.name} in the extracts folder."
            run.result.warnings.append(message)
            run.report(message)
        for file in files:
            dialect = replace(
                source.dialect,
                decimal_mark=".",
                thousands_mark=None,
                time_zone="UTC",
                date_formats=(),
                timestamp_formats=(),
            )
            key = (file.name, source.format, source.sheet, dialect)
            groups.setdefault(key, (file, []))[1].append(source)
    return list(groups.values())


def _load_file(run: _Load, file: ExtractFile, sources: list[Source], title: str) -> None:
    content: Content | None = None
    try:
        content = read_content(run.settings.extracts_dir, file)
        pending = [source for source in sources if not _is_loaded(run, source, file, content)]
        for source in sources:
            if source not in pending:
                run.result.files.append(_unchanged(run, source, file, content))
        if not pending:
            run.report(f"{title}: unchanged.")
            return
        with _work_folder(run.settings) as work_dir, open_engine(work_dir) as connection:
            rows = 0

            def on_rows(count: int) -> None:
                nonlocal rows
                rows = count
                if count >= 1_000_000:
                    run.report(f"{title}: {count:,} rows to read.")

            with reporting_progress(
                connection, run.report, lambda: f"{title}: reading {rows:,} rows" if rows else f"{title}: reading"
            ):
                landed = land(connection, file.path, pending[0], work_dir, on_rows)
            check_unchanged(file, content)
            for source in pending:
                with reporting_progress(connection, run.report, lambda: f"{title}: checking {landed.rows_read:,} rows"):
                    _load_source(run, connection, file, content, source, landed)
                _tell(run, title)
    except FileRefusedError as error:
        done = {result.source_name for result in run.result.files if result.source_file == file.name}
        for source in sources:
            if source.name not in done:
                _refuse(run, source, file, content, str(error))
                _tell(run, title)


def _load_source(
    run: _Load,
    connection: duckdb.DuckDBPyConnection,
    file: ExtractFile,
    content: Content,
    source: Source,
    landed: Landed,
) -> None:
    feed = load_feeds()[source.feed]
    try:
        columns, unmapped = resolve_columns(feed, source, landed.columns)
        is_typed = format_of(file.path, source) in TYPED_FORMATS
        checked = checked_rows(connection, feed, source, columns, run.now, is_typed_format=is_typed)
    except FileRefusedError as error:
        _refuse(run, source, file, content, str(error))
        return
    sequence = run.next_sequence
    batch_id = batch_stem(run.config.name, sequence, content.sha256)
    batch = Batch(feed, source.name, file.name, batch_id, sequence, source.mode == "snapshot")
    counts = write_batch(connection, run.settings, batch, checked, landed.columns, landed.rows_read, landed.broken)
    message = f"{counts.rows_accepted:,} of {landed.rows_read:,} rows accepted"
    message += f", {counts.rows_quarantined:,} quarantined." if counts.rows_quarantined else "."
    entry = _entry(run, source, file, content, sequence, "loaded", message)
    entry = replace(
        entry,
        rows_read=landed.rows_read,
        rows_accepted=counts.rows_accepted,
        rows_quarantined=counts.rows_quarantined,
        reasons=counts.reasons,
        watermark=counts.watermark,
        columns_unmapped=unmapped,
        duplicate_rows=counts.duplicate_rows,
    )
    _commit(run, entry)
    run.result.files.append(FileResult.of(entry))


def _refuse(run: _Load, source: Source, file: ExtractFile, content: Content | None, problem: str) -> None:
    message = f"{file.name} was refused for {source.feed}: {problem}"
    if content is None:
        # The file could not be read, so the entry is told apart by its name.
        content = Content(hashlib.sha256(f"unreadable {file.name}".encode()).hexdigest(), 0, (0, 0))
    earlier = [entry for entry in _refusals(run, source, file) if entry.content_sha256 == content.sha256]
    sequence = earlier[0].load_sequence if earlier else run.next_sequence
    entry = _entry(run, source, file, content, sequence, "refused", message)
    if not earlier or earlier[0].message != message:
        _commit(run, entry)
    run.result.files.append(FileResult.of(entry))


def _commit(run: _Load, entry: LedgerEntry) -> None:
    """Write the entry, then drop what was known of an earlier refusal of the same file."""
    write_entry(run.settings, entry)
    run.next_sequence = max(run.next_sequence, entry.load_sequence + 1)
    kept = []
    for earlier in run.entries:
        is_same_file = (earlier.feed, earlier.source_name, earlier.source_file) == (
            entry.feed,
            entry.source_name,
            entry.source_file,
        )
        if earlier.status == "refused" and is_same_file and earlier.batch_id != entry.batch_id:
            remove_file(entry_path(run.settings, earlier.feed, earlier.batch_id))
        elif (earlier.feed, earlier.batch_id) != (entry.feed, entry.batch_id):
            kept.append(earlier)
    run.entries = [*kept, entry]


def _entry(
    run: _Load, source: Source, file: ExtractFile, content: Content, sequence: int, status: str, message: str
) -> LedgerEntry:
    return LedgerEntry(
        dataset=run.config.name,
        feed=source.feed,
        source_name=source.name,
        source_file=file.name,
        content_sha256=content.sha256,
        bytes=content.bytes,
        status=status,
        message=message,
        rows_read=0,
        rows_accepted=0,
        rows_quarantined=0,
        reasons={},
        load_sequence=sequence,
        batch_id=batch_stem(run.config.name, sequence, content.sha256),
        loaded_at=run.now.isoformat(timespec="seconds"),
        watermark=None,
    )


def _same_content(run: _Load, source: Source, content: Content) -> list[LedgerEntry]:
    return [entry for entry in _loads(run, source) if entry.content_sha256 == content.sha256]


def _loads(run: _Load, source: Source) -> list[LedgerEntry]:
    """The batches of a source in load order, without those that replayed quarantined rows."""
    return [
        entry
        for entry in run.entries
        if entry.status == "loaded"
        and (entry.feed, entry.source_name) == (source.feed, source.name)
        and entry.replayed_from is None
    ]


def _is_loaded(run: _Load, source: Source, file: ExtractFile, content: Content) -> bool:
    """Whether loading this content again would change nothing.

    A snapshot that returns to an earlier state is news, though its content was seen: only the latest one of the same
    file (or, for a new file name, of the source) counts.
    """
    if source.mode != "snapshot":
        return bool(_same_content(run, source, content))
    loads = _loads(run, source)
    of_this_file = [entry for entry in loads if entry.source_file == file.name]
    latest = (of_this_file or loads)[-1:]
    return any(entry.content_sha256 == content.sha256 for entry in latest)


def _unchanged(run: _Load, source: Source, file: ExtractFile, content: Content) -> FileResult:
    entry = _same_content(run, source, content)[-1]
    same = "the same content" if entry.source_file == file.name else f"the same content as {entry.source_file}"
    return replace(
        FileResult.of(entry), source_file=file.name, status="unchanged", message=f"{same}, loaded as {entry.batch_id}"
    )


def _refusals(run: _Load, source: Source, file: ExtractFile) -> list[LedgerEntry]:
    return [
        entry
        for entry in run.entries
        if entry.status == "refused"
        and (entry.feed, entry.source_name, entry.source_file) == (source.feed, source.name, file.name)
    ]


def _forget_refusals_of_gone_files(run: _Load) -> None:
    """A refused file counts as refused until it is mended or removed; then its entry goes."""
    refused = {
        (result.feed, result.source_name, result.source_file)
        for result in run.result.files
        if result.status == "refused"
    }
    for entry in run.entries:
        if entry.status == "refused" and (entry.feed, entry.source_name, entry.source_file) not in refused:
            remove_file(entry_path(run.settings, entry.feed, entry.batch_id))


def _tell(run: _Load, title: str) -> None:
    last = run.result.files[-1]
    run.report(last.message if last.status == "refused" else f"{title} to {last.feed}: {last.message}")


@contextmanager
def _work_folder(settings: Settings) -> Iterator[Path]:
    """A folder for temporary copies, readable by the owner alone; what a killed run left in it is removed."""
    folder = settings.lake_dir / "work"
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield Path(tempfile.mkdtemp(dir=folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
