"""What a gate leaves behind: results, pages, and a warehouse that is closed again."""

import duckdb
import pytest

from dagster_project.quality.data_docs import data_docs_dir, prune_pages
from dagster_project.quality.engine import EngineError
from dagster_project.quality.gates import run_gate
from dagster_project.quality.last_results import read_last_results
from tests.unit.quality.kept_results import latest_run_results
from tests.unit.quality.pages import links_outside, read_pages

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


def test_results_are_kept_for_the_mart(settings, deliver):
    deliver(accepted=960, quarantined=40)
    (orders,) = run_gate(settings, "shop", "raw", "run-1", ["raw.orders"])
    rows = {row.rule: row for row in latest_run_results(settings, "shop")}
    assert set(rows) == {result.rule for result in orders.results}
    kept = rows["nothing_in_quarantine"]
    assert (kept.run_id, kept.dataset, kept.engine) == ("run-1", "raw.orders", "great_expectations")
    assert (kept.severity, kept.status, kept.rows_checked, kept.rows_failed) == ("warning", "failed", 1000, 40)
    assert (settings.warehouse_home / kept.report_link).is_file()


def test_data_docs_ask_nothing_of_the_outside_and_escape_what_they_show(settings, deliver):
    deliver(accepted=400, quarantined=60, order_status="<script>alert(1)</script>")
    deliver("broken.csv", sequence=2, status="refused", message="<img src=x> is empty")
    run_gate(settings, "shop", "raw", "run-1")
    pages = read_pages(data_docs_dir(settings))
    assert len(pages) == 7
    for page in pages:
        assert links_outside(page) == [], page.path
        assert not {"script", "img", "iframe", "object", "embed"} & set(page.elements), page.path
        for link in page.links:
            way = (page.path.parent / link).resolve() if not link.startswith("#") else settings.reports_dir
            assert way.is_relative_to(settings.reports_dir), link


def test_failing_rows_are_kept_for_the_report_masked(settings, deliver):
    deliver(accepted=400, quarantined=60, order_status="storniert")
    run_gate(settings, "shop", "raw", "run-1", ["raw.orders"])
    kept = read_last_results(settings, "shop", "raw")
    (orders,) = kept.suites
    samples = {result.rule: result.sample for result in orders.results if result.sample}
    assert kept.run_id == "run-1"
    assert samples["statuses_usual"] == [{"status": "storniert", "order_count": "400"}]
    assert samples["quarantine_within_limit"] == [
        {
            "source_file": "orders.csv",
            "rows_read": "460",
            "rows_in_quarantine": "60",
            "reasons": "not_a_timestamp:ordered_at (60)",
        }
    ]
    assert len(orders.critical_failures) == 2


def test_only_the_runs_that_are_kept_keep_their_data_docs(settings, deliver):
    deliver()
    for run in ("run-1", "run-2", "run-3"):
        run_gate(settings, "shop", "raw", run, ["raw.orders"])
    prune_pages(settings, "shop", {"run-2", "run-3"})
    assert sorted(path.name for path in (data_docs_dir(settings) / "shop").iterdir()) == ["run-2", "run-3"]
