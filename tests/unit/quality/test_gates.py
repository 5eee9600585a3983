"""What a gate leaves behind: results, pages, and a warehouse that is closed again."""

import re

import duckdb
import pytest

from dagster_project.quality.data_docs import data_docs_dir, prune_runs
from dagster_project.quality.engine import EngineError
from dagster_project.quality.gates import run_gate
from dagster_project.quality.history import latest_run_results
from dagster_project.settings import load_settings

EXCHANGE_RATES = "staging.stg_reference__exchange_rates"


@pytest.fixture
def warehouse(settings):
    """A warehouse with one staging table and the raw table it is made of."""
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(
            """
            create schema raw;
            create schema staging;
            create table raw.fx_rates as
                select date '2026-01-01' as rate_date, 'EUR' as currency, 1.1 as rate, 's' as _source_name,
                    1 as _load_sequence, false as _is_snapshot;
            create table staging.stg_reference__exchange_rates as
                select currency, rate as exchange_rate, rate_date from raw.fx_rates;
            """
        )
    return settings.warehouse_path


def test_gate_on_the_warehouse_passes_and_closes_it(settings, warehouse):
    (suite,) = run_gate(settings, "shop", "staging", "run-1", [EXCHANGE_RATES])
    assert {result.status for result in suite.results} == {"passed"}
    # A connection with another configuration is refused as long as the first one is open.
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) from staging.stg_reference__exchange_rates").fetchone() == (1,)


def test_gate_runs_while_this_process_holds_the_warehouse_open(settings, warehouse):
    with duckdb.connect(str(warehouse)):
        (suite,) = run_gate(settings, "shop", "staging", "run-1", [EXCHANGE_RATES])
    assert suite.critical_failures == []


def test_table_that_was_not_built_is_an_error_and_the_others_are_checked(settings, warehouse):
    tables = [EXCHANGE_RATES, "staging.stg_crm__tickets"]
    tickets, rates = run_gate(settings, "shop", "staging", "run-1", tables)
    assert [result.status for result in tickets.critical_failures] == ["error"]
    assert "stg_crm__tickets does not exist" in tickets.results[0].description
    assert rates.critical_failures == []


def test_gate_without_a_warehouse_says_what_to_do(settings):
    with pytest.raises(EngineError, match="run the job daily_refresh"):
        run_gate(settings, "shop", "marts", "run-1")


def test_engine_without_gates_is_refused(tmp_path):
    spark = load_settings({"WAREHOUSE_HOME": str(tmp_path), "DBT_TARGET": "spark"})
    with pytest.raises(EngineError, match="DBT_TARGET is 'spark'"):
        run_gate(spark, "shop", "raw", "run-1", ["raw.orders"])


def test_results_are_kept_for_the_mart(settings, deliver):
    deliver(accepted=960, quarantined=40)
    (orders,) = run_gate(settings, "shop", "raw", "run-1", ["raw.orders"])
    rows = {row.rule: row for row in latest_run_results(settings, "shop")}
    assert set(rows) == {result.rule for result in orders.results}
    kept = rows["nothing_in_quarantine"]
    assert (kept.run_id, kept.dataset, kept.engine) == ("run-1", "raw.orders", "great_expectations")
    assert (kept.severity, kept.status, kept.rows_checked, kept.rows_failed) == ("warning", "failed", 1000, 40)
    assert (settings.warehouse_home / kept.report_link).is_file()


def test_pages_ask_nothing_of_the_outside_and_escape_what_they_show(settings, deliver):
    deliver(accepted=400, quarantined=60, order_status="<script>alert(1)</script>")
    deliver("broken.csv", sequence=2, status="refused", message="<img src=x> is empty")
    run_gate(settings, "shop", "raw", "run-1")
    pages = [settings.reports_dir / "index.html", *data_docs_dir(settings).rglob("*.html")]
    assert len(pages) == 8
    for page in pages:
        text = page.read_text()
        assert not re.findall(r"<(?:script|link|img|iframe)\b|(?:src|href)=[\"']?(?:https?:)?//|@import", text), page


def test_report_tells_what_happened(settings, deliver):
    deliver(accepted=400, quarantined=60, order_status="storniert")
    run_gate(settings, "shop", "raw", "run-1")
    text = (settings.reports_dir / "index.html").read_text()
    words = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "Blocked 2 critical findings in the last run." in words
    assert "raw.orders blocked 11 2 2 Data Docs" in words
    assert "raw.orders: quarantine_within_limit In no file are more than 10%" in words
    sample = "source_file rows_read rows_in_quarantine reasons orders.csv 460 60 not_a_timestamp:ordered_at (60)"
    assert f"Critical: 60 of 460 fail. {sample}" in words
    assert "storniert 400" in words
    assert "orders orders.csv loaded 460 400 60" in words
    records = "1, 2, 3, 4, 5 ..."
    assert f"orders orders.csv not_a_timestamp:ordered_at 60 {records} ordered_at is not a timestamp." in words
    assert "person@example.com" not in text


def test_report_says_which_stages_the_last_run_did_not_reach(settings, deliver, warehouse):
    run_gate(settings, "shop", "staging", "run-1", [EXCHANGE_RATES])
    deliver(accepted=0)
    run_gate(settings, "shop", "raw", "run-2", ["raw.orders"])
    words = " ".join(re.sub(r"<[^>]+>", " ", (settings.reports_dir / "index.html").read_text()).split())
    assert "Blocked 1 critical finding in the last run." in words
    assert "staging Not reached by the last run." in words
    assert "marts Not checked yet." in words


def test_only_the_newest_runs_keep_their_pages(settings, deliver):
    deliver()
    for run in ("run-1", "run-2", "run-3"):
        run_gate(settings, "shop", "raw", run, ["raw.orders"])
    prune_runs(settings, "shop", runs_to_keep=2)
    assert sorted(path.name for path in (data_docs_dir(settings) / "shop").iterdir()) == ["run-2", "run-3"]
