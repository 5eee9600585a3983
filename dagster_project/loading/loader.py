"""Loading the extracts of a mapping into the raw lake.

Belongs here: the order of work, what is loaded, unchanged or refused, and the commit. Does not belong here: reading
files (`landing`), judging rows (`checks`), files that are checked together (`file_chunks`) or ahead (`judging_ahead`),
writing files (`batches`).
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import duckdb

from dagster_project.clock import utc_now
from dagster_project.erasing.records import erase_refused_records
from dagster_project.loading.batches import (
    Batch,
    clear_unfinished,
    ensure_contract_batches,
    quarantine_path,
    write_batch,
)
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.durable import make_folder, remove_file, work_folder
from dagster_project.loading.extract_files import (
    Content,
    ExtractFile,
    KnownContents,
    find_files,
    read_content,
    read_known_contents,
    write_known_contents,
)
from dagster_project.loading.file_chunks import Chunk, JudgedFile, WaitingFile, Workshop
from dagster_project.loading.judging_ahead import JudgingAhead
from dagster_project.loading.known_loads import KnownLoads
from dagster_project.loading.ledger import (
    LedgerEntry,
    batch_stem,
    entry_path,
    next_load_sequence,
    read_ledger,
    write_entry,
)
from dagster_project.loading.mapping import ExtractsConfig, Source
from dagster_project.loading.refusals import FileRefusedError, LoadError
from dagster_project.loading.results import FileResult, LoadResult
from dagster_project.loading.taking_out import finish_taking_out
from dagster_project.settings import Settings

__all__ = ["FileResult", "LoadError", "LoadResult", "load_extracts"]

Report = Callable[[str], None]


@dataclass
class _Load:
    """One call of load_extracts: what it was given, and what is known so far."""

    settings: Settings
    config: ExtractsConfig
    report: Report
    now: dt.datetime
    known: KnownLoads
    contents: KnownContents
    next_sequence: int
    result: LoadResult = field(default_factory=LoadResult)


def load_extracts(settings: Settings, config: ExtractsConfig, report: Report) -> LoadResult:
    """Load every extract file that is new, and say what became of each.

    A file whose content was loaded before is `unchanged`; one that cannot be read is `refused` with a message and harms
    no other. `report` hears a line for each file, and more during long ones. What an earlier, killed run left is
    cleared away first. Raises LoadError for a defect of the loader or a damaged lake, OSError or duckdb.Error where the
    lake cannot be read or written; OSError also where a folder cannot be read in which files are looked for, and
    SettingsError where there is none: files that nobody sees must not pass for files that are gone.
    """
    make_folder(settings.lake_dir)
    for batch_id in clear_unfinished(settings):
        report(f"Removed the unfinished batch {batch_id} of an interrupted run; its file is loaded again.")
    with duckdb.connect() as connection:
        ensure_contract_batches(connection, settings, config.name)
    entries = read_ledger(settings, config.name)
    finish_taking_out(settings, entries)
    run = _Load(
        settings,
        config,
        report,
        now=utc_now(),
        known=KnownLoads(entries),
        contents=read_known_contents(settings, config.name),
        next_sequence=next_load_sequence(settings),
    )
    with work_folder(settings.lake_dir) as work_dir:
        ahead = JudgingAhead(settings, work_dir, run.now, report, partial(_finish_file, run))
        try:
            _load_files(run, ahead)
        finally:
            ahead.close()
    _forget_refusals_of_gone_files(run)
    write_known_contents(run.contents)
    return run.result


def _load_files(run: _Load, ahead: JudgingAhead) -> None:
    groups = _groups(run)
    chunk = Chunk()
    for position, (file, sources) in enumerate(groups, start=1):
        title = f"{file.name} (file {position} of {len(groups)})"
        try:
            content = read_content(run.settings.extracts_dir, file, run.contents)
        except FileRefusedError as error:
            _finish_waiting(ahead, chunk)
            _refuse_all(run, file, None, sources, str(error))
            continue
        if chunk.holds(content) or ahead.holds(content) or any(source.mode == "snapshot" for source in sources):
            # Whether it is news depends on files that wait: on one of the same content, and for a full dump on the
            # dump before it.
            _finish_waiting(ahead, chunk)
        pending = [source for source in sources if not _is_loaded(run, source, file, content)]
        waiting = WaitingFile(file, content, tuple(pending), title)
        if len(pending) < len(sources):
            _finish_waiting(ahead, chunk)
        elif not chunk.takes(waiting):
            ahead.begin(chunk.take_all())
        for source in sources:
            if source not in pending:
                _remember_name(run, source, file, content)
                run.result.files.append(_unchanged(run, source, file, content))
        if pending:
            chunk.add(waiting)
    _finish_waiting(ahead, chunk)


def _groups(run: _Load) -> list[tuple[ExtractFile, list[Source]]]:
    """Files in the order of the sources, then by name.

    Each with all sources that read it in the same way, so it is read once.
    """
    groups: dict[tuple, tuple[ExtractFile, list[Source]]] = {}
    for source in run.config.sources:
        found = find_files(run.settings.extracts_dir, source)
        if not found.files:
            run.result.warnings.append(
                f"No file matches '{source.files}' of source {source.name} in the extracts folder."
            )
        run.result.warnings += [
            f"{folder} matches '{source.files}' of source {source.name}, but is a folder, and nothing in it matches: "
            "nothing of it is loaded. Deliver a file, or name the files in the folder."
            for folder in found.folders
        ]
        dialect = replace(
            source.dialect,
            decimal_mark=".",
            thousands_mark=None,
            time_zone="UTC",
            date_formats=(),
            timestamp_formats=(),
        )
        for file in found.files:
            key = (file.name, source.format, source.sheet, dialect)
            groups.setdefault(key, (file, []))[1].append(source)
    return list(groups.values())


def _finish_waiting(ahead: JudgingAhead, chunk: Chunk) -> None:
    """Load every file that waits before the next one is looked at."""
    if chunk.files:
        ahead.begin(chunk.take_all())
    ahead.finish()


def _finish_file(run: _Load, workshop: Workshop, waiting: WaitingFile, outcome: JudgedFile | str) -> None:
    """Write and commit what became of a file: a batch of its own for each source, or a refusal."""
    if isinstance(outcome, str):
        _refuse_all(run, waiting.file, waiting.content, waiting.sources, outcome)
        return
    for source in waiting.sources:
        _load_source(run, workshop, waiting, source, outcome)


def _load_source(run: _Load, workshop: Workshop, waiting: WaitingFile, source: Source, outcome: JudgedFile) -> None:
    file, content = waiting.file, waiting.content
    try:
        judged, columns = outcome.judge(source)
    except FileRefusedError as error:
        _refuse_all(run, file, content, (source,), str(error))
        return
    feed = load_feeds()[source.feed]
    sequence = run.next_sequence
    batch_id = batch_stem(run.config.name, sequence, content.sha256)
    batch = Batch(feed, source.name, file.name, batch_id, sequence, source.mode == "snapshot")
    passed_over = judged.passed_over.get(outcome.number, 0)
    rows_read = outcome.landed.rows_read - passed_over
    counts = write_batch(workshop.engine(), run.settings, batch, judged, outcome.number, rows_read)
    quarantine = quarantine_path(run.settings, source.feed, batch_id)
    erase_refused_records(run.settings, quarantine, source)
    message = f"{counts.rows_accepted:,} of {rows_read:,} rows accepted"
    message += f", {counts.rows_quarantined:,} quarantined." if counts.rows_quarantined else "."
    message += f" {passed_over:,} more were passed over by rows_where." if passed_over else ""
    entry = _entry(run, source, file, content, sequence, "loaded", message)
    entry = replace(
        entry,
        rows_read=rows_read,
        rows_passed_over=passed_over,
        rows_accepted=counts.rows_accepted,
        rows_quarantined=counts.rows_quarantined,
        reasons=counts.reasons,
        watermark=counts.watermark,
        columns_unmapped=columns.unmapped,
        columns_lacking=columns.lacking,
        duplicate_rows=counts.duplicate_rows,
    )
    _commit(run, entry)
    run.result.files.append(FileResult.of(entry))
    run.report(f"{waiting.title} to {source.feed}: {message}")


def _refuse_all(
    run: _Load,
    file: ExtractFile,
    content: Content | None,
    sources: list[Source] | tuple[Source, ...],
    problem: str,
) -> None:
    if content is None:
        # The file could not be read, so the entry is told apart by its name.
        content = Content(hashlib.sha256(f"unreadable {file.name}".encode(errors="replace")).hexdigest(), 0, ())
    for source in sources:
        message = f"{file.name} was refused for {source.feed}: {problem}"
        refusals = run.known.refusals(source.feed, source.name, file.name)
        earlier = [entry for entry in refusals if entry.content_sha256 == content.sha256]
        sequence = earlier[0].load_sequence if earlier else run.next_sequence
        entry = _entry(run, source, file, content, sequence, "refused", message)
        # Also where nothing is new: the ledger says when the file was tried last.
        _commit(run, entry)
        run.result.files.append(FileResult.of(entry))
        run.report(message)


def _commit(run: _Load, entry: LedgerEntry) -> None:
    """Write the entry, then drop what was known of an earlier refusal of the same file."""
    write_entry(run.settings, entry)
    run.next_sequence = max(run.next_sequence, entry.load_sequence + 1)
    for refusal in run.known.refusals(entry.feed, entry.source_name, entry.source_file):
        if refusal.batch_id != entry.batch_id:
            remove_file(entry_path(run.settings, refusal.feed, refusal.batch_id))
            run.known.forget(refusal)
    run.known.add(entry)


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
        is_snapshot=source.mode == "snapshot",
    )


def _is_loaded(run: _Load, source: Source, file: ExtractFile, content: Content) -> bool:
    """Whether loading this content again would change nothing.

    A snapshot that returns to an earlier state is news, though its content was seen: only what the same file brought
    last (or, for a new file name, the newest dump of the source) counts.
    """
    seen = run.known.with_content(source.feed, source.name, content.sha256)
    if seen is None or source.mode != "snapshot":
        return seen is not None
    latest = run.known.of_file(source.feed, source.name, file.name)
    if latest is not None:
        return latest.content_sha256 == content.sha256
    newest = run.known.newest(source.feed, source.name)
    return newest.content_sha256 == content.sha256 or _is_renamed(run, file, seen, newest)


def _is_renamed(run: _Load, file: ExtractFile, seen: LedgerEntry, newest: LedgerEntry) -> bool:
    """Whether a new name is that of an earlier dump: a file that brought it is gone, and the newest stands behind."""

    def is_there(name: str) -> bool:
        return (run.settings.extracts_dir / name).exists()

    is_gone = not all(is_there(name) for name in seen.file_names)
    return is_gone and any(file.name < name and is_there(name) for name in newest.file_names)


def _remember_name(run: _Load, source: Source, file: ExtractFile, content: Content) -> None:
    """Note that a new name brought a dump that is known.

    Otherwise it would stay new, and beside the next dump it would be taken for a return to the earlier state.
    """
    if source.mode != "snapshot" or run.known.of_file(source.feed, source.name, file.name) is not None:
        return
    seen = run.known.with_content(source.feed, source.name, content.sha256)
    noted = replace(seen, also_delivered_as=[*seen.also_delivered_as, file.name])
    write_entry(run.settings, noted)
    run.known.add(noted)


def _unchanged(run: _Load, source: Source, file: ExtractFile, content: Content) -> FileResult:
    entry = run.known.with_content(source.feed, source.name, content.sha256)
    same = "the same content" if entry.source_file == file.name else f"the same content as {entry.source_file}"
    return replace(
        FileResult.of(entry), source_file=file.name, status="unchanged", message=f"{same}, loaded as {entry.batch_id}"
    )


def _forget_refusals_of_gone_files(run: _Load) -> None:
    """A refused file counts as refused until it is mended or removed; then its entry goes."""
    refused = {
        (result.feed, result.source_name, result.source_file)
        for result in run.result.files
        if result.status == "refused"
    }
    for entry in run.known.all_refusals():
        if (entry.feed, entry.source_name, entry.source_file) not in refused:
            remove_file(entry_path(run.settings, entry.feed, entry.batch_id))
            run.known.forget(entry)
