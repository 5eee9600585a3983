"""Signs of life during long queries.

Belongs here: telling now and then how far a query is. Does not belong here: what the query does.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

SECONDS_BETWEEN_REPORTS = 10


@contextmanager
def reporting_progress(
    connection: duckdb.DuckDBPyConnection, report: Callable[[str], None], what: Callable[[], str]
) -> Iterator[None]:
    """While the body runs, report every ten seconds what is being done and, where the engine knows, how far it is."""
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(SECONDS_BETWEEN_REPORTS):
            percent = connection.query_progress()
            report(f"{what()}, {percent:.0f} % done." if percent > 0 else f"{what()}.")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
