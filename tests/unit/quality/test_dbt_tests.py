"""Data tests of dbt as the steward sees them."""

import duckdb

from dagster_project.quality.dbt_tests import check_result
from dagster_project.settings import Settings
from dagster_project.transforming.dbt_runner import NodeResult


def test_a_failed_dbt_test_keeps_the_rows_that_it_found_masked(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create schema staging")
        connection.execute(
            "create table staging.people as "
            "select * from (values ('c1', 'a@example.com'), ('c2', null)) as people (id, email)"
        )
    found = NodeResult(
        unique_id="test.p.no_email",
        name="no_email",
        resource_type="test",
        relation="",
        status="fail",
        severity="error",
        message="Got 1 result",
        seconds=0.1,
        rows_failed=1,
        failing_rows_sql="select * from staging.people where email is not null",
    )
    result = check_result(settings, found, "Nobody has an email.", rows_checked=2)
    assert result.is_critical_failure
    assert (result.description, result.rows_failed, result.rows_checked) == ("Nobody has an email.", 1, 2)
    assert result.sample == [{"id": "c1", "email": "(masked)"}]
