"""Judging the next files while those before them are written.

Belongs here: which engine works on which files, and the order in which they are finished. Does not belong here: how
files are judged (`file_chunks`), writing and committing them (`loader`).

Counting the records of a file, planning its checks and writing its rows each leave cores idle. So while files are
written and committed, the next ones are judged on a thread of its own. It has an engine of its own, too: where a file
brings an engine to a halt, it takes nothing of another file with it.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dagster_project.loading.engine import memory_shares
from dagster_project.loading.extract_files import Content
from dagster_project.loading.file_chunks import Chunk, JudgedFile, WaitingFile, Workshop, judged_files
from dagster_project.settings import Settings

Outcome = tuple[WaitingFile, JudgedFile | str]
Finish = Callable[[Workshop, WaitingFile, JudgedFile | str], None]


@dataclass
class _Begun:
    chunk: Chunk
    workshop: Workshop
    outcomes: Iterator[Outcome]
    first: Future[Outcome | None]


class JudgingAhead:
    """Files are begun in their order and finished in the same order, by the caller's thread only."""

    def __init__(
        self, settings: Settings, folder: Path, now: dt.datetime, report: Callable[[str], None], finish: Finish
    ) -> None:
        self._finish = finish
        self._begun: deque[_Begun] = deque()
        self._workshops = []
        for number, memory_limit in enumerate(memory_shares(settings.memory_limit), start=1):
            own_folder = folder / str(number)
            own_folder.mkdir()
            self._workshops.append(Workshop(settings, own_folder, memory_limit, now, report))
        self._free = deque(self._workshops)
        self._threads = ThreadPoolExecutor(max_workers=len(self._workshops), thread_name_prefix="judging")

    def holds(self, content: Content) -> bool:
        """Whether a file with this content was begun and is not finished."""
        return any(begun.chunk.holds(content) for begun in self._begun)

    def begin(self, chunk: Chunk) -> None:
        """Let the files of a chunk be judged; where every engine has files, those begun first are finished before."""
        if not self._free:
            self._finish_first()
        workshop = self._free.popleft()
        outcomes = judged_files(workshop, chunk.files)
        self._begun.append(_Begun(chunk, workshop, outcomes, self._threads.submit(next, outcomes, None)))

    def finish(self) -> None:
        """Finish all that was begun."""
        while self._begun:
            self._finish_first()

    def _finish_first(self) -> None:
        begun = self._begun.popleft()
        outcome = begun.first.result()
        while outcome is not None:
            self._finish(begun.workshop, *outcome)
            outcome = next(begun.outcomes, None)
        self._free.append(begun.workshop)

    def close(self) -> None:
        """Stop what is under way and close the engines."""
        for workshop in self._workshops:
            workshop.interrupt()
        self._threads.shutdown(cancel_futures=True)
        for workshop in self._workshops:
            workshop.close_engine()
