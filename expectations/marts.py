"""What is expected of the marts before they are published: one suite a mart.

Belongs here: keys, the identities of docs/metrics.md, agreement with the tables they are made of, sanity against the last release.
Does not belong here: how a figure is defined (`dbt/models/marts`). `marts.data_quality` is made of check results and checked by dbt.
"""

from collections.abc import Sequence

from great_expectations.expectations.expectation import Expectation

from expectations.rules import Suite, filled, finds_nothing, holds, not_empty, one_of, unique

# Since 2026-11. Rates are stored as doubles; what differs less is the order in which a sum was taken, not a figure.
RATE_ALLOWANCE = "1e-9"
MONEY_ALLOWANCE = "0.01"

# Since 2026-11. Marts grow with time and hardly ever shrink; a tenth less leaves room for merged customers and late
# cancellations. More means that data the last release was made of are missing.
SMALLEST_SHARE_OF_LAST_RELEASE = 0.9

PERIOD_GRAINS = ("week", "month", "quarter", "year")
SEGMENTED_PERIOD = ("period_grain", "period_start", "segment_type", "segment_value")
RETENTION_KEY = ("period_grain", "period_start", "activity_definition", "segment_type", "segment_value")
RATE_STATUSES = ("ok", "small_base", "no_base")
STATUS_WORDS = "A rate's status is ok, small_base (too few to rely on) or no_base (nothing to divide by)."


def suites() -> list[Suite]:
    """One suite for every mart that holds figures."""
    return [
        _dim_customer(),
        _dim_period(),
        _retention_by_period(),
        _churn_by_period(),
        _churn_reasons_by_period(),
        _retention_by_cohort(),
        _customer_lifetime_value(),
        _order_value_by_period(),
        _csat_by_period(),
    ]


def _dim_customer() -> Suite:
    table = "marts.dim_customer"
    return Suite(
        table=table,
        key=("customer_id",),
        expectations=[
            *_published(table, ["customer_id"]),
            filled("customer_id", "Every customer has a customer_id."),
            holds(
                "purchase_dates_agree",
                "A customer has a first and a last purchase date exactly when there are purchases; the first is not the later one.",
                broken_when="(purchase_count > 0) <> (first_purchase_date is not null) "
                "or (purchase_count > 0) <> (last_purchase_date is not null) "
                "or first_purchase_date > last_purchase_date or purchase_count < 0",
                columns=["purchase_count", "first_purchase_date", "last_purchase_date"],
            ),
        ],
    )


def _dim_period() -> Suite:
    table = "marts.dim_period"
    return Suite(
        table=table,
        key=("period_grain", "period_start"),
        expectations=[
            not_empty("There is at least one period."),
            *_published(table, ["period_grain", "period_start"]),
            one_of("period_grain", "A period is a week, month, quarter or year.", PERIOD_GRAINS),
            finds_nothing(
                "newest_period_holds_as_of_date",
                "In every grain the newest period holds the as-of date, and it is the last one.",
                query="""
                    select period_grain, max(period_start) as newest_start, max(period_end) as newest_end, max(as_of_date) as as_of
                    from marts.dim_period
                    group by period_grain
                    having max(as_of_date) < max(period_start) or max(as_of_date) >= max(period_end)
                """,
            ),
            finds_nothing(
                "all_grains_there",
                "There are weeks, months, quarters and years.",
                query="select count(distinct period_grain) as grain_count from marts.dim_period "
                f"having count(distinct period_grain) <> {len(PERIOD_GRAINS)}",
            ),
            _final_after_complete(),
        ],
    )


def _retention_by_period() -> Suite:
    table = "marts.retention_by_period"
    return Suite(
        table=table,
        key=RETENTION_KEY,
        expectations=[
            not_empty("There is at least one retention figure."),
            *_published(table, RETENTION_KEY),
            one_of("rate_status", STATUS_WORDS, RATE_STATUSES),
            _final_after_complete(),
            holds(
                "counts_not_negative",
                "No count of customers is negative.",
                broken_when="least(customers_at_start, customers_at_end, new_customers, retained_customers, "
                "reactivated_customers, lost_customers, new_and_lost_customers) < 0",
                columns=["customers_at_start", "customers_at_end", "retained_customers"],
            ),
            holds(
                "end_adds_up",
                "Customers at the end = new + retained + reactivated.",
                broken_when="customers_at_end <> new_customers + retained_customers + reactivated_customers",
                columns=["customers_at_end", "new_customers", "retained_customers", "reactivated_customers"],
            ),
            holds(
                "start_adds_up",
                "Customers at the start = retained + lost.",
                broken_when="customers_at_start <> retained_customers + lost_customers",
                columns=["customers_at_start", "retained_customers", "lost_customers"],
            ),
            holds(
                "retention_rate_is_textbook",
                "Retention rate = (customers at the end - new) / customers at the start.",
                broken_when=_differs(
                    "retention_rate", "(customers_at_end - new_customers)::double / customers_at_start", "customers_at_start"
                ),
                columns=["customers_at_start", "customers_at_end", "new_customers", "retention_rate"],
            ),
            holds(
                "strict_retention_rate_agrees",
                "Retention rate without those who came back = retained / customers at the start, between 0 and 1.",
                broken_when=_differs(
                    "retention_rate_excl_reactivated", "retained_customers::double / customers_at_start", "customers_at_start"
                )
                + " or retention_rate_excl_reactivated not between 0 and 1",
                columns=["customers_at_start", "retained_customers", "retention_rate_excl_reactivated"],
            ),
            holds(
                "no_rate_without_base",
                "Without customers at the start there is no rate, and the status says so.",
                broken_when="(customers_at_start = 0) <> (rate_status = 'no_base') "
                "or (customers_at_start = 0) <> (retention_rate is null) "
                "or (customers_at_start = 0) <> (retention_rate_excl_reactivated is null)",
                columns=["customers_at_start", "rate_status", "retention_rate"],
            ),
            holds(
                "interval_holds_rate",
                "The 95 % interval holds the rate it belongs to.",
                broken_when=_outside_interval("retention_rate_excl_reactivated"),
                columns=[
                    "retention_rate_excl_reactivated_lower",
                    "retention_rate_excl_reactivated",
                    "retention_rate_excl_reactivated_upper",
                ],
            ),
            finds_nothing(
                "end_is_next_start",
                "For 'all', under purchase and every window: customers at the end of a period are those at the start of the next.",
                query="""
                    select period_grain, period_start, activity_definition, customers_at_end, next_customers_at_start
                    from (
                        select
                            period_grain, period_start, activity_definition, customers_at_end,
                            lead(customers_at_start) over (
                                partition by period_grain, activity_definition order by period_start
                            ) as next_customers_at_start
                        from marts.retention_by_period
                        where segment_type = 'all'
                            and (activity_definition = 'purchase' or activity_definition like 'window%')
                    ) as followed
                    where customers_at_end <> next_customers_at_start
                """,
            ),
            _segments_add_up(
                table,
                ["period_grain", "period_start", "activity_definition"],
                [
                    "customers_at_start",
                    "customers_at_end",
                    "new_customers",
                    "retained_customers",
                    "reactivated_customers",
                    "lost_customers",
                    "new_and_lost_customers",
                ],
            ),
            finds_nothing(
                "buyers_agree",
                "Under purchase, customers at the end are those who bought in the period, counted straight from the purchases.",
                query="""
                    with buyers as (
                        select period_grain, period_index, count(*) as buyer_count
                        from intermediate.int_customer_periods_aggregated
                        group by period_grain, period_index
                    ),
                    periods as (
                        select period_grain, period_start, coalesce(buyer_count, 0) as buyer_count
                        from intermediate.int_periods
                        left join buyers using (period_grain, period_index)
                    )
                    select period_grain, period_start, customers_at_end, buyer_count
                    from marts.retention_by_period
                    inner join periods using (period_grain, period_start)
                    where activity_definition = 'purchase' and segment_type = 'all' and customers_at_end <> buyer_count
                """,
            ),
            finds_nothing(
                "active_customers_agree",
                "Under a window of n days, customers at the end of the last complete period are those who bought in the n days "
                "before, counted straight from the purchases.",
                query="""
                    with last_complete as (
                        select period_grain, period_end, activity_definition, customers_at_end,
                            cast(replace(activity_definition, 'window_', '') as integer) as window_days
                        from marts.retention_by_period
                        where segment_type = 'all' and activity_definition like 'window%' and is_complete
                        qualify row_number() over (
                            partition by period_grain, activity_definition order by period_start desc
                        ) = 1
                    ),
                    counted as (
                        select period_grain, activity_definition, any_value(customers_at_end) as customers_at_end,
                            count(distinct days.customer_id) as active_customers
                        from last_complete
                        left join intermediate.int_purchase_days_aggregated as days
                            on days.purchase_date < period_end and days.purchase_date >= period_end - window_days
                        group by period_grain, activity_definition
                    )
                    select * from counted where customers_at_end <> active_customers
                """,
            ),
        ],
    )


def _churn_by_period() -> Suite:
    table = "marts.churn_by_period"
    amounts = [
        "revenue_at_start",
        "churned_revenue",
        "contraction_revenue",
        "expansion_revenue",
        "reactivation_revenue",
        "new_revenue",
        "revenue_at_end",
    ]
    lost_share = "(churned_revenue + contraction_revenue)::double / revenue_at_start"
    net_share = (
        "(churned_revenue + contraction_revenue - expansion_revenue - reactivation_revenue)::double / revenue_at_start"
    )
    return Suite(
        table=table,
        key=RETENTION_KEY,
        expectations=[
            not_empty("There is at least one churn figure."),
            *_published(table, RETENTION_KEY),
            one_of("rate_status", STATUS_WORDS, RATE_STATUSES),
            _final_after_complete(),
            holds(
                "churn_rate_agrees",
                "Churn rate = lost / customers at the start, between 0 and 1; without customers at the start there is none.",
                broken_when=_differs("churn_rate", "lost_customers::double / customers_at_start", "customers_at_start")
                + " or churn_rate not between 0 and 1 or (customers_at_start = 0) <> (churn_rate is null) "
                "or (customers_at_start = 0) <> (rate_status = 'no_base')",
                columns=["customers_at_start", "lost_customers", "churn_rate", "rate_status"],
            ),
            holds(
                "interval_holds_rate",
                "The 95 % interval holds the rate it belongs to.",
                broken_when=_outside_interval("churn_rate"),
                columns=["churn_rate_lower", "churn_rate", "churn_rate_upper"],
            ),
            holds(
                "new_customer_churn_rate_possible",
                "The churn rate of new customers lies between 0 and 1.",
                broken_when="new_customer_churn_rate not between 0 and 1",
                columns=["new_customer_churn_rate"],
            ),
            holds(
                "revenue_bridge_closes",
                "Revenue at the start + new + expansion + reactivation - contraction - churned = revenue at the end.",
                broken_when="abs(revenue_at_start + new_revenue + expansion_revenue + reactivation_revenue "
                f"- contraction_revenue - churned_revenue - revenue_at_end) > {MONEY_ALLOWANCE}",
                columns=amounts,
            ),
            holds(
                "revenue_churn_rates_agree",
                "Gross revenue churn = (churned + contraction) / revenue at the start; net takes off expansion and reactivation. "
                "Without revenue at the start there is no rate.",
                broken_when=_differs("gross_revenue_churn_rate", lost_share, "revenue_at_start")
                + " or "
                + _differs("net_revenue_churn_rate", net_share, "revenue_at_start")
                + " or (revenue_at_start = 0) <> (gross_revenue_churn_rate is null)",
                columns=["revenue_at_start", "gross_revenue_churn_rate", "net_revenue_churn_rate"],
            ),
            holds(
                "revenue_retention_rates_agree",
                "Gross revenue retention = 1 - gross churn; net adds expansion / revenue at the start.",
                broken_when=_differs("gross_revenue_retention_rate", "1 - gross_revenue_churn_rate", "revenue_at_start")
                + " or "
                + _differs(
                    "net_revenue_retention_rate",
                    "gross_revenue_retention_rate + expansion_revenue::double / revenue_at_start",
                    "revenue_at_start",
                )
                + " or "
                + _differs(
                    "net_revenue_retention_rate_incl_reactivation",
                    "net_revenue_retention_rate + reactivation_revenue::double / revenue_at_start",
                    "revenue_at_start",
                ),
                columns=["gross_revenue_retention_rate", "net_revenue_retention_rate"],
            ),
            finds_nothing(
                "agrees_with_retention",
                "Customers at the start, lost customers and the rates agree with retention_by_period: strict retention + churn = 1.",
                query=f"""
                    select churn.period_grain, churn.period_start, churn.activity_definition, churn.segment_type,
                        churn.segment_value, churn.customers_at_start, retention.customers_at_start as of_retention
                    from marts.churn_by_period as churn
                    full join marts.retention_by_period as retention
                        using (period_grain, period_start, activity_definition, segment_type, segment_value)
                    where churn.customers_at_start is distinct from retention.customers_at_start
                        or churn.lost_customers is distinct from retention.lost_customers
                        or abs(churn.churn_rate + retention.retention_rate_excl_reactivated - 1) > {RATE_ALLOWANCE}
                """,
            ),
            _segments_add_up(
                table,
                ["period_grain", "period_start", "activity_definition"],
                ["customers_at_start", "lost_customers", *amounts],
            ),
        ],
    )


def _churn_reasons_by_period() -> Suite:
    table = "marts.churn_reasons_by_period"
    key = [*RETENTION_KEY, "close_reason"]
    return Suite(
        table=table,
        key=tuple(key),
        expectations=[
            *_published(table, key),
            filled("close_reason", "Every lost contract has a reason, 'not_stated' where the CRM gives none."),
            finds_nothing(
                "reasons_add_up",
                "The lost customers of all reasons together are the lost customers of churn_by_period.",
                query="""
                    with by_reason as (
                        select period_grain, period_start, activity_definition, segment_type, segment_value,
                            sum(lost_customers) as lost_by_reason
                        from marts.churn_reasons_by_period
                        group by all
                    )
                    select period_grain, period_start, activity_definition, segment_type, segment_value,
                        churn.lost_customers, by_reason.lost_by_reason
                    from by_reason
                    left join marts.churn_by_period as churn
                        using (period_grain, period_start, activity_definition, segment_type, segment_value)
                    where churn.lost_customers is distinct from by_reason.lost_by_reason
                """,
            ),
        ],
    )


def _retention_by_cohort() -> Suite:
    table = "marts.retention_by_cohort"
    key = ("cohort_grain", "cohort_start", "period_index", "segment_type", "segment_value")
    return Suite(
        table=table,
        key=key,
        expectations=[
            not_empty("There is at least one cohort."),
            *_published(table, key),
            holds(
                "first_cell_is_cohort",
                "In the period of their first purchase all customers of a cohort are active.",
                broken_when="period_index = 0 and active_customers <> cohort_size",
                columns=["cohort_size", "active_customers"],
            ),
            holds(
                "active_within_cohort",
                "Active customers are at most those active then or later, and those at most the whole cohort.",
                broken_when="active_customers > active_or_later_customers or active_or_later_customers > cohort_size "
                "or active_customers < 0 or period_index < 0",
                columns=["cohort_size", "active_customers", "active_or_later_customers"],
            ),
            holds(
                "rates_agree",
                "The rates are active (or later) customers / cohort size.",
                broken_when=_differs("retention_rate", "active_customers::double / cohort_size", "cohort_size")
                + " or "
                + _differs("retention_or_later_rate", "active_or_later_customers::double / cohort_size", "cohort_size"),
                columns=["cohort_size", "active_customers", "retention_rate", "retention_or_later_rate"],
            ),
            finds_nothing(
                "no_period_missing",
                "Every cohort has a cell for each period up to now, also where nobody bought, and revenue accumulates.",
                query=f"""
                    select cohort_grain, cohort_start, segment_type, segment_value, count(*) as cell_count
                    from (
                        select
                            cohort_grain, cohort_start, segment_type, segment_value, period_index,
                            abs(
                                cumulative_net_amount - sum(net_amount) over (
                                    partition by cohort_grain, cohort_start, segment_type, segment_value order by period_index
                                )
                            ) as cumulation_gap
                        from marts.retention_by_cohort
                    ) as cells
                    group by cohort_grain, cohort_start, segment_type, segment_value
                    having count(*) <> max(period_index) + 1 or max(cumulation_gap) > {MONEY_ALLOWANCE}
                """,
            ),
            finds_nothing(
                "cohorts_add_up_to_buyers",
                "In every grain the cohorts of 'all' add up to all customers with a purchase.",
                query="""
                    select cohort_grain, sum(cohort_size) as cohort_customers
                    from marts.retention_by_cohort
                    where period_index = 0 and segment_type = 'all'
                    group by cohort_grain
                    having sum(cohort_size) <> (select count(*) from marts.dim_customer where purchase_count > 0)
                """,
            ),
            _segments_add_up(
                table,
                ["cohort_grain", "cohort_start", "period_index"],
                ["cohort_size", "active_customers", "active_or_later_customers", "order_count", "net_amount"],
            ),
        ],
    )


def _customer_lifetime_value() -> Suite:
    table = "marts.customer_lifetime_value"
    key = ("customer_id", "clv_method")
    return Suite(
        table=table,
        key=key,
        expectations=[
            *_published(table, key),
            one_of(
                "clv_method",
                "A lifetime value says by which method it was made.",
                ["historic", "retention_form", "lifespan_form", "profit_form"],
            ),
            holds(
                "amount_only_when_ok",
                "There is an amount exactly when the status is ok; otherwise the status says what is missing.",
                broken_when="clv_status is null or (clv_status = 'ok') <> (clv_amount is not null)",
                columns=["clv_amount", "clv_status"],
            ),
            holds(
                "history_possible",
                "Repeat days, time to the last purchase and age fit together: x = days - 1, t_x is at most T.",
                broken_when="repeat_purchase_day_count <> greatest(purchase_day_count - 1, 0) or recency_days > age_days "
                "or recency_days < 0 or purchase_day_count > purchase_count",
                columns=["purchase_day_count", "repeat_purchase_day_count", "recency_days", "age_days"],
            ),
            holds(
                "inputs_possible",
                "Rates used lie in their range, lifespans are positive, a margin is at most 1.",
                broken_when="retention_rate_used < 0 or lifespan_years < 0 or purchases_per_year < 0 or gross_margin_rate > 1",
                columns=["retention_rate_used", "lifespan_years", "purchases_per_year", "gross_margin_rate"],
            ),
            finds_nothing(
                "every_customer_there",
                "Every customer has each method once, and no one else has any.",
                query="""
                    select customer_id, count(clv_method) as method_count
                    from marts.dim_customer
                    full join marts.customer_lifetime_value using (customer_id)
                    group by customer_id
                    having count(clv_method) <> (select count(distinct clv_method) from marts.customer_lifetime_value)
                        or count(dim_customer.customer_id) = 0
                """,
            ),
        ],
    )


def _order_value_by_period() -> Suite:
    table = "marts.order_value_by_period"
    averages = {"aov_gross": "gross_amount", "aov_net": "net_amount", "aov_net_after_refunds": "net_amount_after_refunds"}
    # Averages are stored to six places.
    average_differs = " or ".join(
        f"abs({average} - {amount}::double / nullif(valued_order_count, 0)) > 1e-6" for average, amount in averages.items()
    )
    return Suite(
        table=table,
        key=SEGMENTED_PERIOD,
        expectations=[
            not_empty("There is at least one order value."),
            *_published(table, SEGMENTED_PERIOD),
            _final_after_complete(),
            holds(
                "counts_possible",
                "Orders with a value and orders without customer are among the orders; nobody buys without an order.",
                broken_when="valued_order_count > order_count or anonymous_order_count > order_count "
                "or buyer_count > order_count or anonymous_order_count < 0 or repeat_buyer_count > buyer_count",
                columns=["order_count", "valued_order_count", "anonymous_order_count", "buyer_count"],
            ),
            holds(
                "net_amount_agrees",
                "Net = gross - discount; after refunds = net - refunds by the order's date.",
                broken_when=f"abs(gross_amount - discount_amount - net_amount) > {MONEY_ALLOWANCE} "
                f"or abs(net_amount - refund_amount_by_order_date - net_amount_after_refunds) > {MONEY_ALLOWANCE}",
                columns=["gross_amount", "discount_amount", "net_amount", "net_amount_after_refunds"],
            ),
            holds(
                "averages_agree",
                "Average order value = amount / number of orders with a value; without such orders there is none.",
                broken_when=f"{average_differs} or (valued_order_count = 0) <> (aov_net is null)",
                columns=["valued_order_count", "net_amount", "aov_net"],
            ),
            holds(
                "frequency_possible",
                "Purchase frequency is at least 1, the repeat purchase rate lies between 0 and 1.",
                broken_when="purchase_frequency < 1 or repeat_purchase_rate not between 0 and 1 "
                "or (buyer_count = 0) <> (purchase_frequency is null)",
                columns=["purchase_frequency", "repeat_purchase_rate", "buyer_count"],
            ),
            finds_nothing(
                "orders_agree",
                "In every grain the orders of 'all' are the valid orders, and their net value that of those with a value.",
                query=f"""
                    with orders as (
                        select count(*) as order_count, coalesce(sum(net_amount), 0) as net_amount
                        from intermediate.int_orders_valued where is_valid_order
                    ),
                    periods as (
                        select period_grain, sum(order_count) as order_count, sum(net_amount) as net_amount
                        from marts.order_value_by_period where segment_type = 'all' group by period_grain
                    )
                    select periods.*, orders.order_count as order_count_of_orders, orders.net_amount as net_amount_of_orders
                    from periods cross join orders
                    where periods.order_count <> orders.order_count
                        or abs(periods.net_amount - orders.net_amount) > {MONEY_ALLOWANCE}
                """,
            ),
            _segments_add_up(
                table,
                ["period_grain", "period_start"],
                [
                    "order_count",
                    "valued_order_count",
                    "anonymous_order_count",
                    "buyer_count",
                    "gross_amount",
                    "discount_amount",
                    "net_amount",
                    "refund_amount_by_refund_date",
                ],
            ),
        ],
    )


def _csat_by_period() -> Suite:
    table = "marts.csat_by_period"
    key = ("period_grain", "period_start", "metric", "survey_id", "touchpoint", "segment_type", "segment_value")
    return Suite(
        table=table,
        key=key,
        expectations=[
            *_published(table, key),
            one_of("rate_status", STATUS_WORDS, RATE_STATUSES),
            _final_after_complete(),
            holds(
                "counts_possible",
                "Positive answers are among the valid ones, and no more answered than were invited.",
                broken_when="positive_answer_count > valid_answer_count or valid_answer_count > invited_count "
                "or positive_answer_count < 0 or dropped_duplicate_count < 0",
                columns=["invited_count", "valid_answer_count", "positive_answer_count"],
            ),
            holds(
                "rates_agree",
                "CSAT = positive / valid answers, response rate = valid answers / invitations, both between 0 and 1. "
                "Without valid answers there is none.",
                broken_when=_differs("csat", "positive_answer_count::double / valid_answer_count", "valid_answer_count")
                + " or "
                + _differs("response_rate", "valid_answer_count::double / invited_count", "invited_count")
                + " or csat not between 0 and 1 or response_rate not between 0 and 1 "
                "or (metric = 'csat' and (valid_answer_count = 0) <> (csat is null)) "
                "or (valid_answer_count = 0) <> (rate_status = 'no_base')",
                columns=["valid_answer_count", "positive_answer_count", "csat", "response_rate", "rate_status"],
            ),
            holds(
                "interval_holds_rate",
                "The 95 % interval holds the CSAT it belongs to.",
                broken_when=_outside_interval("csat"),
                columns=["csat_lower", "csat", "csat_upper"],
            ),
            holds(
                "scores_possible",
                "NPS lies between -100 and 100, CES and top box between 0 and 1, normalised means between 0 and 100.",
                broken_when="nps not between -100 and 100 or ces not between 0 and 1 or top_box_rate not between 0 and 1 "
                "or mean_score_normalised not between 0 and 100 "
                "or (metric <> 'csat' and csat is not null) or (metric <> 'nps' and nps is not null)",
                columns=["nps", "ces", "top_box_rate", "mean_score_normalised"],
            ),
            _segments_add_up(
                table,
                ["period_grain", "period_start", "metric", "survey_id", "touchpoint"],
                ["invited_count", "valid_answer_count", "positive_answer_count", "dropped_duplicate_count"],
            ),
        ],
    )


def _published(table: str, key: Sequence[str]) -> list[Expectation]:
    """What holds for every mart: its grain, and that it did not collapse since the last release."""
    mart = table.removeprefix("marts.")
    return [
        unique(table, key, f"One row for each {', '.join(column.replace('_', ' ') for column in key)}."),
        finds_nothing(
            "not_much_smaller_than_released",
            f"The mart holds at least {SMALLEST_SHARE_OF_LAST_RELEASE:.0%} of the rows of the last release. If it holds fewer, "
            "look for extracts that are missing before you trust it.",
            query=f"""
                select row_count as rows_released, (select count(*) from {table}) as rows_now
                from facts.released_marts
                where mart = '{mart}' and (select count(*) from {table}) < {SMALLEST_SHARE_OF_LAST_RELEASE} * row_count
            """,
            severity="warning",
        ),
    ]


def _final_after_complete() -> Expectation:
    return holds(
        "final_only_when_complete",
        "A period is final only after it is complete.",
        broken_when="is_complete is null or is_final is null or (is_final and not is_complete)",
        columns=["is_complete", "is_final"],
    )


def _differs(rate: str, formula: str, denominator: str) -> str:
    """SQL: the stored rate is not what the formula gives; where the denominator is 0 another rule speaks."""
    return f"({denominator} <> 0 and abs({rate} - ({formula})) > {RATE_ALLOWANCE})"


def _outside_interval(rate: str) -> str:
    """SQL: the rate leaves its own confidence interval, or has none."""
    return (
        f"{rate} < {rate}_lower - {RATE_ALLOWANCE} or {rate} > {rate}_upper + {RATE_ALLOWANCE} "
        f"or ({rate} is null) <> ({rate}_lower is null) or {rate}_lower < 0 or {rate}_upper > 1"
    )


def _segments_add_up(table: str, group: Sequence[str], measures: Sequence[str]) -> Expectation:
    """Every count and amount of the values of a segment type adds up to 'all'; all measures are checked in one query."""
    keys = ", ".join(group)
    sums = ", ".join(f"sum({measure}) as {measure}" for measure in measures)
    # Counts agree exactly; amounts may differ by rounding.
    unequal = " or ".join(f"abs(by_type.{measure} - whole.{measure}) > {MONEY_ALLOWANCE}" for measure in measures)
    return finds_nothing(
        "segments_add_up",
        "The values of each segment type add up to 'all', in every count and amount.",
        query=f"""
            with by_type as (
                select {keys}, segment_type, {sums} from {table} where segment_type <> 'all' group by {keys}, segment_type
            ),
            whole as (
                select * from {table} where segment_type = 'all'
            )
            select {keys}, by_type.segment_type, by_type.{measures[0]} as of_segments, whole.{measures[0]} as of_all
            from by_type
            left join whole using ({keys})
            where whole.segment_type is null or {unequal}
        """,
    )
