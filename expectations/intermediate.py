"""What is expected of the intermediate tables: one suite a table.

Belongs here: the grain of each table, and that joining and adding up neither loses nor doubles anything. Does not belong here: the
figures of the marts and their identities (`marts`).
"""

from collections.abc import Sequence

from great_expectations.expectations.expectation import Expectation

from expectations.rules import Suite, filled, finds_nothing, holds, not_empty, unique

# Money is summed in decimals, so sums agree to the last digit; the allowance covers rounding to minor units on conversion.
ROUNDING_ALLOWANCE = "0.01"


def suites() -> list[Suite]:
    """One suite for every intermediate table."""
    return [
        *_calendar(),
        *_customers(),
        *_orders(),
        *_movements(),
        *_rates_and_surveys(),
    ]


def _calendar() -> list[Suite]:
    return [
        Suite(
            table="intermediate.int_as_of",
            key=("as_of_date",),
            expectations=[
                finds_nothing(
                    "one_row",
                    "There is exactly one as-of date.",
                    query="select count(*) as row_count from intermediate.int_as_of having count(*) <> 1",
                ),
                holds(
                    "as_of_after_first_order",
                    "The as-of date is known and lies after the first order.",
                    broken_when="as_of_date is null or first_order_date is null or as_of_date <= first_order_date",
                    columns=["first_order_date", "latest_event_date"],
                ),
            ],
        ),
        _keyed(
            "intermediate.int_calendar_days",
            ["period_grain", "calendar_date"],
            holds(
                "day_within_its_period",
                "Every day lies within its week, month, quarter or year: a period ends on the day before the next one begins.",
                broken_when="calendar_date < period_start or calendar_date >= period_end or period_index is null",
                columns=["period_start", "period_end", "period_index"],
            ),
            finds_nothing(
                "no_day_missing",
                "No day of the calendar is missing, in any grain.",
                query="""
                    select period_grain, min(calendar_date) as first_date, max(calendar_date) as last_date, count(*) as day_count
                    from intermediate.int_calendar_days
                    group by period_grain
                    having count(*) <> max(calendar_date) - min(calendar_date) + 1
                """,
            ),
        ),
        _keyed(
            "intermediate.int_periods",
            ["period_grain", "period_index"],
            not_empty("There is at least one period."),
            finds_nothing(
                "periods_follow_each_other",
                "The periods of a grain follow each other without gap or overlap.",
                query="""
                    select period_grain, period_start, period_end, next_period_start
                    from (
                        select
                            period_grain, period_start, period_end,
                            lead(period_start) over (partition by period_grain order by period_index) as next_period_start
                        from intermediate.int_periods
                    ) as periods
                    where period_end <= period_start or next_period_start <> period_end
                """,
            ),
            holds(
                "final_only_when_complete",
                "A period is final only after it is complete, and complete only after its end.",
                broken_when="(is_final and not is_complete) or is_complete <> (period_end <= as_of_date)",
                columns=["period_end", "as_of_date", "is_complete", "is_final"],
            ),
        ),
    ]


def _customers() -> list[Suite]:
    return [
        _keyed(
            "intermediate.int_customer_merges_resolved",
            ["customer_id"],
            filled("surviving_customer_id", "Every merged customer has a survivor."),
            holds(
                "no_circular_merge",
                "No chain of merges runs in a circle. Customers in a circle are kept apart; the CRM should be mended.",
                broken_when="is_circular",
                columns=["surviving_customer_id"],
                severity="warning",
            ),
            finds_nothing(
                "survivor_survives",
                "The survivor of a merge is not itself merged into somebody else.",
                query="""
                    select merges.customer_id, merges.surviving_customer_id
                    from intermediate.int_customer_merges_resolved as merges
                    inner join intermediate.int_customer_merges_resolved as further
                        on merges.surviving_customer_id = further.customer_id
                    where not merges.is_circular and not further.is_circular
                """,
            ),
        ),
        _keyed(
            "intermediate.int_customer_segments_versioned",
            ["customer_id", "valid_from_date"],
            filled("segment_profile_id", "Every version has its combination of segments."),
            _follow_each_other(
                "intermediate.int_customer_segments_versioned",
                "valid_from_date",
                "valid_to_date",
                "The segments of a customer are known for every day, and only one combination holds on each.",
                gaps_allowed=False,
            ),
        ),
        _keyed(
            "intermediate.int_segment_profiles",
            ["segment_profile_id", "segment_type"],
            finds_nothing(
                "profile_counts_in_all",
                "Every combination of segments counts in 'all' and once in each segment type, so that segments add up to 'all'.",
                query="""
                    select segment_profile_id, count(*) as segment_type_count
                    from intermediate.int_segment_profiles
                    group by segment_profile_id
                    having count(*) <> (select count(distinct segment_type) from intermediate.int_segment_profiles)
                        or count(*) filter (where segment_type = 'all' and segment_value = 'all') <> 1
                """,
            ),
        ),
        _keyed(
            "intermediate.int_contract_spells_merged",
            ["customer_id", "active_from_date"],
            holds(
                "spell_ends_after_start",
                "A contract ends on or after the day it began.",
                broken_when="active_to_date < active_from_date",
                columns=["active_to_date"],
            ),
            holds(
                "ended_spell_has_reason",
                "Every ended contract has a reason ('not_stated' where the CRM gives none).",
                broken_when="(active_to_date is null) <> (close_reason is null)",
                columns=["active_to_date", "close_reason"],
            ),
            _follow_each_other(
                "intermediate.int_contract_spells_merged",
                "active_from_date",
                "active_to_date",
                "The contracts of a customer do not overlap: nobody is a customer twice on one day.",
                gaps_allowed=True,
            ),
        ),
        _keyed(
            "intermediate.int_customers_aggregated",
            ["customer_id"],
            finds_nothing(
                "purchases_agree",
                "The customers' purchases add up to the valid purchases among the orders.",
                query="""
                    with both_sides as (
                        select
                            (select coalesce(sum(purchase_count), 0) from intermediate.int_customers_aggregated) as of_customers,
                            (select count(*) from intermediate.int_orders_valued where is_valid_purchase) as of_orders
                    )
                    select * from both_sides where of_customers <> of_orders
                """,
            ),
            holds(
                "counts_possible",
                "A customer has no more days of purchase than purchases, and first and last date exactly where there is one.",
                broken_when="purchase_day_count > purchase_count or (purchase_count > 0) <> (first_purchase_date is not null) "
                "or first_purchase_date > last_purchase_date or (purchase_day_count = 0) <> (purchase_count = 0)",
                columns=["purchase_count", "purchase_day_count", "first_purchase_date", "last_purchase_date"],
            ),
        ),
    ]


def _orders() -> list[Suite]:
    return [
        _keyed(
            "intermediate.int_orders_valued",
            ["order_id"],
            not_empty("There is at least one order."),
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
                broken_when="net_amount <> gross_amount - discount_amount "
                "or net_amount_after_refunds <> net_amount - refund_amount "
                "or (gross_amount is null) <> (net_amount is null)",
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
                "There was an exchange rate for every order. Orders without one are in no figure; deliver the missing rates.",
                broken_when="exclusion_reason = 'missing_exchange_rate'",
                columns=["order_currency", "ordered_date"],
                severity="warning",
            ),
            holds(
                "refund_within_value",
                "No order was refunded more than it was worth (net, shipping and tax).",
                broken_when="refund_amount > net_amount + shipping_amount + tax_amount and net_amount > 0 and is_valid_order",
                columns=["net_amount", "refund_amount"],
                severity="warning",
            ),
            finds_nothing(
                "sequence_contiguous",
                "The purchases of a customer are numbered 1, 2, 3 … without gap.",
                query="""
                    select customer_id, count(*) as purchase_count, max(order_seq) as highest_number
                    from intermediate.int_orders_valued
                    where is_valid_purchase
                    group by customer_id
                    having min(order_seq) <> 1
                        or max(order_seq) <> count(*)
                        or count(distinct order_seq) <> count(*)
                """,
            ),
            finds_nothing(
                "value_agrees_with_staging",
                "In the reporting currency, gross value adds up to that of lines and headers in staging.",
                query=f"""
                    with line_values as (
                        select order_id, sum(quantity * unit_price) as line_value
                        from staging.stg_orders__order_lines group by order_id
                    ),
                    staged as (
                        select sum(coalesce(line_value, orders.order_amount)) as staged_amount
                        from staging.stg_orders__orders as orders
                        inner join intermediate.int_orders_valued as valued using (order_id)
                        left join line_values using (order_id)
                        where valued.exchange_rate = 1 and valued.exclusion_reason is distinct from 'gift_card_sale'
                    ),
                    valued as (
                        select sum(gross_amount) as valued_amount
                        from intermediate.int_orders_valued
                        where exchange_rate = 1 and exclusion_reason is distinct from 'gift_card_sale'
                    )
                    select staged_amount, valued_amount from staged cross join valued
                    where valued_amount > staged_amount + {ROUNDING_ALLOWANCE} * (select count(*) from staging.stg_orders__orders)
                """,
            ),
            finds_nothing(
                "refunds_agree_with_staging",
                "Refunds in the reporting currency add up to those of staging: none is counted twice by a join.",
                query=f"""
                    with both_sides as (
                        select
                            (
                                select coalesce(sum(refunds.refund_amount), 0)
                                from staging.stg_orders__order_refunds as refunds
                                inner join intermediate.int_orders_valued as orders using (order_id)
                                where orders.exchange_rate = 1
                            ) as staged_amount,
                            (
                                select coalesce(sum(refund_amount), 0)
                                from intermediate.int_orders_valued where exchange_rate = 1
                            ) as valued_amount
                    )
                    select * from both_sides where abs(staged_amount - valued_amount) > {ROUNDING_ALLOWANCE}
                """,
            ),
        ),
        _keyed(
            "intermediate.int_refunds_valued",
            ["refund_id"],
            holds(
                "refund_not_negative",
                "A refund is money given back, so not negative.",
                broken_when="refund_amount < 0",
                columns=["refund_amount"],
            ),
        ),
        _keyed(
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
        ),
        _keyed(
            "intermediate.int_customer_periods_aggregated",
            ["period_grain", "period_index", "customer_id"],
            finds_nothing(
                "sums_agree_with_days",
                "In every grain, the periods' orders and value add up to those of the days of purchase.",
                query="""
                    with days as (
                        select sum(order_count) as order_count, sum(net_amount) as net_amount
                        from intermediate.int_purchase_days_aggregated
                    ),
                    periods as (
                        select period_grain, sum(order_count) as order_count, sum(net_amount) as net_amount
                        from intermediate.int_customer_periods_aggregated group by period_grain
                    )
                    select periods.*, days.order_count as order_count_of_days, days.net_amount as net_amount_of_days
                    from periods cross join days
                    where periods.order_count <> days.order_count or periods.net_amount <> days.net_amount
                """,
            ),
            finds_nothing(
                "one_first_period",
                "Every customer has exactly one first period in each grain.",
                query="""
                    select period_grain, customer_id, count(*) filter (where is_first_period) as first_period_count
                    from intermediate.int_customer_periods_aggregated
                    group by period_grain, customer_id
                    having count(*) filter (where is_first_period) <> 1
                """,
            ),
        ),
        _keyed(
            "intermediate.int_order_values_aggregated",
            ["period_grain", "period_index", "segment_type", "segment_value"],
            finds_nothing(
                "orders_agree",
                "In every grain, the orders of 'all' add up to all valid orders.",
                query="""
                    select period_grain, sum(order_count) as order_count
                    from intermediate.int_order_values_aggregated
                    where segment_type = 'all'
                    group by period_grain
                    having sum(order_count) <> (select count(*) from intermediate.int_orders_valued where is_valid_order)
                """,
            ),
        ),
    ]


def _movements() -> list[Suite]:
    counts = (
        "new_customers",
        "reactivated_customers",
        "lost_customers",
        "lost_new_customers",
        "new_and_lost_customers",
    )
    return [
        Suite(
            table="intermediate.int_movements_aggregated",
            key=("activity_definition", "period_grain", "period_index", "segment_profile_id"),
            expectations=[
                unique(
                    "intermediate.int_movements_aggregated",
                    ["activity_definition", "period_grain", "period_index", "segment_profile_id", "close_reason"],
                    "Movements of one kind are one row; a second row would be counted twice.",
                ),
                holds(
                    "counts_not_negative",
                    "Nobody comes or goes a negative number of times.",
                    broken_when=" or ".join(f"{count} < 0" for count in counts),
                    columns=counts,
                ),
                finds_nothing(
                    "nobody_is_new_twice",
                    "Over all periods no more customers become new than there are customers with a purchase or a contract.",
                    query="""
                        select activity_definition, period_grain, sum(new_customers + new_and_lost_customers) as new_customers
                        from intermediate.int_movements_aggregated
                        group by activity_definition, period_grain
                        having sum(new_customers) > (select count(*) from intermediate.int_customers_aggregated)
                    """,
                ),
            ],
        ),
        _keyed(
            "intermediate.int_segment_movements_aggregated",
            ["activity_definition", "period_grain", "period_index", "segment_type", "segment_value"],
            not_empty("There are movements of customers."),
            holds(
                "stocks_not_negative",
                "No segment holds a negative number of customers.",
                broken_when="customers_at_start < 0 or customers_at_end < 0 or retained_customers < 0",
                columns=["customers_at_start", "customers_at_end", "retained_customers"],
            ),
        ),
    ]


def _rates_and_surveys() -> list[Suite]:
    return [
        _keyed(
            "intermediate.int_exchange_rates_daily",
            ["currency", "valid_date"],
            holds(
                "rate_not_from_the_future",
                "A day's exchange rate is of that day or an earlier one, and more than 0.",
                broken_when="rate_date > valid_date or exchange_rate is null or exchange_rate <= 0",
                columns=["rate_date", "exchange_rate"],
            ),
        ),
        _keyed(
            "intermediate.int_clv_rates",
            ["segment_type", "segment_value"],
            holds(
                "rates_possible",
                "Churn lies between 0 and 1, purchases a year are not negative.",
                broken_when="churn_rate not between 0 and 1 or purchases_per_year < 0 or retention_rate < 0",
                columns=["purchases_per_year", "retention_rate", "churn_rate"],
            ),
        ),
        _keyed(
            "intermediate.int_survey_answers_attributed",
            ["response_id"],
            finds_nothing(
                "one_row_an_invitation",
                "Every invitation of staging is one row here: joining orders and tickets loses and doubles none.",
                query="""
                    with both_sides as (
                        select
                            (select count(*) from staging.stg_surveys__responses) as staged_count,
                            (select count(*) from intermediate.int_survey_answers_attributed) as attributed_count
                    )
                    select * from both_sides where staged_count <> attributed_count
                """,
            ),
            holds(
                "answer_counts_only_when_given",
                "An answer is positive only where one was given, and turned scores stay on a scale of 0 to 100.",
                broken_when="(is_positive and not is_answered) or (is_answered <> (score is not null)) "
                "or normalised_score not between 0 and 100",
                columns=["score", "normalised_score", "is_answered", "is_positive"],
            ),
        ),
    ]


def _keyed(table: str, key: Sequence[str], *expectations: Expectation) -> Suite:
    words = ", ".join(column.removesuffix("_id").replace("_", " ") for column in key)
    return Suite(
        table=table,
        key=tuple(key),
        expectations=[unique(table, key, f"One row for each {words}; a second row would be counted twice."), *expectations],
    )


def _follow_each_other(table: str, start: str, end: str, description: str, *, gaps_allowed: bool) -> Expectation:
    next_start = f"lead({start}) over (partition by customer_id order by {start})"
    broken = f"next_start < coalesce({end}, next_start + 1)" if gaps_allowed else f"next_start <> {end}"
    return finds_nothing(
        "versions_do_not_overlap",
        description,
        query=f"""
            select customer_id, {start}, {end}, next_start
            from (select customer_id, {start}, {end}, {next_start} as next_start from {table}) as versions
            where {broken}
        """,
    )
