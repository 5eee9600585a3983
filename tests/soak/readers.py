"""Readers in a loop while refreshes go on, and jobs that start together.

Belongs here: readers of both forms, one that holds a release open for long, the refreshes beside them. Does not belong
here: faults.

Every release has its id in no mart, so a reader proves that its marts are of one release by their content: the rows and
hashes of what it read must be those that the `release.json` of one release says.
"""

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb

from dagster_project.publishing.content import hash_table
from dagster_project.publishing.releases import READER_GRACE_SECONDS, list_releases
from dagster_project.sql_text import quote_literal, quote_name
from tests.soak.checks import check_release, served_id
from tests.soak.children import Place, run, server, start
from tests.soak.crash import REFRESH_JOB, copied, deliver, make_base, must_be

REFRESHES = 20
# Three months come late, file by file.
LATE_MONTHS = ("2026-02-28", "2026-03-31", "2026-04-30")
ORDER_OF_FEEDS = (
    "crm_customers",
    "fx_rates",
    "orders",
    "order_lines",
    "order_refunds",
    "crm_tickets",
    "survey_responses",
)
READERS_OF_EACH_FORM = 8
SECONDS_BETWEEN_READS = 2.0
KEEP_TWO = {"RELEASES_TO_KEEP": "2"}
# Small marts that every new order changes, and a large one.
MARTS_READ = ("retention_by_period", "churn_by_period", "order_value_by_period", "dim_customer")


@dataclass(frozen=True)
class ReaderFacts:
    """What readers and refreshes came to, by name, and whether all that had to hold did."""

    is_good: bool
    figures: dict[str, object]


@dataclass
class Tally:
    """What one reader saw: sets of marts read, reads that failed, sets out of two releases, releases seen."""

    reads: int = 0
    failed: int = 0
    torn: int = 0
    releases: frozenset[str] = frozenset()
    first_failure: str = ""


class Readers:
    """Processes that read the served release again and again until they are told to stop."""

    def __init__(self, published: Path, of_each_form: int) -> None:
        context = server()
        self._stop = context.Event()
        self._readers = []
        for form in [read_database, read_parquet_files] * of_each_form:
            ours, theirs = context.Pipe()
            process = context.Process(target=_read_on, args=(form, published, self._stop, theirs))
            process.start()
            self._readers.append((form, process, ours))

    def stop(self) -> dict[str, list[Tally]]:
        """Let all of them finish their read; returns their tallies by the form that they read."""
        self._stop.set()
        tallies: dict[str, list[Tally]] = {}
        for form, process, connection in self._readers:
            tallies.setdefault(form.__name__, []).append(connection.recv())
            process.join()
        return tallies


def read_database(folder: Path, columns: dict[str, dict[str, str]]) -> dict[str, tuple[int, str]]:
    """The marts out of `marts.duckdb`, as a BI tool reads them: open, query, close."""
    with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
        return {mart: hash_table(connection, quote_name(mart), columns[mart]) for mart in MARTS_READ}


def read_parquet_files(folder: Path, columns: dict[str, dict[str, str]]) -> dict[str, tuple[int, str]]:
    """The marts out of their Parquet files, one after the other."""
    with duckdb.connect() as connection:
        return {
            mart: hash_table(connection, f"read_parquet({quote_literal(folder / f'{mart}.parquet')})", columns[mart])
            for mart in MARTS_READ
        }


def _read_on(form: Callable, published: Path, stop: Event, connection: Connection) -> None:
    tally, seen = Tally(), set()
    while not stop.is_set():
        try:
            # As the documentation asks: the link is resolved once, then all is read from that folder.
            folder = (published / "current").resolve()
            details = json.loads((folder / "release.json").read_text(encoding="utf-8"))
            columns = {
                mart: {column["name"]: column["type"] for column in details["marts"][mart]["columns"]}
                for mart in MARTS_READ
            }
            found = form(folder, columns)
            said = {
                mart: (details["marts"][mart]["rows"], details["marts"][mart]["content_hash"]) for mart in MARTS_READ
            }
            tally.reads += 1
            tally.torn += found != said
            seen.add(details["release_id"])
        except (OSError, ValueError, duckdb.Error) as error:
            tally.failed += 1
            tally.first_failure = tally.first_failure or str(error)
        stop.wait(SECONDS_BETWEEN_READS)
    tally.releases = frozenset(seen)
    connection.send(tally)


class Holder:
    """A reader that opens a release once, in both forms, and holds it."""

    def __init__(self, published: Path) -> None:
        self.folder = (published / "current").resolve()
        self._database = duckdb.connect(str(self.folder / "marts.duckdb"), read_only=True)
        self._files = {mart: (self.folder / f"{mart}.parquet").open("rb") for mart in MARTS_READ}
        self._first = self._read()

    def still_reads_the_same(self) -> bool:
        """Whether all that was opened can still be read, with the same content."""
        return self._read() == self._first

    def close(self) -> None:
        """Let go."""
        self._database.close()
        for file in self._files.values():
            file.close()

    def _read(self) -> list[object]:
        contents: list[object] = [
            self._database.execute(f"select sum(hash(rows)) from {quote_name(mart)} as rows").fetchall()
            for mart in MARTS_READ
        ]
        for file in self._files.values():
            file.seek(0)
            contents.append(hash(file.read()))
        return contents


def read_during_refreshes(folder: Path, tell: Callable[[str], None]) -> ReaderFacts:
    """The real job again and again, each time with a file that is new, while readers read."""
    place = make_base(folder / "base", LATE_MONTHS)
    later = [place.folder / "later" / feed / month for month in LATE_MONTHS for feed in ORDER_OF_FEEDS]
    deliveries = [file for path in later for file in path.parent.glob(f"{path.name}.*")][:REFRESHES]
    settings = place.settings
    together = start_together(place, folder)
    holder = Holder(settings.published_dir)
    readers = Readers(settings.published_dir, READERS_OF_EACH_FORM)
    served = [served_id(settings)]
    seconds = []
    for number, file in enumerate(deliveries, start=1):
        file.rename(place.extracts / file.parent.name / file.name)
        # As if the hour for readers had passed, so that the clean-up is at work too.
        for release in list_releases(settings):
            if release.release_id != served[-1]:
                long_ago = time.time() - 2 * READER_GRACE_SECONDS
                os.utime(release.path, (long_ago, long_ago))
        started = time.monotonic()
        must_be(run(place, *REFRESH_JOB, environment=KEEP_TWO), 0)
        seconds.append(time.monotonic() - started)
        served.append(served_id(settings))
        tell(f"refresh {number}: {seconds[-1]:.0f} s, {served[-1]}")
    tallies = readers.stop()
    is_held = holder.still_reads_the_same()
    is_removed = not holder.folder.exists()
    holder.close()
    every = [tally for of_form in tallies.values() for tally in of_form]
    failed, torn = sum(tally.failed for tally in every), sum(tally.torn for tally in every)
    seen = frozenset().union(*(tally.releases for tally in every))
    reads = {form: sum(tally.reads for tally in of_form) for form, of_form in tallies.items()}
    figures = {
        "refreshes": f"{len(deliveries)}, releases made by them: {len(set(served[1:]))}",
        "readers": ", ".join(f"{len(of_form)} of `{form}`" for form, of_form in tallies.items()),
        "sets of marts read": ", ".join(f"{count:,} by `{form}`" for form, count in reads.items()),
        "reads failed": failed,
        "sets out of two releases": torn,
        "releases seen by readers": f"{len(seen)} of {len(served)}",
        "a reader that held the first release open to the end": (
            f"read the same as at the beginning: {'yes' if is_held else '**no**'}; "
            f"its folder was cleared away meanwhile: {'yes' if is_removed else 'no'}"
        ),
        "seconds of a refresh": f"{min(seconds):.0f} to {max(seconds):.0f}",
        **together.figures,
    }
    first_failures = Counter(tally.first_failure for tally in every if tally.first_failure)
    if first_failures:
        figures["first failures"] = first_failures
    is_good = not failed and not torn and is_held and len(set(served)) == len(served) and min(reads.values()) > 0
    return ReaderFacts(is_good and together.is_good, figures)


def start_together(place: Place, folder: Path) -> ReaderFacts:
    """Two jobs at the same moment: in a home that is new, and in one with a release and new files."""
    new = copied(place, folder / "new_home")
    shutil.rmtree(new.home)
    known = copied(place, folder / "known_home")
    deliver(known)
    figures, is_good = {}, True
    for name, where in (("a new home", new), ("a home in use", known)):
        pair = [start(where, *REFRESH_JOB) for _ in range(2)]
        codes = sorted(child.wait() for child in pair)
        told = [child for child in pair if "Another run is writing" in child.output()]
        tracebacks = sum("Traceback" in child.output() for child in pair)
        figures[f"two jobs started together in {name}"] = (
            f"exit codes {codes}; told who is writing: {len(told)}; tracebacks: {tracebacks}"
        )
        check_release(where.settings)
        # One of them does the work. The other is told so; or it came when the first had finished, and found it done.
        is_good = is_good and codes in ([0, 0], [0, 1]) and len(told) == codes.count(1) and not tracebacks
    return ReaderFacts(is_good, figures)
