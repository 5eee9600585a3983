"""How long a reader waits for the first page, on a release of 10 million orders.

Its marts of periods are those of the sample: they grow with periods and segments, not with orders. Its marts of single
customers hold as many rows as 10 million orders have customers: 2.5 million, and 10 million lifetime values.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import duckdb
import psutil
import pytest
from playwright.sync_api import Browser

from dashboard.texts import load_texts
from tests.dashboard.browser import Served, needs_browser, opened_browser, served, visit

CUSTOMERS = 2_500_000
# The marts that grow with orders, and how many rows a customer has in them.
OF_SINGLE_CUSTOMERS = {"customer_lifetime_value": 4, "dim_customer": 1}
MOST_SECONDS = 2.0
# What the server computes for the view may be so many times what it computes on the sample's own release, whatever the
# machine. Quantiles over ten million lifetime values besides would double it.
MOST_TIMES_THE_SMALL_VIEW = 1.5
# The two seconds are asked for where others work so little, and where the processor is not much slower than the one on
# which they were set (0.5 processor seconds for the sample's view).
QUIET_PERCENT = 15
USUAL_PROCESSOR_SECONDS = 0.75

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that has shown a page before: its own start is not the dashboard's."""
    with opened_browser() as opened:
        opened.new_page().close()
        yield opened


@pytest.fixture
def large_home(sample_home: Path, tmp_path: Path) -> Path:
    """A warehouse home with a release of the size of 10 million orders."""
    folder = copy_release(sample_home, tmp_path)
    with duckdb.connect() as connection:
        for name, rows_of_customer in OF_SINGLE_CUSTOMERS.items():
            path = folder / f"{name}.parquet"
            connection.execute(f"create or replace table small as from '{path}'")
            path.unlink()
            copies = f"range(1 + {CUSTOMERS} // (select count(distinct customer_id) from small)) as copies(number)"
            rows = f"select small.* replace (customer_id || '-' || number as customer_id) from small, {copies}"
            connection.execute(f"copy ({rows}) to '{path}' (format parquet, compression zstd)")
            count = connection.execute(f"select count(*) from '{path}'").fetchone()[0]
            assert count >= CUSTOMERS * rows_of_customer
    return tmp_path


def copy_release(sample_home: Path, home: Path) -> Path:
    """A release of the sample in a home of its own, to be changed; returns its folder."""
    folder = home / "published" / "current"
    shutil.copytree(sample_home / "published" / "current", folder, ignore=shutil.ignore_patterns("*.duckdb"))
    return folder


def look(browser: Browser, dashboard: Served) -> tuple[float, float]:
    """Open the overview in a new window; seconds until it is complete, and what the server computed for it."""
    before, started = dashboard.process.cpu_times(), time.monotonic()
    with visit(browser, dashboard.url) as seen:
        seen.open("en")
        seconds = time.monotonic() - started
    after = dashboard.process.cpu_times()
    return seconds, after.user + after.system - before.user - before.system


def first_looks(browser: Browser, home: Path) -> tuple[bool, list[float], list[float]]:
    """What the first reader after a start and two more wait for, each in a new window.

    Whether the machine was quiet; seconds; processor seconds of the server.
    """
    with served(home) as dashboard:
        is_quiet = psutil.cpu_percent(interval=1) < QUIET_PERCENT
        looks = [look(browser, dashboard) for _ in range(3)]
    return is_quiet, [seconds for seconds, _ in looks], [processor_seconds for _, processor_seconds in looks]


@pytest.mark.long
def test_the_first_view_costs_what_that_of_a_small_release_costs_and_is_there_in_two_seconds(
    browser: Browser, sample_home: Path, large_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    small_home = tmp_path_factory.mktemp("small")
    copy_release(sample_home, small_home)
    _, _, small_processor_seconds = first_looks(browser, small_home)
    is_quiet, seconds, processor_seconds = first_looks(browser, large_home)
    assert median(processor_seconds) < MOST_TIMES_THE_SMALL_VIEW * median(small_processor_seconds)
    if not is_quiet or median(small_processor_seconds) >= USUAL_PROCESSOR_SECONDS:
        pytest.skip(
            "The first view costs what that of a small release costs. Whether it is there in two seconds cannot be "
            "told here: others use the processor, or it is too slow."
        )
    assert median(seconds) < MOST_SECONDS
    assert seconds[0] < MOST_SECONDS


def test_the_first_reader_waits_for_no_answer_of_the_release(
    browser: Browser, sample_home: Path, tmp_path: Path
) -> None:
    folder = copy_release(sample_home, tmp_path)
    # What grows with orders is not needed for the overview.
    for name in OF_SINGLE_CUSTOMERS:
        (folder / f"{name}.parquet").unlink()
    with served(tmp_path) as dashboard:
        # What it needs was asked before the server answered.
        for path in folder.glob("*.parquet"):
            path.unlink()
        with visit(browser, dashboard.url) as seen:
            seen.open("en")
            assert seen.page.inner_text("h1") == load_texts("en")("page.overview")
            charts = seen.page.locator("[data-testid=stVegaLiteChart]")
            # The browser draws them after the page is complete, and late where others use the processor.
            charts.nth(4).wait_for(state="attached")
            assert charts.count() == 5
