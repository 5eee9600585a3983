"""Each identity of the retention mart by itself: a mart that holds all passes, breaking one breaks that rule."""

import pytest

from expectations.marts_retention import retention_suites

COLUMNS = """
    period_grain varchar, period_start date, period_end date, segment_type varchar, segment_value varchar,
    activity_definition varchar, rate_status varchar, customers_at_start bigint, customers_at_end bigint,
    new_customers bigint, retained_customers bigint, reactivated_customers bigint, lost_customers bigint,
    new_and_lost_customers bigint, retention_rate double, retention_rate_excl_reactivated double,
    retention_rate_excl_reactivated_lower double, retention_rate_excl_reactivated_upper double,
    is_complete boolean, is_final boolean
"""
JANUARY = "'month', date '2026-01-01', date '2026-02-01'"
FEBRUARY = "'month', date '2026-02-01', date '2026-03-01'"
OF_ALL = "'all', 'all', 'purchase'"
OF_COUNTRY = "'country', 'unknown', 'purchase'"


@pytest.fixture
def mart(connection):
    """January: two new buyers. February: one of them stays, one is lost, one is new."""
    connection.execute(f"create table marts.retention_by_period ({COLUMNS})")
    for segment in (OF_ALL, OF_COUNTRY):
        connection.execute(
            f"insert into marts.retention_by_period values "
            f"({JANUARY}, {segment}, 'no_base', 0, 2, 2, 0, 0, 0, 0, null, null, null, null, true, true), "
            f"({FEBRUARY}, {segment}, 'small_base', 2, 2, 1, 1, 0, 1, 0, 0.5, 0.5, 0.1, 0.9, true, false)"
        )
    connection.execute(
        """
        create table intermediate.int_periods as
            select 'month' as period_grain, 1 as period_index, date '2026-01-01' as period_start
            union all select 'month', 2, date '2026-02-01';
        create table intermediate.int_customer_periods_aggregated as
            select 'month' as period_grain, unnest([1, 1, 2, 2]) as period_index,
                unnest(['a', 'b', 'b', 'c']) as customer_id;
        create table intermediate.int_purchase_days_aggregated (customer_id varchar, purchase_date date);
        create table intermediate.int_segment_profiles as
            select 'p' as segment_profile_id, unnest(['all', 'country']) as segment_type,
                unnest(['all', 'unknown']) as segment_value;
        create table marts.dim_period as
            select 'month' as period_grain, unnest([date '2026-01-01', date '2026-02-01']) as period_start;
        """
    )
    return connection


def failed_rules(results):
    return {rule for rule, result in results.items() if result.status != "passed"}


def test_mart_that_holds_all_identities_passes(mart, check):
    assert failed_rules(check(retention_suites()[0])) == set()


FEBRUARY_OF_ALL = "period_start = date '2026-02-01' and segment_type = 'all'"


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ("new_customers = 0 where period_start = date '2026-02-01'", {"end_adds_up", "retention_rate_is_textbook"}),
        ("lost_customers = 2 where period_start = date '2026-02-01'", {"start_adds_up"}),
        (f"retention_rate = 0.4 where {FEBRUARY_OF_ALL}", {"retention_rate_is_textbook"}),
        (f"retention_rate_excl_reactivated = 0.6 where {FEBRUARY_OF_ALL}", {"strict_retention_rate_agrees"}),
        (f"retention_rate_excl_reactivated_upper = 0.4 where {FEBRUARY_OF_ALL}", {"interval_holds_rate"}),
        ("retention_rate = 1 where customers_at_start = 0 and segment_type = 'all'", {"no_rate_without_base"}),
        ("rate_status = 'fine' where customers_at_start > 0", {"rate_status_known"}),
        ("is_final = true, is_complete = false where segment_type = 'all'", {"final_only_when_complete"}),
        ("new_and_lost_customers = 1 where segment_type = 'country'", {"segments_add_up"}),
        (
            "segment_value = 'AE', period_start = date '2026-01-01' where segment_type = 'country'",
            {"segments_add_up"},
        ),
        (
            "customers_at_end = 3, new_customers = 3 where period_start = date '2026-01-01'",
            {"end_is_next_start", "buyers_agree"},
        ),
    ],
)
def test_each_broken_identity_is_named(mart, check, change, rules):
    mart.execute(f"update marts.retention_by_period set {change}")
    assert failed_rules(check(retention_suites()[0])) == rules


def test_customers_of_a_window_are_counted_again_from_the_purchases(mart, check):
    mart.execute(
        "insert into marts.retention_by_period "
        "select * replace ('window_90' as activity_definition) from marts.retention_by_period"
    )
    mart.execute(
        "insert into intermediate.int_purchase_days_aggregated values "
        "('a', date '2025-11-30'), ('b', date '2025-12-01'), ('b', date '2026-01-05'), ('c', date '2026-02-28')"
    )
    # In the 90 days before 1 March 2026 (from 1 December on): b and c.
    assert failed_rules(check(retention_suites()[0])) == set()
    mart.execute("insert into intermediate.int_purchase_days_aggregated values ('d', date '2026-02-01')")
    assert failed_rules(check(retention_suites()[0])) == {"active_customers_agree"}


def test_mart_much_smaller_than_the_last_release_is_a_warning(mart, check):
    mart.execute("insert into facts.released_marts values ('retention_by_period', 10), ('dim_period', 1000)")
    result = check(retention_suites()[0])["not_much_smaller_than_released"]
    assert (result.status, result.severity) == ("failed", "warning")
    assert result.sample == [{"rows_released": "10", "rows_now": "4"}]
