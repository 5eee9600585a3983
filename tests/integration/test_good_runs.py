"""The real job on good extracts: what is published, and that the same data give the same figures."""

import json
import stat
from pathlib import Path

import duckdb
import pytest

from benchmarks.measuring import seconds_by_part
from dagster_project.defs.release import BUILT_OTHERWISE
from dagster_project.publishing.content import hash_table
from dagster_project.publishing.releases import list_releases
from tests.integration.workplace import LINE_COLUMNS, MAPPING, ORDER_COLUMNS, Workplace, order_rows, write_rows
from tests.unit.quality.pages import Page, broken_links, links_outside, read_pages

MARTS = {
    "churn_by_period",
    "churn_reasons_by_period",
    "csat_by_period",
    "customer_lifetime_value",
    "data_quality",
    "dim_customer",
    "dim_period",
    "metric_restatements",
    "order_value_by_period",
    "retention_by_cohort",
    "retention_by_period",
}


def test_the_release_holds_every_mart_in_both_forms(finished: Workplace) -> None:
    current = finished.settings.published_dir / "current"
    release = finished.release()
    assert set(release["marts"]) == MARTS
    with duckdb.connect(str(current / "marts.duckdb"), read_only=True) as connection:
        for mart, facts in release["marts"].items():
            columns = {column["name"]: column["type"] for column in facts["columns"]}
            assert hash_table(connection, mart, columns) == (facts["rows"], facts["content_hash"])
            parquet = f"read_parquet('{current / mart}.parquet')"
            assert hash_table(connection, parquet, columns) == (facts["rows"], facts["content_hash"])


def test_the_release_says_what_it_was_made_from(finished: Workplace) -> None:
    feeds = finished.release()["feeds"]
    assert feeds["orders"] == {
        "files": 1,
        "rows_read": 600,
        "rows_accepted": 600,
        "rows_quarantined": 0,
        "watermark": feeds["orders"]["watermark"],
    }
    assert feeds["orders"]["watermark"].startswith("2026-05-15")
    assert "order_refunds" not in feeds


def test_figures_reach_the_marts(finished: Workplace) -> None:
    rows = finished.query(
        "select sum(order_count), sum(buyer_count) from marts.order_value_by_period "
        "where period_grain = 'year' and segment_type = 'all'"
    )
    assert rows == [(600, 80)]
    assert finished.query("select count(*) from marts.dim_customer") == [(40,)]


def test_every_column_of_the_release_is_described(finished: Workplace) -> None:
    undescribed = finished.query(
        "select table_name, column_name from duckdb_columns() where not internal and coalesce(comment, '') = ''"
    )
    assert undescribed == []


def test_results_of_all_gates_and_tests_are_in_the_mart_of_check_results(finished: Workplace) -> None:
    assert finished.query("select distinct engine from marts.data_quality order by 1") == [
        ("dbt",),
        ("great_expectations",),
    ]
    layers = finished.query("select distinct split_part(dataset, '.', 1) from marts.data_quality order by 1")
    assert [layer for (layer,) in layers] == ["intermediate", "marts", "raw", "reference", "refresh", "staging"]


def test_feeds_that_are_missing_leave_their_marts_empty_not_broken(finished: Workplace) -> None:
    assert finished.query("select count(*) from marts.csat_by_period") == [(0,)]
    assert finished.query("select count(*) from marts.retention_by_period where customers_at_end > 0")[0][0] > 0


def test_no_personal_data_in_release_reports_or_run_history(finished: Workplace) -> None:
    for folder in (finished.settings.published_dir, finished.settings.reports_dir, finished.settings.dagster_home):
        for path in folder.rglob("*"):
            assert not path.is_file() or b"@example.com" not in path.read_bytes(), path


def test_nobody_but_the_owner_can_read_the_home(finished_folder: Path) -> None:
    """Files of a release are readable for the sake of those who are let into its folder; the folder is not."""
    home = finished_folder / "home"
    for path in (home, *home.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        is_released = path.is_file() and path.parent.parent.name == "releases"
        assert path.is_symlink() or mode & 0o077 == 0 or (is_released and mode == 0o444), path


def test_the_second_run_changes_nothing(finished: Workplace, capsys) -> None:
    before = finished.release()
    mapping = finished.mapping.read_text()
    finished.mapping.write_text(mapping.replace("feed: orders,", "feed: orders, expect_every: 1 day,"))
    # Orders end in the past, so they are late; the webhook cannot be reached, which must not matter.
    finished.patch.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:1/S3cr3t")
    assert finished.run("run", "daily_refresh") == 0
    assert finished.release() == before
    assert len(list_releases(finished.settings)) == 1
    assert "Nothing new." in Page(finished.settings.reports_dir / "index.html").words
    output, errors = capsys.readouterr()
    assert "arrives_in_time" in output
    assert "could not be sent to the webhook" in errors
    assert "stale data in shop" in errors
    assert "S3cr3t" not in output + errors
    assert finished.run("check-freshness") == 1
    assert "has brought nothing newer than" in capsys.readouterr().err
    for step in ("staging: unchanged", "Gate marts: unchanged", "Release: unchanged"):
        assert step in output


def test_new_data_change_the_figures_and_rolling_back_brings_the_old_ones(finished: Workplace, capsys) -> None:
    before, hashes = finished.release(), finished.hashes()
    write_rows(finished.extracts / "orders" / "second.csv", ORDER_COLUMNS, order_rows(600, 20))
    assert finished.run("run", "daily_refresh") == 0
    # Keys were looked for among what came, in the first refresh already.
    [key_test] = (finished.folder / "home").rglob("compiled/**/int_orders_valued_key_is_unique.sql")
    assert "int_orders_valued__after" in key_test.read_text()
    assert finished.release()["feeds"]["orders"]["files"] == 2
    assert finished.hashes() != hashes
    assert finished.run("rollback") == 0
    assert finished.release() == before
    assert before["release_id"] in capsys.readouterr().out
    # What was built is still there and is good, so it can be published again without building; as it was built.
    finished.mapping.write_text(finished.mapping.read_text().replace("USD", "AED"))
    assert finished.run("run", "publish_release") == 0
    assert finished.release()["feeds"]["orders"]["files"] == 2
    assert finished.release()["variables"]["reporting_currency"] == "USD"
    assert BUILT_OTHERWISE in capsys.readouterr().out


def test_only_orders_are_needed_and_two_datasets_in_one_home_never_mix(finished: Workplace) -> None:
    hashes = finished.hashes()
    first_mapping, first_extracts = finished.mapping.read_text(), finished.extracts
    write_rows(finished.folder / "other" / "orders" / "x.csv", ORDER_COLUMNS, order_rows(0, 30))
    other = MAPPING.format(name="kiosk").splitlines()
    finished.mapping.write_text(
        "\n".join(line for line in other if "customers" not in line and "order_lines" not in line)
    )
    first_extracts.rename(finished.folder / "kept")
    (finished.folder / "other").rename(first_extracts)
    assert finished.run("run", "daily_refresh") == 0
    assert finished.release()["inputs"]["dataset"] == "kiosk"
    assert finished.query(
        "select sum(order_count) from marts.order_value_by_period where period_grain = 'year' and segment_type = 'all'"
    ) == [(30,)]

    finished.mapping.write_text(first_mapping)
    first_extracts.rename(finished.folder / "other")
    (finished.folder / "kept").rename(first_extracts)
    assert finished.run("run", "daily_refresh") == 0
    assert finished.hashes() == hashes


def test_a_rebuild_gives_the_figures_of_the_refresh(finished: Workplace) -> None:
    """A customer that the newest full dump lacks keeps its history. And a thousand pieces at fifty million rials are no
    overflow, although the product has more digits than an engine gives it by itself."""
    gross = (
        "select sum(gross_amount) from marts.order_value_by_period where period_grain = 'year' and segment_type = 'all'"
    )
    [(before,)] = finished.query(gross)
    order = ["o-large", "c1", "2026-05-15 12:00:00", "paid", "USD", ""]
    write_rows(finished.extracts / "orders" / "large.csv", ORDER_COLUMNS, [order])
    lines = [["o-large", 1, "p1", 1000, 50_000_000]]
    write_rows(finished.extracts / "order_lines" / "large.csv", LINE_COLUMNS, lines)
    finished.mapping.write_text(
        finished.mapping.read_text().replace("crm_customers,", "crm_customers, mode: snapshot,")
    )
    [delivered] = (finished.extracts / "crm_customers").iterdir()
    rows = delivered.read_text().splitlines(keepends=True)
    newer = [delivered.with_name(f"newer{number}.csv") for number in (1, 2)]
    newer[0].write_text("".join([*rows, rows[-1].replace(rows[-1].split(",")[0], "c-new")]))
    newer[1].write_text("".join(rows[:-1]))
    assert finished.run("run", "daily_refresh") == 0
    refreshed, hashes = finished.release(), finished.hashes()
    assert finished.query("select count(*) from marts.dim_customer") == [(41,)]
    [(after,)] = finished.query(gross)
    assert after - before == 50_000_000_000
    assert finished.run("run", "full_rebuild") == 0
    assert finished.release()["release_id"] != refreshed["release_id"]
    assert finished.hashes() == hashes


def test_validation_alone_builds_and_publishes_nothing(finished: Workplace) -> None:
    before = finished.release()
    built = finished.settings.warehouse_path.stat().st_mtime_ns
    assert finished.run("run", "validate_only") == 0
    assert finished.release() == before
    assert finished.settings.warehouse_path.stat().st_mtime_ns == built


def test_the_benchmark_finds_how_long_each_part_took(finished: Workplace) -> None:
    parts = seconds_by_part(finished.settings.dagster_home, total_seconds=1000)
    assert list(parts) == ["start-up", "load", "transform", "validate", "publish"]
    assert sum(parts.values()) == pytest.approx(1000)
    assert min(parts.values()) > 0
    assert parts["transform"] > parts["publish"]


def test_the_reports_are_there(finished: Workplace) -> None:
    index = Page(finished.settings.reports_dir / "index.html")
    assert "Green. Every critical rule that this run checked holds." in index.words
    for stage in ("Load loaded", "Raw gate warnings", "Staging passed", "Intermediate passed", "Marts passed"):
        assert stage in index.words
    assert f"Release published served: {finished.release()['release_id']}" in index.words
    pages = read_pages(finished.settings.reports_dir)
    assert len(pages) > 40
    for page in pages:
        assert links_outside(page) == [], page.path
        assert broken_links(page) == [], page.path
        assert "script" not in page.elements, page.path
    assert json.loads((finished.settings.dbt_dir / "complete_build.json").read_text()) == finished.release()["inputs"]
