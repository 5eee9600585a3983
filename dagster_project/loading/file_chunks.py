"""Files that are read one by one and checked together.

Belongs here: which files share a query, the engine they share, and falling back to single files. Does not belong here:
reading a file (`landing`), the checks (`checks`), commits (`loader`).

Planning the checks costs the engine more than checking ten thousand rows, and below a hundred thousand rows it uses one
core only. So files of the same sources that come one after the other and have the same header are judged in one query;
each still becomes a batch of its own, written and committed in the order in which the files came. A large file is a
chunk on its own.
"""

import datetime as dt
import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.loading.batches import Judged, judge_rows
from dagster_project.loading.checks import GATHERED, checked_rows, numbered_in_orders
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.engine import DISK_OR_MEMORY, empty_engine, open_engine, where_it_stops
from dagster_project.loading.expressions import ORDER_ROW_NUMBER_COLUMN
from dagster_project.loading.extract_files import Content, ExtractFile, check_unchanged
from dagster_project.loading.formats import COMPRESSED_SUFFIXES
from dagster_project.loading.landing import Landed, format_of, gather, land
from dagster_project.loading.mapping import Source
from dagster_project.loading.progress import reporting_progress
from dagster_project.loading.refusals import FileRefusedError
from dagster_project.loading.source_columns import ColumnUse, resolve_columns
from dagster_project.settings import Settings

MOST_FILES = 100
MOST_BYTES = 64 << 20
LARGEST_SMALL_FILE = 16 << 20
# A packed file grows by about as much when it is read.
PACKED_SUFFIXES = (*COMPRESSED_SUFFIXES, ".parquet", ".xlsx")
PACKED = 8
ROWS_WORTH_A_WORD = 1_000_000
# What the operator must mend, not who delivers the file.
OWN_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@dataclass(frozen=True)
class WaitingFile:
    """A file whose content is new to `sources`, which all read it in the same way."""

    file: ExtractFile
    content: Content
    sources: tuple[Source, ...]
    title: str

    @property
    def bytes_read(self) -> int:
        """About how much text it is once it is read."""
        is_packed = self.file.path.suffix.lower() in PACKED_SUFFIXES
        return self.content.bytes * (PACKED if is_packed else 1)


@dataclass
class Chunk:
    """Files that wait to be loaded together."""

    files: list[WaitingFile] = field(default_factory=list)

    def holds(self, content: Content) -> bool:
        """Whether a file with this content is waiting."""
        return any(other.content.sha256 == content.sha256 for other in self.files)

    def takes(self, waiting: WaitingFile) -> bool:
        """Whether a file may join: small, and read by the same sources in the same way."""
        if not self.files:
            return True
        together = [*self.files, waiting]
        return (
            len(together) <= MOST_FILES
            and sum(other.bytes_read for other in together) <= MOST_BYTES
            and max(other.bytes_read for other in together) <= LARGEST_SMALL_FILE
            and self.files[0].sources == waiting.sources
            and self.files[0].file.path.suffixes[-2:] == waiting.file.path.suffixes[-2:]
        )

    def add(self, waiting: WaitingFile) -> None:
        """Let a file wait."""
        self.files.append(waiting)

    def take_all(self) -> "Chunk":
        """The files in the order in which they came, as a chunk of their own; none waits then."""
        taken, self.files = Chunk(self.files), []
        return taken


class Workshop:
    """An engine and a folder that files share; both are as good as new for every chunk."""

    def __init__(
        self, settings: Settings, folder: Path, memory_limit: str, now: dt.datetime, report: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.now = now
        self.report = report
        self._allowed = (settings.lake_dir, settings.extracts_dir)
        self._memory_limit = memory_limit
        self._connection: duckdb.DuckDBPyConnection | None = None

    def engine(self) -> duckdb.DuckDBPyConnection:
        """The engine, opened where it is not."""
        if self._connection is None:
            self._connection = open_engine(self.folder / "spill", self._allowed, self._memory_limit)
        return self._connection

    def interrupt(self) -> None:
        """Stop what the engine is doing; another thread may be about to close it."""
        connection = self._connection
        if connection is not None:
            with suppress(duckdb.ConnectionException):
                connection.interrupt()

    def close_engine(self) -> None:
        """Close the engine, if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class JudgedFile:
    """A file that was read: its number among those gathered with it, and `judge`, which gives what a source makes of
    their rows and columns, or raises FileRefusedError.
    """

    number: int
    landed: Landed
    judge: Callable[[Source], tuple[Judged, ColumnUse]]


def judged_files(workshop: Workshop, files: list[WaitingFile]) -> Iterator[tuple[WaitingFile, JudgedFile | str]]:
    """Every file with what became of it: read and ready to be judged, or the problem for which it is refused.

    What the engine holds for a file is there until the next one is asked for.
    """
    most = len(files)
    while files:
        try:
            outcomes = _read_together(workshop, files[:most])
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # One of them brings the engine to a halt. Each on its own, it cannot harm the others.
            workshop.close_engine()
            if most == 1:
                raise
            most = 1
            continue
        yield from outcomes
        files = files[len(outcomes) :]


def _read_together(workshop: Workshop, files: list[WaitingFile]) -> list[tuple[WaitingFile, JudgedFile | str]]:
    """Read files from the first on, as long as they have the same columns, and judge them where they are several."""
    is_only_file = len(files) == 1
    connection = workshop.engine()
    empty_engine(connection)
    outcomes: list[tuple[WaitingFile, JudgedFile | str]] = []
    landed_files: list[Landed] = []
    judgements = _Judgements(workshop, files, landed_files)
    for waiting in files:
        landed = _land(workshop, waiting, len(landed_files) + 1, is_only_file=is_only_file)
        if isinstance(landed, str):
            outcomes.append((waiting, landed))
            continue
        if landed_files and landed.columns != landed_files[0].columns:
            break
        landed_files.append(landed)
        outcomes.append((waiting, JudgedFile(len(landed_files), landed, judgements.of)))
    if landed_files:
        gather(connection, len(landed_files))
        # Several files now, while nothing of them is committed, so that they can still be read one by one. A single one
        # is written before the next source judges it.
        for source in files[0].sources[:1] if is_only_file else files[0].sources:
            with suppress(FileRefusedError):
                judgements.of(source)
    return outcomes


def _land(workshop: Workshop, waiting: WaitingFile, file_number: int, *, is_only_file: bool) -> Landed | str:
    """Read a file into the engine; the problem where it is refused."""
    try:
        landed = _read(workshop, waiting, file_number)
        check_unchanged(waiting.file, waiting.content)
    except FileRefusedError as error:
        return str(error)
    except OSError as error:
        if error.errno in OWN_TROUBLE:
            raise
        return f"it cannot be read ({error.strerror}). Deliver it again."
    except duckdb.Error as error:
        if not is_only_file:
            raise
        return _halt(workshop, waiting, error)
    except Exception as error:  # noqa: BLE001
        # A damaged workbook, say, may bring its reader to any error. The file is refused; the others go on.
        return f"it cannot be read: its {type(error).__name__} was not foreseen. Deliver it again, or report this."
    finally:
        for copy in workshop.folder.iterdir():
            if not copy.is_dir():
                copy.unlink()
    return landed


def _read(workshop: Workshop, waiting: WaitingFile, file_number: int) -> Landed:
    rows = 0

    def on_rows(count: int) -> None:
        nonlocal rows
        rows = count
        if count >= ROWS_WORTH_A_WORD:
            workshop.report(f"{waiting.title}: {count:,} rows to read.")

    def what() -> str:
        return f"{waiting.title}: reading {rows:,} rows" if rows else f"{waiting.title}: reading"

    connection = workshop.engine()
    with reporting_progress(connection, workshop.report, what):
        return land(connection, waiting.file.path, waiting.sources[0], workshop.folder, on_rows, file_number)


def _halt(workshop: Workshop, waiting: WaitingFile, error: duckdb.Error) -> str:
    """The problem of a file that the engine cannot work on; raises the error where it is not the file's."""
    if isinstance(error, (duckdb.FatalException, duckdb.InternalException)):
        # It takes no further query.
        workshop.close_engine()
    if isinstance(error, DISK_OR_MEMORY):
        try:
            check_unchanged(waiting.file, waiting.content)
        except FileRefusedError as changed:
            return str(changed)
    return where_it_stops(error)


class _Judgements:
    """What each source makes of the gathered rows, judged when first asked for."""

    def __init__(self, workshop: Workshop, files: list[WaitingFile], landed: list[Landed]) -> None:
        self.workshop = workshop
        self.files = files
        self.landed = landed
        self.known: dict[str, tuple[Judged, ColumnUse] | FileRefusedError] = {}

    def of(self, source: Source) -> tuple[Judged, ColumnUse]:
        """The rows judged for a source. Raises FileRefusedError where the files do not fit its mapping."""
        if source.name not in self.known:
            self.known[source.name] = self._judge(source)
        outcome = self.known[source.name]
        if isinstance(outcome, FileRefusedError):
            raise outcome
        return outcome

    def _judge(self, source: Source) -> tuple[Judged, ColumnUse] | FileRefusedError:
        is_only_file = len(self.files) == 1
        first = self.files[0]
        feed = load_feeds()[source.feed]
        rows = sum(landed.rows_read for landed in self.landed)
        connection = self.workshop.engine()
        # Alone, a file is written before the next source judges it, so one set of tables is enough.
        name = "only" if is_only_file else str(len(self.known) + 1)
        try:
            is_numbered = source.numbers_rows_in_orders
            found = (*self.landed[0].columns, *([ORDER_ROW_NUMBER_COLUMN] if is_numbered else []))
            columns, unmapped = resolve_columns(feed, source, found)
            table = numbered_in_orders(columns) if is_numbered else GATHERED
            file_format = format_of(first.file.path, source)
            with reporting_progress(connection, self.workshop.report, lambda: f"{first.title}: checking {rows:,} rows"):
                checked = checked_rows(connection, feed, source, columns, self.workshop.now, file_format, table)
                broken = [number for number, landed in enumerate(self.landed, start=1) if landed.broken_count]
                judged = judge_rows(connection, feed, checked, found, broken, name)
        except FileRefusedError as error:
            return error
        except duckdb.Error as error:
            if not is_only_file:
                raise
            return FileRefusedError(_halt(self.workshop, first, error))
        return judged, ColumnUse(unmapped, [name for name in feed.columns if name not in columns])
