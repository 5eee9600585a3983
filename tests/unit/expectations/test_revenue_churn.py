"""Revenue churn where next to nothing was there at the start: rates of many billions are no mistake."""

from dataclasses import replace

import pytest

from expectations.marts_retention import retention_suites

TABLE = "marts.churn_by_period"
RULE = "revenue_retention_rates_agree"


@pytest.fixture
def suite():
    """The one rule; the others look at more tables."""
    (churn,) = (suite for suite in retention_suites() if suite.table == TABLE)
    return replace(churn, expectations=[one for one in churn.expectations if one.meta["rule"] == RULE])


@pytest.fixture
def mart(connection):
    """Customers of 1,000,000,000 and of -999,999,999.97, that is refunds: together 0.03."""
    connection.execute(
        f"""
        create table {TABLE} as
        select
            'month' as period_grain, date '2026-02-01' as period_start, 'all' as segment_type, 'all' as segment_value,
            'purchase' as activity_definition, *,
            (churned_revenue + contraction_revenue)::double / revenue_at_start::double as gross_revenue_churn_rate,
            (revenue_at_start - churned_revenue - contraction_revenue)::double / revenue_at_start::double
                as gross_revenue_retention_rate,
            (revenue_at_start - churned_revenue - contraction_revenue + expansion_revenue)::double
                / revenue_at_start::double as net_revenue_retention_rate,
            net_revenue_retention_rate as net_revenue_retention_rate_incl_reactivation
        from (
            select
                0.03::decimal(28, 4) as revenue_at_start, 1000000000.37::decimal(28, 4) as churned_revenue,
                0::decimal(28, 4) as contraction_revenue, 999999999.97::decimal(28, 4) as expansion_revenue,
                0::decimal(28, 4) as reactivation_revenue
        ) as revenue
        """
    )
    return connection


def test_rates_of_billions_agree(mart, check, suite):
    assert check(suite)[RULE].status == "passed"


def test_a_rate_that_is_off_is_found(mart, check, suite):
    mart.execute(f"update {TABLE} set net_revenue_retention_rate = net_revenue_retention_rate + 0.001")
    assert check(suite)[RULE].status == "failed"
