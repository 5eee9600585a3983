"""What is expected of the intermediate tables made of orders; part of the suites of `expectations.intermediate`.

Belongs here: orders, refunds, days and periods of purchase. Does not belong here: customers, movements, surveys
(`intermediate`).
"""

from expectations.identities import LINE_VALUE
from expectations.rules import Suite, filled, finds_nothing, given_up, holds, keyed_suite, not_empty, taken_in

# Money is summed in decimals, so sums agree to the last digit; the allowance covers rounding to minor units on
# conversion.
ROUNDING_ALLOWANCE = "0.01"

# Which grains there have to be: a table that lacks one altogether has no row that could be wrong.
GRAINS = "select distinct period_grain from intermediate.int_calendar_days"
ORDERS = "intermediate.int_orders_valued"


def order_suites() -> list[Suite]:
    """One suite for every intermediate table made of orders and purchases."""
    return [
        _orders_valued(),
        _refunds_valued(),
        _purchase_days_aggregated(),
        _customer_periods_aggregated(),
        _order_value_sums_aggregated(),
        _order_value_classes_aggregated(),
        _order_medians_aggregated(),
        _cohort_cells_aggregated(),
        _order_values_aggregated(),
    ]


def _orders_valued() -> Suite:
    return keyed_suite(
        ORDERS,
        ["order_id"],
        not_empty(ORDERS, "There is at least one order."),
        finds_nothing(
            "one_row_an_order",
            "Every order of staging is one row here: joining lines, refunds and rates loses and doubles none.",
            query="""
                with both_sides as (
                    select
                        (select count(*) from staging.stg_orders__orders) as staged_count,
                        (select count(*) from intermediate.int_orders_valued) as valued_count
                )
                select * from both_sides where staged_count <> valued_count
            """,
        ),
        holds(
            "no_purchase_without_customer",
            "A purchase has a customer. Orders without one count in revenue and in no customer figure.",
            broken_when="is_valid_purchase and (customer_id is null or not is_valid_order)",
            columns=["customer_id", "is_valid_order"],
        ),
        holds(
            "exclusion_has_reason",
            "Every order is a purchase or says why it is none.",
            broken_when="is_valid_purchase <> (exclusion_reason is null)",
            columns=["is_valid_purchase", "exclusion_reason"],
        ),
        holds(
            "net_amount_agrees",
            "Net is gross less discount, and less refunds where it says so; unknown where gross is unknown.",
            # An amount without a rate is unknown altogether.
            broken_when="net_amount is distinct from gross_amount - discount_amount "
            "or net_amount_after_refunds is distinct from net_amount - refund_amount "
            "or (exchange_rate is not null and (discount_amount is null or refund_amount is null))",
            columns=["gross_amount", "discount_amount", "net_amount", "refund_amount", "net_amount_after_refunds"],
        ),
        holds(
            "converted_with_a_rate",
            "No valid order was converted without an exchange rate: a missing rate is never taken as 1.",
            broken_when="is_valid_order and exchange_rate is null",
            columns=["order_currency", "exchange_rate"],
        ),
        holds(
            "exchange_rate_found",
            "There was an exchange rate for every order. Orders without one are in no figure; deliver the missing "
            "rates.",
            broken_when="exclusion_reason = 'missing_exchange_rate'",
            columns=["order_currency", "ordered_date"],
            severity="warning",
        ),
        holds(
            "refund_within_value",
            "No order was refunded more than it was worth (net, shipping and tax).",
            broken_when="refund_amount > net_amount + shipping_amount + tax_amount and net_amount > 0 and "
            "is_valid_order",
            columns=["net_amount", "refund_amount"],
            severity="warning",
        ),
        finds_nothing(
            "sequence_contiguous",
            "The purchases of a customer are numbered 1, 2, 3 … without gap.",
            query=_numbers_with_gaps("is_valid_purchase"),
            after_refresh=_numbers_with_gaps(
                f"is_valid_purchase and customer_id in (select customer_id from {taken_in(ORDERS)} "
                f"union all select customer_id from {given_up(ORDERS)})"
            ),
        ),
        finds_nothing(
            "value_agrees_with_staging",
            "In the reporting currency, each order's gross value is that of its lines in staging, or of its header "
            "where it has none; with lines of several categories, of which one may be gift cards, it is no more.",
            query=_value_added(ORDERS),
            after_refresh=_value_added(taken_in(ORDERS)),
        ),
        finds_nothing(
            "refunds_agree_with_staging",
            "Refunds in the reporting currency add up to no more than those of staging: none is counted twice by "
            "a join. "
            "Those after the as-of date are left out.",
            query=_refunds_added(ORDERS),
            after_refresh=_refunds_added(taken_in(ORDERS)),
        ),
    )


def _refunds_valued() -> Suite:
    return keyed_suite(
        "intermediate.int_refunds_valued",
        ["refund_id"],
        holds(
            "refund_not_negative",
            "A refund is money given back, so not negative.",
            broken_when="refund_amount < 0",
            columns=["refund_amount"],
        ),
    )


def _purchase_days_aggregated() -> Suite:
    return keyed_suite(
        "intermediate.int_purchase_days_aggregated",
        ["customer_id", "purchase_date"],
        filled("customer_id", "Every day of purchase belongs to a customer: guests are never one big customer."),
        finds_nothing(
            "sums_agree_with_orders",
            "Days of purchase add up to the valid purchases, in number and in value.",
            query="""
                with days as (
                    select coalesce(sum(order_count), 0) as day_orders, coalesce(sum(net_amount), 0) as day_amount
                    from intermediate.int_purchase_days_aggregated
                ),
                orders as (
                    select count(*) as purchases, coalesce(sum(net_amount_after_refunds), 0) as purchase_amount
                    from intermediate.int_orders_valued where is_valid_purchase
                )
                select * from days cross join orders
                where day_orders <> purchases or day_amount <> purchase_amount
            """,
        ),
    )


def _customer_periods_aggregated() -> Suite:
    return keyed_suite(
        "intermediate.int_customer_periods_aggregated",
        ["period_grain", "period_index", "customer_id"],
        finds_nothing(
            "sums_agree_with_days",
            "In every grain, the periods' orders and value add up to those of the days of purchase.",
            query=f"""
                with days as (
                    select sum(order_count) as order_count, sum(net_amount) as net_amount
                    from intermediate.int_purchase_days_aggregated
                ),
                periods as (
                    select period_grain, sum(order_count) as order_count, sum(net_amount) as net_amount
                    from intermediate.int_customer_periods_aggregated group by period_grain
                )
                select
                    period_grain, periods.order_count, periods.net_amount,
                    days.order_count as order_count_of_days, days.net_amount as net_amount_of_days
                from ({GRAINS}) as grains
                cross join days
                left join periods using (period_grain)
                where periods.order_count is distinct from days.order_count
                    or periods.net_amount is distinct from days.net_amount
            """,
        ),
        finds_nothing(
            "one_first_period",
            "In each grain there are as many first periods as customers with a purchase.",
            query=f"""
                with buyers as (
                    select count(*) as buyer_count from intermediate.int_customers_aggregated where purchase_count > 0
                ),
                first_periods as (
                    select period_grain, count(*) as first_period_count
                    from intermediate.int_customer_periods_aggregated where is_first_period group by period_grain
                )
                select period_grain, first_period_count, buyer_count
                from ({GRAINS}) as grains
                cross join buyers
                left join first_periods using (period_grain)
                where coalesce(first_period_count, 0) <> buyer_count
            """,
        ),
    )


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


def _numbers_with_gaps(condition: str) -> str:
    return f"""
        select customer_id, count(*) as purchase_count, max(order_seq) as highest_number
        from {ORDERS}
        where {condition}
        group by customer_id
        having min(order_seq) <> 1
            or max(order_seq) <> count(*)
            or 2 * sum(order_seq) <> count(*) * (count(*) + 1)
    """


def _value_added(orders: str) -> str:
    """Orders whose value is not what staging says of them."""
    return f"""
        with valued as (
            select order_id, gross_amount from {orders}
            where exchange_rate = 1 and exclusion_reason is distinct from 'gift_card_sale'
        ),
        line_values as (
            select order_id, sum({LINE_VALUE}) as line_value,
                min(coalesce(category, '')) = max(coalesce(category, '')) as is_of_one_category
            from staging.stg_orders__order_lines
            where order_id in (select order_id from valued)
            group by order_id
        ),
        compared as (
            select
                valued.order_id, valued.gross_amount, coalesce(is_of_one_category, true) as must_be_equal,
                case when line_values.order_id is null then orders.order_amount else line_value end as staged_amount
            from valued
            inner join staging.stg_orders__orders as orders on valued.order_id = orders.order_id
            left join line_values on valued.order_id = line_values.order_id
        )
        select order_id, staged_amount, gross_amount
        from compared
        where (gross_amount is null) <> (staged_amount is null)
            or gross_amount > staged_amount + {ROUNDING_ALLOWANCE}
            or (must_be_equal and gross_amount < staged_amount - {ROUNDING_ALLOWANCE})
    """


def _refunds_added(orders: str) -> str:
    """Where more was given back on some orders, together, than staging says of them."""
    return f"""
        with both_sides as (
            select
                (
                    select coalesce(sum(refunds.refund_amount), 0)
                    from staging.stg_orders__order_refunds as refunds
                    inner join {orders} as orders using (order_id)
                    where orders.exchange_rate = 1
                ) as staged_amount,
                (select coalesce(sum(refund_amount), 0) from {orders} where exchange_rate = 1) as valued_amount
        )
        select * from both_sides where valued_amount > staged_amount + {ROUNDING_ALLOWANCE}
    """
