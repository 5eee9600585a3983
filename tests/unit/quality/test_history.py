"""Result files: what is written is read again, a rerun replaces, and reading never fails for want of files."""

from dataclasses import replace
from datetime import datetime

import duckdb
import pytest

from dagster_project.quality.history import (
    COLUMNS,
    ResultRow,
    ensure_contract_file,
    record_results,
    results_dir,
)
from tests.unit.quality.kept_results import latest_run_results

ROW = ResultRow(
    run_id="run-1",
    dataset="staging.stg_orders__orders",
    rule="not_null_order_id",
    engine="dbt",
    severity="critical",
    rows_checked=10,
    rows_failed=0,
    status="passed",
    description="Every order has its order_id.",
    report_link="",
    checked_at=datetime.fromisoformat("2026-02-01T04:00:00"),
)


def test_results_of_the_last_run_are_read_again(settings):
    record_results(settings, "shop", "dbt_staging", [ROW])
    later = replace(ROW, run_id="run-2", checked_at=datetime.fromisoformat("2026-02-02T04:00:00"))
    record_results(settings, "shop", "dbt_staging", [later])
    assert latest_run_results(settings, "shop") == [later]


def test_writing_a_step_again_replaces_it(settings):
    record_results(settings, "shop", "dbt_staging", [ROW])
    record_results(settings, "shop", "dbt_staging", [replace(ROW, status="failed", rows_failed=3)])
    assert [row.rows_failed for row in latest_run_results(settings, "shop")] == [3]
    assert len(list(results_dir(settings).iterdir())) == 1


def test_datasets_do_not_mix(settings):
    record_results(settings, "shop", "dbt_staging", [ROW])
    assert latest_run_results(settings, "other") == []


def test_contract_file_has_the_columns_and_no_rows(settings):
    path = ensure_contract_file(settings, "shop")
    with duckdb.connect() as connection:
        described = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
        assert [(name, kind) for name, kind, *_ in described] == list(COLUMNS)
        assert connection.execute("select count(*) from read_parquet(?)", [str(path)]).fetchone() == (0,)
    assert ensure_contract_file(settings, "shop") == path


def test_nothing_to_keep_writes_nothing(settings):
    assert record_results(settings, "shop", "loader", []) is None
    assert not results_dir(settings).exists()


def test_rows_of_two_runs_and_names_that_leave_the_folder_are_refused(settings):
    with pytest.raises(ValueError, match="belong to one run"):
        record_results(settings, "shop", "loader", [ROW, replace(ROW, run_id="run-2")])
    with pytest.raises(ValueError, match="cannot be part of a file name"):
        record_results(settings, "shop", "loader", [replace(ROW, run_id="../run")])
