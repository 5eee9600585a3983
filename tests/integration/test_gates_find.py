"""What a model could get wrong, done to the tables of a finished run: the gates name it.

Rows that are missing and figures that are NULL are the hard cases: a comparison with nothing finds nothing.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.mapping import load_config
from dagster_project.quality.engine import batch_source
from dagster_project.quality.gates import suites_of
from dagster_project.quality.importing import import_great_expectations
from dagster_project.quality.released import attach_released_marts
from dagster_project.quality.runner import run_suite
from dagster_project.quality.scope import count_rows
from dagster_project.settings import load_settings

Check = Callable[[str], set[str]]

BROKEN = {
    # Retention and churn
    "delete from marts.retention_by_period where segment_type = 'country' and period_grain = 'month'": {
        "segments_add_up",
    },
    "delete from marts.retention_by_period where (period_grain, period_start) in "
    "(select (period_grain, max(period_start)) from marts.dim_period group by period_grain)": {
        "every_period_there",
        "buyers_agree",
    },
    "delete from marts.retention_by_period where period_grain = 'quarter'": {"every_period_there", "buyers_agree"},
    "update marts.retention_by_period set customers_at_end = null, new_customers = null": {"figures_there"},
    "update marts.retention_by_period set retention_rate_excl_reactivated_upper = null": {"interval_holds_rate"},
    "update marts.churn_by_period set net_revenue_churn_rate = null": {"revenue_churn_rates_agree"},
    "update marts.churn_by_period set net_revenue_retention_rate = null": {"revenue_retention_rates_agree"},
    "update marts.churn_by_period set new_customer_churn_rate = new_customer_churn_rate / 2": {
        "new_customer_churn_rate_agrees",
    },
    "update marts.churn_by_period set new_customer_churn_rate_status = 'ok' where new_customers_at_start = 0": {
        "new_customer_churn_rate_agrees",
    },
    "update marts.churn_by_period set revenue_rate_status = 'small_base' where revenue_at_start = 0": {
        "revenue_churn_rates_agree",
    },
    "update marts.churn_by_period set revenue_rate_status = null": {"figures_there"},
    "update marts.churn_by_period set lost_new_customers = 0, new_customer_churn_rate = 0 "
    "where segment_type = 'country' and new_customers_at_start > 0": {"segments_add_up"},
    # Cohorts
    "delete from marts.retention_by_cohort where period_index > 0 and cohort_grain = 'month' "
    "and cohort_start = (select min(cohort_start) from marts.retention_by_cohort where cohort_grain = 'month')": {
        "no_period_missing",
    },
    "delete from marts.retention_by_cohort where cohort_grain = 'week'": {"cohorts_add_up_to_buyers"},
    "update marts.retention_by_cohort set retention_rate = null": {"rates_agree"},
    "update marts.retention_by_cohort set cumulative_net_amount = null": {"figures_there"},
    "update marts.retention_by_cohort set previous_period_rate = previous_period_rate / 2": {
        "previous_period_rate_agrees",
    },
    "update marts.retention_by_cohort set previous_period_rate_status = 'ok'": {"previous_period_rate_agrees"},
    "update marts.retention_by_cohort set previous_active_customers = previous_active_customers + 1, "
    "previous_period_rate = active_customers / (previous_active_customers + 1) "
    "where previous_active_customers > 0": {"no_period_missing"},
    # Lifetime value
    "delete from marts.customer_lifetime_value": {"table_not_empty", "every_customer_there"},
    "delete from marts.customer_lifetime_value where clv_method = 'profit_form'": {"every_customer_there"},
    "update marts.customer_lifetime_value set costed_net_amount = 2 * costed_net_amount": {"margin_agrees"},
    "update marts.customer_lifetime_value set costed_net_amount = null": {"figures_there"},
    # Order values
    "delete from marts.order_value_by_period where period_grain = 'week'": {"every_period_there", "orders_agree"},
    "update marts.order_value_by_period set aov_gross = null, aov_net_after_refunds = null": {"averages_agree"},
    "update marts.order_value_by_period set purchase_frequency = 99 where buyer_count > 0": {"frequency_agrees"},
    "update marts.order_value_by_period set repeat_purchase_rate = null": {"frequency_agrees"},
    "update marts.order_value_by_period set rate_status = 'ok'": {"averages_agree"},
    "update marts.order_value_by_period set buyer_rate_status = 'no_base'": {"frequency_agrees"},
    "update marts.order_value_by_period set shipping_amount = 99 where segment_type <> 'all'": {"segments_add_up"},
    # Satisfaction
    "update marts.csat_by_period set response_rate = null": {"rates_agree"},
    "update marts.csat_by_period set csat = null, csat_lower = null, csat_upper = null": {"rates_agree"},
    "update marts.csat_by_period set nps = null": {"scores_possible"},
    "update marts.csat_by_period set ces = ces / 2": {"scores_possible"},
    "update marts.csat_by_period set ces_upper = null": {"interval_holds_rate"},
    # Orders
    "update intermediate.int_orders_valued set refund_amount = null, net_amount_after_refunds = null "
    "where exclusion_reason is null": {"net_amount_agrees"},
    "update intermediate.int_orders_valued set gross_amount = 0.01 where order_id = (select min(order_id) "
    "from intermediate.int_orders_valued where exchange_rate = 1 and is_valid_order and gross_amount > 1 "
    "and order_id in (select order_id from staging.stg_orders__order_lines group by order_id having count(*) = 1))": {
        "value_agrees_with_staging",
    },
    "update intermediate.int_orders_valued set gross_amount = null where order_id = (select min(order_id) "
    "from intermediate.int_orders_valued where exchange_rate = 1 and is_valid_order)": {"value_agrees_with_staging"},
    # Sums
    "delete from intermediate.int_customer_periods_aggregated where period_grain = 'month'": {
        "sums_agree_with_days",
        "one_first_period",
    },
    "delete from intermediate.int_cohort_cells_aggregated where cohort_grain = 'month'": {"cells_agree_with_periods"},
    "delete from intermediate.int_order_values_aggregated where period_grain = 'month'": {"orders_agree"},
    "delete from intermediate.int_order_value_classes_aggregated where period_grain = 'month'": {
        "classes_agree_with_orders",
    },
    "delete from intermediate.int_order_value_sums_aggregated where period_grain = 'month'": {
        "sums_agree_with_orders_and_refunds",
    },
    "update intermediate.int_order_value_sums_aggregated set refund_amount_by_refund_date = 0": {
        "sums_agree_with_orders_and_refunds",
    },
    "delete from intermediate.int_survey_sums_aggregated": {"sums_agree_with_answers"},
    # Versions
    "update intermediate.int_customer_segments_versioned set valid_to_date = date '2026-02-01' where is_current": {
        "versions_do_not_overlap",
    },
    "update intermediate.int_customer_segments_versioned set valid_from_date = date '2020-01-01' "
    "where valid_from_date = date '0001-01-01'": {"versions_do_not_overlap"},
}


@pytest.fixture(scope="module")
def warehouse(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of the sample, in a copy."""
    home = tmp_path_factory.mktemp("gates") / "home"
    home.mkdir()
    shutil.copyfile(sample_home / "warehouse.duckdb", home / "warehouse.duckdb")
    settings = load_settings({"WAREHOUSE_HOME": str(home)})
    # The lake's views name files of the other home; no rule of these stages reads them but those of staging.
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("attach ':memory:' as facts")
        attach_released_marts(connection, settings, load_config(settings.extracts_config).name)
        yield connection


@pytest.fixture(scope="module")
def failed_rules(warehouse: duckdb.DuckDBPyConnection) -> Check:
    """The critical rules that a table breaks as it is now."""
    import_great_expectations()
    suites = {suite.table: suite for stage in ("intermediate", "marts") for suite in suites_of(stage)}

    def check(table: str) -> set[str]:
        results, _ = run_suite(
            warehouse, batch_source(warehouse), suites[table], frozenset(), count_rows(warehouse, table)
        )
        return {result.rule for result in results if result.is_critical_failure}

    return check


@pytest.mark.parametrize("change", BROKEN)
def test_what_is_broken_is_named(warehouse: duckdb.DuckDBPyConnection, failed_rules: Check, change: str) -> None:
    table = next(word for word in change.split() if word.startswith(("marts.", "intermediate.")))
    warehouse.execute(f"create table facts.whole as from {table}")
    try:
        (changed,) = warehouse.execute(change).fetchone()
        assert changed > 0
        assert failed_rules(table) >= BROKEN[change]
    finally:
        # Great Expectations looks through a connection of its own: there is no transaction to roll back.
        warehouse.execute(f"truncate {table}; insert into {table} from facts.whole; drop table facts.whole")


def test_nothing_is_broken_before(failed_rules: Check) -> None:
    tables = {word for change in BROKEN for word in change.split() if word.startswith(("marts.", "intermediate."))}
    assert {table: failed_rules(table) for table in sorted(tables)} == {table: set() for table in sorted(tables)}
