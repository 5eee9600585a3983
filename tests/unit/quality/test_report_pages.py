"""Which of the stewards' pages are kept, written again or taken away."""

import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dagster_project.clock import utc_now
from dagster_project.erasing.person import Person
from dagster_project.erasing.traces import remove_traces
from dagster_project.quality.data_docs import data_docs_dir
from dagster_project.quality.runs import FeedCounts, RunRecord, StageCounts, read_records, write_record
from tests.unit.quality.pages import Page, broken_links, read_pages
from tests.unit.quality.shop import ALL_STEPS, ORDERS, Shop, result


def test_pages_of_earlier_runs_and_of_unchanged_files_are_not_written_again(shop: Shop) -> None:
    first = shop.green_run()
    reports = shop.settings.reports_dir
    kept = [shop.run_page(first).path, reports / "shop" / "files.html", reports / "style.css"]
    before = [path.stat().st_mtime_ns for path in kept]
    shop.green_run()
    assert [path.stat().st_mtime_ns for path in kept] == before
    shop.home.put("orders2.csv", ORDERS.replace("1,anna", "9,anna"))
    shop.green_run()
    assert "orders2.csv" in Page(kept[1]).words


def test_a_persons_pages_go_and_the_rest_is_written_again(shop: Shop) -> None:
    record = shop.begin()
    shop.home.load()
    shop.check(record, "raw", result("failed", sample=[{"customer_id": "customer-4711"}]))
    shop.end(record, outcome="red", steps={"load": True, "gate_raw": False}, problems=["customer-4711 is odd"])
    remove_traces(shop.settings, [Person(customers=("customer-4711",), orders=(), tickets=(), contacts=())])
    shop.green_run()
    for path in (shop.settings.quality_dir, shop.settings.reports_dir):
        for file in path.rglob("*"):
            assert not file.is_file() or b"customer-4711" not in file.read_bytes(), file
    assert [broken_links(page) for page in read_pages(shop.settings.reports_dir)] == [[]] * 4


def test_five_hundred_kept_runs_are_reported_in_seconds_and_older_ones_are_thinned_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every half day of a month, every day of half a year, every week before: 500 runs that the rule keeps, and 60
    that it does not. The whole end of a run is timed, in CPU seconds: the machine may be busy."""
    now = utc_now()
    ages = [timedelta(hours=3 * n + 1) for n in range(239)]
    ages += [timedelta(days=31 + n) for n in range(148)] + [timedelta(days=183 + 7 * n) for n in range(113)]
    surplus = [timedelta(days=31 + n) for n in range(60)]
    monkeypatch.setattr("dagster_project.loading.durable.os.fsync", lambda _descriptor: None)
    for number, age in enumerate([*ages, *surplus]):
        began_at = now - age
        if age.days >= 31:
            # The surplus runs are of the same days, an hour earlier.
            began_at = began_at.replace(hour=12 if number < len(ages) else 11)
        record = finished_run(f"old-{number:03}", began_at, age)
        write_record(shop.settings, record)
        page = shop.settings.reports_dir / "shop" / "runs" / f"{record.run_id}.html"
        docs = data_docs_dir(shop.settings) / "shop" / record.run_id / "raw.orders.html"
        for path in (page, docs):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("<p>old")
    shop.home.load()
    record = replace(finished_run("the-last", now, timedelta()), ended_at=now + timedelta(seconds=40))
    started = time.process_time()
    shop.end(record)
    seconds = time.process_time() - started
    assert seconds < 10
    kept = {one.run_id for one in read_records(shop.settings, "shop")}
    assert kept == {f"old-{number:03}" for number in range(len(ages))} | {"the-last"}
    assert {page.stem for page in (shop.settings.reports_dir / "shop" / "runs").iterdir()} == kept
    assert {folder.name for folder in (data_docs_dir(shop.settings) / "shop").iterdir()} == kept - {"the-last"}
    assert broken_links(Page(shop.settings.reports_dir / "shop" / "runs.html")) == []
    assert shop.index.words.count("daily_refresh") > 60


def finished_run(run_id: str, began_at: datetime, age: timedelta) -> RunRecord:
    """A record as a run over all stages and feeds leaves it."""
    return RunRecord(
        run_id=run_id,
        dataset="shop",
        job="daily_refresh",
        began_at=began_at,
        ended_at=began_at + timedelta(minutes=3),
        outcome="red" if age.days % 9 == 3 else "green",
        steps=ALL_STEPS,
        release_id="20260101T000000000000Z-aaaaaaaa",
        stages={stage: StageCounts(9, 60, 0, age.days % 4) for stage in ("raw", "staging", "intermediate", "marts")},
        feeds={feed: FeedCounts(1, 0, 1000 + age.days, 990 + age.days, 10) for feed in ("orders", "crm_customers")},
    )
