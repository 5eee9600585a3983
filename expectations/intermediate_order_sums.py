"""What is expected of the intermediate tables that sum orders by period; part of `expectations.intermediate`.

Belongs here: sums, counts and medians of order values, cells of cohorts. Does not belong here: the orders themselves
(`intermediate_orders`).
"""

from expectations.identities import GRAINS
from expectations.rules import Suite, filled, finds_nothing, holds, keyed_suite


def order_sum_suites() -> list[Suite]:
    """One suite for every intermediate table that sums orders."""
    return [
        _order_value_sums_aggregated(),
        _order_value_classes_aggregated(),
        _order_medians_aggregated(),
        _cohort_cells_aggregated(),
        _order_values_aggregated(),
    ]


def _order_value_sums_aggregated() -> Suite:
    return keyed_suite(
        "intermediate.int_order_value_sums_aggregated",
        ["period_grain", "period_index", "segment_profile_id"],
        holds(
            "somebody_behind_every_sum",
            "Sums are corrected when customers change: nobody is counted a negative number of times.",
            broken_when="row_count <= 0 or order_count < 0 or buyer_count < 0 or order_count + buyer_count > row_count",
            columns=["order_count", "buyer_count", "row_count"],
        ),
        finds_nothing(
            "sums_agree_with_orders_and_refunds",
            "In every grain, the sums hold each valid order once, and each refund once by its own date.",
            query=f"""
                with orders as (
                    select count(*) as order_count from intermediate.int_orders_valued where is_valid_order
                ),
                refunds as (
                    select coalesce(sum(refund_amount), 0) as refund_amount from intermediate.int_refunds_valued
                ),
                sums as (
                    select
                        period_grain, sum(order_count) as order_count,
                        sum(refund_amount_by_refund_date) as refund_amount
                    from intermediate.int_order_value_sums_aggregated group by period_grain
                )
                select
                    period_grain, orders.order_count, refunds.refund_amount,
                    sums.order_count as orders_in_sums, sums.refund_amount as refund_amount_in_sums
                from ({GRAINS}) as grains
                cross join orders
                cross join refunds
                left join sums using (period_grain)
                where coalesce(sums.order_count, 0) <> orders.order_count
                    or coalesce(sums.refund_amount, 0) <> refunds.refund_amount
            """,
        ),
    )


def _order_value_classes_aggregated() -> Suite:
    return keyed_suite(
        "intermediate.int_order_value_classes_aggregated",
        ["measure", "period_grain", "period_index", "segment_type", "segment_value", "value_class"],
        holds(
            "something_in_every_class",
            "Counts are corrected when orders change: no class holds a negative number of values.",
            broken_when="row_count <= 0",
            columns=["row_count"],
        ),
        finds_nothing(
            "classes_agree_with_orders",
            "In every grain and segment type, the classes hold as many order values as there are valid orders of "
            "known value.",
            query=f"""
                with counted as (
                    select period_grain, segment_type, sum(row_count) as value_count
                    from intermediate.int_order_value_classes_aggregated
                    where measure = 'net_amount'
                    group by period_grain, segment_type
                ),
                orders as (
                    select count(*) as order_count
                    from intermediate.int_orders_valued
                    where is_valid_order and net_amount is not null
                )
                select period_grain, segment_type, value_count, order_count
                from ({GRAINS}) as grains
                cross join (select distinct segment_type from intermediate.int_segment_profiles) as types
                cross join orders
                left join counted using (period_grain, segment_type)
                where coalesce(value_count, 0) <> order_count
            """,
        ),
    )


def _order_medians_aggregated() -> Suite:
    return keyed_suite(
        "intermediate.int_order_medians_aggregated",
        ["measure", "period_grain", "period_index", "segment_type", "segment_value"],
        filled("median_value", "A median is there only where there was something to take it of."),
    )


def _cohort_cells_aggregated() -> Suite:
    return keyed_suite(
        "intermediate.int_cohort_cells_aggregated",
        ["cohort_grain", "cohort_index", "period_index", "segment_profile_id"],
        finds_nothing(
            "cells_agree_with_periods",
            "In every grain, the cells of all cohorts add up to the periods in which customers bought, in number "
            "and value.",
            query="""
                with cells as (
                    select
                        cohort_grain as period_grain, sum(active_customers) as customer_periods,
                        sum(net_amount) as net_amount
                    from intermediate.int_cohort_cells_aggregated group by cohort_grain
                ),
                periods as (
                    select period_grain, count(*) as customer_periods, sum(net_amount) as net_amount
                    from intermediate.int_customer_periods_aggregated group by period_grain
                )
                select
                    period_grain, periods.customer_periods, periods.net_amount,
                    cells.customer_periods as customer_periods_of_cells, cells.net_amount as net_amount_of_cells
                from periods full join cells using (period_grain)
                where cells.customer_periods is distinct from periods.customer_periods
                    or cells.net_amount is distinct from periods.net_amount
            """,
        ),
    )


def _order_values_aggregated() -> Suite:
    return keyed_suite(
        "intermediate.int_order_values_aggregated",
        ["period_grain", "period_index", "segment_type", "segment_value"],
        finds_nothing(
            "orders_agree",
            "In every grain, the orders of 'all' add up to all valid orders.",
            query=f"""
                with orders as (
                    select count(*) as order_count from intermediate.int_orders_valued where is_valid_order
                ),
                counted as (
                    select period_grain, sum(order_count) as counted_orders
                    from intermediate.int_order_values_aggregated
                    where segment_type = 'all'
                    group by period_grain
                )
                select period_grain, counted_orders, order_count
                from ({GRAINS}) as grains
                cross join orders
                left join counted using (period_grain)
                where coalesce(counted_orders, 0) <> order_count
            """,
        ),
    )
