"""What the stewards' pages say after runs that end in every way."""

import os
import re
from dataclasses import replace
from datetime import datetime

import duckdb

from dagster_project.loading import loader
from dagster_project.publishing.restatements import ensure_restatements_contract, restatements_dir
from dagster_project.quality.gates import run_gate
from dagster_project.quality.report import write_index
from dagster_project.quality.runs import FeedCounts, StageCounts, read_records, write_record
from dagster_project.quarantine.discarding import discard_rows
from dagster_project.quarantine.listing import Selection
from tests.unit.quality.pages import broken_links, links_outside, read_pages
from tests.unit.quality.shop import GATES, ORDERS, Shop, result, stages_of
from tests.unit.quarantine.conftest import MAPPING


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


def test_a_refused_file_whose_name_is_not_utf8_is_shown_and_closes_the_gate(shop: Shop) -> None:
    shop.home.put(os.fsdecode(b"orders_caf\xe9.csv"), ORDERS.replace("1,anna", "9,anna"))
    record = shop.begin()
    shop.home.load()
    (suite,) = run_gate(shop.settings, "shop", "raw", record.run_id, ["raw.orders"])
    assert [(check.rule, check.rows_failed) for check in suite.critical_failures] == [("no_file_refused", 1)]
    shop.check(record, "raw", *suite.results)
    shop.end(record, outcome="red", steps={"load": True, "gate_raw": False})
    assert "orders_caf\\xe9.csv refused 0 0 0" in shop.index.words
    assert "is not UTF-8. Rename it." in shop.index.words


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


def test_a_stage_that_was_killed_before_its_gate_has_not_passed(shop: Shop) -> None:
    killed = shop.begin()
    shop.check(killed, "raw")
    shop.check(killed, "dbt_staging", table=GATES["staging"])
    assert "Staging not yet" in stages_of(shop.index)
    shop.end(shop.begin())
    assert "Staging not reached" in stages_of(shop.run_page(killed))


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


def test_pages_say_where_only_the_rows_that_a_refresh_took_in_were_looked_at(shop: Shop) -> None:
    record = shop.begin()
    shop.check(record, "staging", result("failed", "warning", is_narrow=True), result(rule="other"))
    shop.end(record)
    assert "3 of 10 rows that the refresh took in fail." in shop.index.words
    assert "1 of new rows only" in shop.run_page(record).words


def test_columns_that_nothing_reads_and_that_stay_empty_stand_side_by_side(shop: Shop) -> None:
    shop.home.put("orders1.csv", ORDERS)
    renamed = ORDERS.replace("customer_id", "CustomerID").replace("order_amount\n", "order_amount,ann@example.com\n")
    shop.home.put("orders2.csv", renamed.replace("0\n", "0,\n") + "3,anna,2025-02-03 10:00:00,paid,30,\n")
    record = shop.green_run()
    words = shop.index.words
    assert "crm_customers customers customers.csv Nickname updated_at" in words
    assert "orders orders orders2.csv CustomerID, (masked) channel" in words
    assert "tax_amount customer_id" in words
    told = "1 row repeats an earlier one in every column. Not read for this feed: CustomerID, (masked) ."
    assert told in words
    assert told in shop.run_page(record).words
    assert told in read_pages(shop.settings.reports_dir / "shop")[0].words


def test_warnings_of_the_load_are_on_the_page(shop: Shop) -> None:
    record = shop.begin()
    ended = shop.end(record, warnings=["No file matches '*.csv' of source <i>."])
    told = "Warning. No file matches '*.csv' of source <i>."
    assert told in shop.run_page(ended).words
    assert told in shop.index.words
    assert "Green. Every critical rule that this run checked holds. 1 warning." in shop.index.words


def test_a_file_that_is_refused_again_is_refused_in_the_second_run_too(shop: Shop, monkeypatch) -> None:
    shop.home.put("orders2.csv", "")
    shop.green_run()
    record = shop.begin()
    monkeypatch.setattr(loader, "utc_now", lambda: record.began_at)
    shop.home.load()
    ended = shop.end(record, outcome="red", steps={"load": True, "gate_raw": False})
    assert "Load file refused" in stages_of(shop.index)
    assert ended.feeds["orders"].files_refused == 1


def test_a_run_after_the_clock_was_set_back_is_the_one_the_page_is_about(shop: Shop) -> None:
    write_record(shop.settings, replace(shop.begin(), began_at=datetime.fromisoformat("2999-01-01"), outcome="green"))
    record = shop.begin()
    shop.end(record, outcome="red", steps={"load": True, "gate_raw": False}, problems=["Step x: failed"])
    assert "Stopped." in shop.index.words
    assert "Last run: red daily_refresh" in shop.index.words
    assert "Step x: failed" in shop.index.words
