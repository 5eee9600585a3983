"""What is expected of the intermediate tables made of orders; part of the suites of `expectations.intermediate`.

Belongs here: orders, refunds, days and periods of purchase. Does not belong here: what is summed of them by period
(`intermediate_order_sums`), customers, movements (`intermediate_customers`), surveys (`intermediate`).
"""

from expectations.identities import GRAINS, LINE_VALUE
from expectations.rules import Suite, filled, finds_nothing, given_up, holds, keyed_suite, not_empty, taken_in

# Money is summed in decimals, so sums agree to the last digit; the allowance covers rounding to minor units on
# conversion.
ROUNDING_ALLOWANCE = "0.01"

ORDERS = "intermediate.int_orders_valued"
REFUNDS = "intermediate.int_refunds_valued"
STAGED_REFUNDS = "staging.stg_orders__order_refunds"


def order_suites() -> list[Suite]:
    """One suite for every intermediate table made of orders and purchases."""
    return [
        _orders_valued(),
        _refunds_valued(),
        _purchase_days_aggregated(),
        _customer_periods_aggregated(),
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
            "conversion_fits",
            "Every amount of an order, but for its cost, fits into its column after conversion. Where one does not, "
            "look at the exchange rate of that currency on that date (is it the wrong way round?) and deliver the "
            "right one.",
            broken_when="exchange_rate <> 1 and (discount_amount is null or shipping_amount is null "
            "or tax_amount is null or refund_amount is null "
            "or (net_amount is null and net_amount_in_order_currency is not null))",
            columns=["order_currency", "exchange_rate", "exchange_rate_date", "net_amount_in_order_currency"],
        ),
        finds_nothing(
            "value_of_lines_fits",
            "An order with lines has a value. Where it has none, its lines are worth more than an amount can hold: "
            "look at their quantities and prices, and deliver the lines again.",
            query=_without_value(ORDERS),
            after_refresh=_without_value(taken_in(ORDERS)),
        ),
        holds(
            "net_amount_agrees",
            "Net is gross less discount, and less refunds where it says so; unknown where gross is unknown.",
            # An amount without a rate is unknown altogether; one that did not fit has a rule of its own.
            broken_when="net_amount is distinct from gross_amount - discount_amount "
            "or net_amount_after_refunds is distinct from net_amount - refund_amount "
            "or (exchange_rate = 1 and (discount_amount is null or refund_amount is null))",
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
        finds_nothing(
            "customer_known",
            "Every valid order has a customer. Orders without one (guests) are in revenue and average order value, and "
            "in no customer figure. If more of them came than guests order, the column of the customer may have "
            "another name in the extract: the report shows which columns are not read.",
            # No rule about single rows: where guests are normal it never holds, and would keep those from the few rows
            # that a refresh took in.
            query=f"select order_id, ordered_date from {ORDERS} where exclusion_reason = 'anonymous'",
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
            "What was given back on each order is, but for the rounding of a conversion, what staging says of it: no "
            "refund is lost, and none is counted twice by a join. Those after a set as-of date are left out.",
            query=_refunds_apart_from_staging(ORDERS),
            # Also of orders that ought to have been worked out again, for a refund of theirs came or went.
            after_refresh=_refunds_apart_from_staging(
                f"(select * from {ORDERS} where order_id in (select order_id from {taken_in(ORDERS)} "
                f"union all select order_id from {taken_in(STAGED_REFUNDS)} "
                f"union all select order_id from {given_up(STAGED_REFUNDS)}))"
            ),
        ),
    )


def _refunds_valued() -> Suite:
    return keyed_suite(
        REFUNDS,
        ["refund_id"],
        holds(
            "refund_not_negative",
            "A refund is money given back, so not negative.",
            broken_when="refund_amount < 0",
            columns=["refund_amount"],
        ),
        finds_nothing(
            "refunds_agree_with_orders",
            "The refunds of every valid order of known value are here, with the amount that the order says, but for "
            "the rounding of conversions, and no others.",
            query=_refunds_apart_from_orders(ORDERS, REFUNDS),
            after_refresh=_refunds_apart_from_orders(
                taken_in(ORDERS),
                f"(select * from {REFUNDS} where order_id in (select order_id from {taken_in(ORDERS)}))",
            ),
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


def _without_value(orders: str) -> str:
    """Orders of no known value that have lines, and how many."""
    return f"""
        select order_id, count(*) as line_count
        from staging.stg_orders__order_lines
        where order_id in (select order_id from {orders} where net_amount_in_order_currency is null)
        group by order_id
    """


def _value_added(orders: str) -> str:
    """Orders whose value is not what staging says of them."""
    return f"""
        with valued as (
            select
                order_id, gross_amount,
                -- Of other orders nobody has said whether their lines are gift cards, which are worth nothing.
                coalesce(exclusion_reason in ('zero_value', 'fully_refunded', 'anonymous'), true)
                    as is_no_gift_card_sale
            from {orders}
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
                valued.order_id, valued.gross_amount,
                line_values.order_id is null or (is_of_one_category and is_no_gift_card_sale) as must_be_equal,
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


def _refunds_apart_from_staging(orders: str) -> str:
    """Orders on which was given back what staging does not say, or not what it says.

    No table says whether an as-of date was set, nor the zone of its day. So what is dated a day before it or earlier
    has to be there, and what is dated later may be.
    """
    return f"""
        with valued as (
            select order_id, refund_amount, cast(exchange_rate as double) as exchange_rate from {orders} as orders
        ),
        staged as (
            select
                order_id, sum(refund_amount) as staged_amount,
                sum(case when refunded_at < as_of_date - interval 1 day then refund_amount else 0 end) as known_amount
            from {STAGED_REFUNDS}
            cross join intermediate.int_as_of
            where order_id in (select order_id from valued)
            group by order_id
        ),
        converted as (
            select
                order_id, refund_amount, staged_amount,
                coalesce(staged_amount, 0) * exchange_rate as most_amount,
                coalesce(known_amount, 0) * exchange_rate as least_amount,
                {_rounding("1")} as rounding
            from valued
            left join staged using (order_id)
        )
        select order_id, staged_amount, refund_amount
        from converted
        where refund_amount > most_amount + rounding or refund_amount < least_amount - rounding
    """


def _rounding(conversions: str) -> str:
    """By how much the rounding of so many conversions may change an amount: each by less than the least unit there is.

    Yen and rials have none smaller than 1.
    """
    return f"case when exchange_rate = 1 then {ROUNDING_ALLOWANCE} else {conversions} end"


def _refunds_apart_from_orders(orders: str, refunds: str) -> str:
    """Orders whose single refunds are missing, too many, or not what the order says was given back on it."""
    return f"""
        with valued as (
            select order_id, exchange_rate, refund_amount,
                coalesce(is_valid_order and net_amount is not null, false) as is_counted
            from {orders} as orders
        ),
        refunded as (
            select order_id, sum(refund_amount) as refunds_together, count(*) as refund_count
            from {refunds} as refunds
            group by order_id
        )
        select order_id, refund_amount, refunds_together
        from valued
        full join refunded using (order_id)
        where (refunds_together is not null and not coalesce(is_counted, false))
            or (is_counted and refund_amount <> 0 and refunds_together is null)
            or (is_counted
                and abs(coalesce(refunds_together, 0) - refund_amount) > {_rounding("coalesce(refund_count, 1)")})
    """
