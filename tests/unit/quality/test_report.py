"""The stewards' pages after runs that end in every way, on extracts with personal data, markup and odd directions."""

import re
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.erasing.person import Person
from dagster_project.erasing.traces import remove_traces
from dagster_project.loading.mapping import ExtractsConfig, load_config
from dagster_project.publishing.restatements import ensure_restatements_contract, restatements_dir
from dagster_project.quality.data_docs import data_docs_dir
from dagster_project.quality.history import utc_now
from dagster_project.quality.last_results import keep_last_results
from dagster_project.quality.report import begin_report, end_report, write_index
from dagster_project.quality.report_content.stages import STAGES
from dagster_project.quality.results import CheckResult, SuiteResult
from dagster_project.quality.runs import FeedCounts, RunRecord, StageCounts, read_records, write_record
from dagster_project.quarantine.discarding import discard_rows
from dagster_project.quarantine.listing import Selection
from dagster_project.settings import Settings
from tests.unit.loading.conftest import Home
from tests.unit.quality.pages import Page, broken_links, links_outside, read_pages
from tests.unit.quarantine.conftest import MAPPING

CUSTOMERS = """\
Id,Created,Mail,Name,Country,Nickname
anna,2025-01-01,anna@example.com,Anna A,AE,nini
bert,yesterday,bert@example.com,Bert B,<b onclick=alert(1)>\u202eAE</b>,bertie
"""
ORDERS = """\
order_id,customer_id,ordered_at,status,order_amount
1,anna,2025-02-01 10:00:00,paid,10
2,anna,<script>alert(1)</script>,paid,20
3,anna,2025-02-03 10:00:00,paid,30
"""
ALL_STEPS = {step: True for _, steps, _ in STAGES.values() for step in steps}
GATES = {"raw": "raw.orders", "staging": "staging.stg_orders__orders", "marts": "marts.dim_customer"}


@dataclass
class Shop:
    """A home with extracts, and short ways to let runs begin, check and end without building anything."""

    home: Home
    runs: int = 0

    @property
    def settings(self) -> Settings:
        return self.home.settings

    @property
    def config(self) -> ExtractsConfig:
        return load_config(self.settings.extracts_config)

    def begin(self, job: str = "daily_refresh") -> RunRecord:
        self.runs += 1
        # The ledger keeps whole seconds; real runs are further apart than those of a test.
        began_at = utc_now() + timedelta(seconds=2 * (self.runs - 1))
        record = RunRecord(run_id=f"run-{self.runs}", dataset="shop", job=job, began_at=began_at)
        begin_report(self.settings, self.config, record)
        return record

    def check(self, record: RunRecord, step: str, *results: CheckResult, table: str | None = None) -> None:
        table = table or GATES[step.removeprefix("dbt_")]
        suite = SuiteResult(table, table, list(results) or [result()], report_link="")
        keep_last_results(self.settings, "shop", step, record.run_id, utc_now(), [suite])
        write_index(self.settings, self.config)

    def end(self, record: RunRecord, **facts: object) -> RunRecord:
        given = {"outcome": "green", "steps": ALL_STEPS, "ended_at": record.began_at + timedelta(minutes=1), **facts}
        return end_report(self.settings, self.config, replace(record, **given))

    def green_run(self) -> RunRecord:
        record = self.begin()
        self.home.load()
        for step in GATES:
            self.check(record, step)
        return self.end(record)

    @property
    def index(self) -> Page:
        return Page(self.settings.reports_dir / "index.html")

    def run_page(self, record: RunRecord) -> Page:
        return Page(self.settings.reports_dir / "shop" / "runs" / f"{record.run_id}.html")


def result(status: str = "passed", severity: str = "critical", **facts: object) -> CheckResult:
    given = {
        "rule": "amounts_fit",
        "description": "Amounts fit. Have the file corrected.",
        "severity": severity,
        "status": status,
        "rows_checked": 10,
        "rows_failed": 0 if status == "passed" else 3,
        "observed": "3 of 10",
    }
    return CheckResult(**{**given, **facts})


def stages_of(page: Page) -> str:
    """The words of the strip of stages."""
    match = re.search(r'<ol class="stages">.*?</ol>', page.path.read_text(), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", match.group()).split())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    home = Home(tmp_path)
    home.map(MAPPING)
    home.put("customers.csv", CUSTOMERS)
    home.put("orders.csv", ORDERS)
    return Shop(home)


def test_before_any_run_the_page_says_how_to_start_one(shop: Shop) -> None:
    write_index(shop.settings, shop.config)
    assert "No run yet. make run EXTRACTS=" in shop.index.words
    assert "No file was loaded yet." in shop.index.words
    assert broken_links(shop.index) == []
    record = shop.begin()
    shop.home.load()
    shop.check(record, "raw")
    assert broken_links(shop.index) == []
    shop.begin()
    assert "The last run that has ended: broken off daily_refresh" in shop.index.words
    assert broken_links(shop.index) == []


def test_a_green_run_shows_every_stage_feed_and_file(shop: Shop) -> None:
    record = shop.green_run()
    assert "Green. Every critical rule that this run checked holds. No warnings." in shop.index.words
    assert stages_of(shop.index).startswith(
        "Load rows refused 2 files, 5 rows Raw gate passed 1 rule on 1 table Staging passed 1 rule on 1 table"
    )
    words = shop.index.words
    assert "orders 1 3 2 1 2 accepted, 1 quarantined yes 0 1" in words
    assert "crm_customers 1 2 1 1 1 accepted, 1 quarantined yes 0 1" in words
    assert "orders orders.csv loaded 3 2 1" in words
    assert "crm_tickets Never delivered." in words
    assert "orders.csv loaded" in words
    assert "2025-02-03 10:00" in words
    assert record.feeds["orders"] == FeedCounts(1, 0, 3, 2, 1)
    assert record.stages["raw"] == StageCounts(tables=1, rules=1, critical=0, warnings=0)
    assert read_records(shop.settings, "shop") == [record]


def test_quarantine_shows_masked_examples_and_the_way_out(shop: Shop) -> None:
    shop.green_run()
    words = shop.index.words
    assert "not_a_timestamp:created_at created_at is not a timestamp. Write 2024-05-31 14:00:00" in words
    assert "Created yesterday Id bert Mail (masked) Name (masked)" in words
    assert "Nickname (masked)" in words
    assert "not_a_timestamp:ordered_at" in words
    assert "ordered_at <script>alert(1)</script> order_id 2" in words
    assert f"JOB=replay_quarantine EXTRACTS={shop.settings.extracts_dir}" in words
    for page in read_pages(shop.settings.reports_dir):
        text = page.path.read_text()
        for personal in ("bert@example.com", "Bert B", "bertie"):
            assert personal not in text, page.path


def test_what_was_done_with_refused_rows_is_shown_with_who_did_it(shop: Shop) -> None:
    shop.green_run()
    discard_rows(shop.settings, shop.config, Selection(feed="orders"))
    record = shop.begin("replay_quarantine")
    shop.home.map(MAPPING.replace("created_at: Created,", "created_at: {value: '2025-01-01'},"))
    shop.home.replay()
    shop.end(record)
    words = shop.index.words
    operator = shop.settings.operator
    assert f"{operator} take out 1 orders, orders.csv: 1 quarantined rows discarded (feed orders)." in words
    assert f"{operator} replay 1 crm_customers, customers.csv: 1 of 1 quarantined rows loaded." in words
    assert "orders 1 3 2 1 2 accepted, 1 quarantined yes 1 0" in words
    assert "Quarantine Empty." in words


def test_a_failed_gate_shows_what_fails_the_rows_and_what_was_not_reached(shop: Shop) -> None:
    shop.green_run()
    record = shop.begin()
    shop.check(record, "raw", result("failed", sample=[{"order_id": "7", "amount": "-1"}]), result("failed", "warning"))
    ended = shop.end(record, outcome="red", steps={"load": True, "gate_raw": False})
    words = shop.index.words
    assert "Stopped. 1 critical finding, below , with what to do." in words
    assert "raw.orders : amounts fit Amounts fit. Have the file corrected. Critical: blocks everything" in words
    assert "3 of 10 fail." in words
    assert "What breaks it order_id amount 7 -1" in words
    assert "Load nothing new 0 files, 0 rows Raw gate blocked 2 rules on 1 table Staging not reached" in stages_of(
        shop.index
    )
    assert "Staging not reached Last known: passed" in stages_of(shop.index)
    assert "amounts fit" in shop.run_page(ended).words
    # The page of the run says nothing of what an earlier run found.
    assert "stg_orders__orders" not in shop.run_page(ended).words
    assert ended.stages["raw"] == StageCounts(tables=1, rules=2, critical=1, warnings=1)


def test_a_refused_file_and_a_failed_step_tell_their_messages(shop: Shop) -> None:
    shop.home.put("orders2.csv", "")
    record = shop.begin()
    shop.home.load()
    shop.check(record, "raw", result("error", observed="The check could not be run: no table"))
    shop.end(record, outcome="red", steps={"load": True, "gate_raw": False}, problems=["Step x: two\nlines <i>"])
    words = shop.index.words
    assert "Load file refused" in stages_of(shop.index)
    assert "orders2.csv refused 0 0 0" in words
    assert "it is empty" in words
    assert "Step x: two lines <i>" in words
    assert "The check itself could not be run; this says nothing about the data." in words


def test_nothing_new_keeps_what_is_known_of_the_later_stages(shop: Shop) -> None:
    shop.green_run()
    record = shop.begin()
    shop.check(record, "raw")
    shop.end(record, is_unchanged=True)
    assert "Nothing new. The extracts and definitions are those of the release" in shop.index.words
    assert "Raw gate passed 1 rule on 1 table Staging unchanged Last known: passed" in stages_of(shop.index)


def test_an_unusual_delivery_is_called_what_it_is(shop: Shop) -> None:
    record = shop.green_run()
    assert "as usual" in shop.index.words
    shop.check(record, "raw", result("failed", "warning", rule="volume_as_usual"))
    assert "unusual volume" in shop.index.words
    assert "as usual" not in shop.index.words.replace("volume as usual", "")


def test_a_killed_run_is_seen_at_once_and_named_by_the_next_one(shop: Shop) -> None:
    green = shop.green_run()
    killed = shop.begin()
    assert broken_links(shop.index) == []
    words = shop.index.words
    assert "A run began at" in words
    assert "If no run is going on now, this one was broken off" in words
    assert f"daily_refresh, {killed.run_id} )" in words
    assert "Raw gate not yet Last known: passed" in stages_of(shop.index)
    shop.check(killed, "raw", result("failed", "warning"))
    assert "Raw gate warnings 1 rule on 1 table Staging not yet" in stages_of(shop.index)

    shop.end(shop.begin())
    assert [one.outcome for one in read_records(shop.settings, "shop")] == ["green", "broken off", "green"]
    page = shop.run_page(killed)
    assert "Broken off. This run has no end" in page.words
    assert "Raw gate warnings 1 rule on 1 table Staging not reached" in stages_of(page)
    assert "green daily_refresh" in shop.run_page(green).words


def test_a_job_without_builds_says_so(shop: Shop) -> None:
    record = shop.begin("validate_only")
    for step in GATES:
        shop.check(record, step)
    shop.end(record, steps={"gate_raw": True, "gate_staging": True, "gate_marts": True})
    assert stages_of(shop.index).startswith("Load not in this job")
    assert "Staging passed" in stages_of(shop.index)


def test_dbt_tests_stand_beside_expectations(shop: Shop) -> None:
    record = shop.begin()
    shop.check(record, "dbt_staging", result("failed", description="No two rows have the same order_id."))
    shop.end(record, outcome="red", steps={"load": True, "gate_raw": True, "build_staging": False})
    assert "No two rows have the same order_id. Critical: blocks everything" in shop.index.words
    assert "Found by dbt." in shop.index.words
    assert "Staging blocked" in stages_of(shop.index)


def test_no_page_asks_the_outside_runs_anything_or_leads_nowhere(shop: Shop) -> None:
    hostile = '"><script>alert(1)</script><img src=https://x.example>'
    shop.home.put("orders' & <i>.csv", ORDERS.replace("1,anna", "9,anna"))
    record = shop.begin()
    shop.home.load()
    shop.check(
        record,
        "raw",
        result("failed", description=hostile, sample=[{hostile: hostile, "name": "\u202eevil"}]),
        table=f"raw.{hostile}",
    )
    shop.end(record, outcome="red", steps={"load": True, "gate_raw": False}, problems=[hostile])
    shop.green_run()
    pages = read_pages(shop.settings.reports_dir)
    assert {page.path.name for page in pages} == {"index.html", "files.html", "runs.html", "run-1.html", "run-2.html"}
    for page in pages:
        assert links_outside(page) == [], page.path
        assert broken_links(page) == [], page.path
        assert page.handlers == [], page.path
        assert not {"script", "img", "iframe", "object", "embed", "form", "base"} & set(page.elements), page.path
    assert "@import" not in (shop.settings.reports_dir / "style.css").read_text()
    assert "url(" not in (shop.settings.reports_dir / "style.css").read_text()


def test_restated_figures_are_shown_the_foremost_first(shop: Shop) -> None:
    contract = ensure_restatements_contract(shop.settings, "shop")
    path = restatements_dir(shop.settings) / "shop__20260101T000000000000Z-aaaaaaaa.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table history as from read_parquet('{contract}')")
        connection.execute(
            """
            insert into history by name
            select 'order_value_by_period.order_count' as metric, 'month' as period_grain,
                date '2025-01-01' as period_start, 'country' as segment_type, '<b>AE' as segment_value,
                'data' as cause, 'r1' as previous_release_id, 10 as first_published_value, 10 as value_before,
                10 + size as value_after, timestamp '2026-01-02 03:04:05' as restated_at,
                4 as load_sequence_from, 5 as load_sequence_to
            from unnest(range(1, 21)) as sizes (size)
            """
        )
        connection.execute(
            "insert into history by name select * replace ('year' as period_grain, 'all' as segment_type, "
            "'all' as segment_value, 10.5 as value_after) from history limit 1"
        )
        connection.execute(f"copy history to '{path}' (format parquet)")
    write_index(shop.settings, shop.config)
    words = shop.index.words
    assert "2026-01-02 03:04: 21 figures, because data came late or corrected" in words
    assert "loads 4 to 5" in words
    figure = "order_value_by_period.order_count month 2025-01-01 country <b>AE 10 10"
    assert re.findall(re.escape(figure) + r" (\d+)", words) == ["30", "29", "28", "27", "26", "25", "24"]
    assert "Now order_value_by_period.order_count year 2025-01-01 all customers 10 10 10.5 order_value" in words


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


def test_pages_say_where_only_the_rows_that_a_refresh_took_in_were_looked_at(shop: Shop) -> None:
    record = shop.begin()
    shop.check(record, "staging", result("failed", "warning", is_narrow=True), result(rule="other"))
    shop.end(record)
    assert "3 of 10 rows that the refresh took in fail." in shop.index.words
    assert "1 of new rows only" in shop.run_page(record).words
