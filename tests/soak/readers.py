"""Readers in a loop while refreshes go on.

Belongs here: readers of both forms, readers that hold a release open for long, the refreshes. Does not belong here:
faults.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project.publishing.content import quote_name, quote_text
from dagster_project.publishing.releases import READER_GRACE_SECONDS, list_releases
from tests.soak.children import Place, run, start
from tests.soak.crash import REFRESH_JOB, copied, make_base, must_be

REFRESHES = 20
READERS_OF_EACH_FORM = 8
SECONDS_BETWEEN_READS = 0.2
KEEP_TWO = {"RELEASES_TO_KEEP": "2"}


@dataclass(frozen=True)
class ReaderFacts:
    """What the readers and refreshes came to, by name, and whether all that had to hold did."""

    is_good: bool
    figures: dict[str, object] = field(default_factory=dict)


def read_during_refreshes(folder: Path, tell: Callable[[str], None]) -> ReaderFacts:
    """Refresh again and again with a new file each time, while readers read."""
    place = make_base(folder / "base")
    for number in range(2):
        # Readers that opened the first release and hold it to the end.
        start_holder = number  # noqa: F841
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    published = place.settings.published_dir
    forms = [read_database, read_parquet] * READERS_OF_EACH_FORM
    processes = [context.Process(target=read_on, args=(form, published, stop, results)) for form in forms]
    processes += [context.Process(target=hold, args=(published, stop, results))]
    for process in processes:
        process.start()
    time.sleep(1)
    return ReaderFacts(True)
