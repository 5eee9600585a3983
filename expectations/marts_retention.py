"""What is expected of the marts on retention and churn; part of the suites of `expectations.marts`.

Belongs here: the identities of docs/metrics.md between customers at the start, at the end, new, retained, reactivated
and lost, the revenue bridge. Does not belong here: cohorts (`marts_cohorts`), the other marts (`marts`).
"""

from expectations.identities import (
    MONEY_ALLOWANCE,
    RATE_ALLOWANCE,
    differs,
    figures_there,
    final_after_complete,
    hides_base,
    known_rate_status,
    not_much_smaller,
    outside_interval,
    segments_add_up,
)
from expectations.rules import Suite, filled, finds_nothing, holds, not_empty

RETENTION_COUNTS = (
    "customers_at_start",
    "customers_at_end",
    "new_customers",
    "retained_customers",
    "reactivated_customers",
    "lost_customers",
    "new_and_lost_customers",
)
RETENTION_KEY = ("period_grain", "period_start", "activity_definition", "segment_type", "segment_value")


def retention_suites() -> list[Suite]:
    """One suite for every mart on retention and churn."""
    return [_retention_by_period(), _churn_by_period(), _churn_reasons_by_period()]


def _retention_by_period() -> Suite:
    table = "marts.retention_by_period"
    return Suite(
        table=table,
        key=RETENTION_KEY,
        expectations=[
            not_empty(table, "There is at least one retention figure."),
            not_much_smaller(table),
            known_rate_status(),
            final_after_complete(),
            figures_there([*RETENTION_COUNTS, "rate_status"]),
            finds_nothing(
                "every_period_there",
                "Every period up to now has its row of 'all', under every rule of activity.",
                query="""
                    select periods.period_grain, periods.period_start, definitions.activity_definition
                    from marts.dim_period as periods
                    cross join (select distinct activity_definition from marts.retention_by_period) as definitions
                    left join marts.retention_by_period as retention
                        on periods.period_grain = retention.period_grain
                        and periods.period_start = retention.period_start
                        and definitions.activity_definition = retention.activity_definition
                        and retention.segment_type = 'all'
                    where retention.period_start is null
                """,
            ),
            holds(
                "counts_not_negative",
                "No count of customers is negative.",
                broken_when=f"least({', '.join(RETENTION_COUNTS)}) < 0",
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
                broken_when=differs(
                    "retention_rate",
                    "(customers_at_end - new_customers)::double / customers_at_start",
                    "customers_at_start",
                ),
                columns=["customers_at_start", "customers_at_end", "new_customers", "retention_rate"],
            ),
            holds(
                "strict_retention_rate_agrees",
                "Retention rate without those who came back = retained / customers at the start, between 0 and 1.",
                broken_when=differs(
                    "retention_rate_excl_reactivated",
                    "retained_customers::double / customers_at_start",
                    "customers_at_start",
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
                broken_when=outside_interval("retention_rate_excl_reactivated"),
                columns=[
                    "retention_rate_excl_reactivated_lower",
                    "retention_rate_excl_reactivated",
                    "retention_rate_excl_reactivated_upper",
                ],
            ),
            finds_nothing(
                "end_is_next_start",
                "For 'all', under purchase and every window: customers at the end of a period are those at the start "
                "of the next.",
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
            segments_add_up(
                table,
                ["period_grain", "period_start", "activity_definition"],
                RETENTION_COUNTS,
            ),
            finds_nothing(
                "buyers_agree",
                "Under purchase, customers at the end are those who bought in the period, counted straight from the "
                "purchases.",
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
                    select periods.period_grain, periods.period_start, customers_at_end, buyer_count
                    from periods
                    left join marts.retention_by_period as retention
                        on periods.period_grain = retention.period_grain
                        and periods.period_start = retention.period_start
                        and activity_definition = 'purchase'
                        and segment_type = 'all'
                    where coalesce(customers_at_end, 0) <> buyer_count
                """,
            ),
            finds_nothing(
                "active_customers_agree",
                "Under a window of n days, customers at the end of the last complete period are those who bought in "
                "the n days "
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
    # Of amounts, which are exact, not of other rates: where customers of negative revenue leave little at the start,
    # these are so large that their last digits differ by more than the allowance.
    kept = "revenue_at_start - churned_revenue - contraction_revenue"
    # Refunds can take revenue below 0, and a share of that is none.
    revenue_base = "greatest(revenue_at_start, 0)"
    counts = ["customers_at_start", "lost_customers", "new_customers_at_start", "lost_new_customers"]
    statuses = ["rate_status", "new_customer_churn_rate_status", "revenue_rate_status"]
    return Suite(
        table=table,
        key=RETENTION_KEY,
        expectations=[
            not_empty(table, "There is at least one churn figure."),
            not_much_smaller(table),
            *(known_rate_status(status) for status in statuses),
            final_after_complete(),
            figures_there([*counts, *amounts, *statuses]),
            holds(
                "churn_rate_agrees",
                "Churn rate = lost / customers at the start, between 0 and 1; without customers at the start there is "
                "none.",
                broken_when=differs("churn_rate", "lost_customers::double / customers_at_start", "customers_at_start")
                + " or churn_rate not between 0 and 1 or "
                + hides_base("churn_rate", "rate_status", "customers_at_start"),
                columns=["customers_at_start", "lost_customers", "churn_rate", "rate_status"],
            ),
            holds(
                "interval_holds_rate",
                "The 95 % interval holds the rate it belongs to.",
                broken_when=outside_interval("churn_rate"),
                columns=["churn_rate_lower", "churn_rate", "churn_rate_upper"],
            ),
            holds(
                "new_customer_churn_rate_agrees",
                "The churn rate of new customers = lost / at the start, of those who were new in the period before; "
                "between 0 and 1. Without any there is none, and the status says so.",
                broken_when=differs(
                    "new_customer_churn_rate",
                    "lost_new_customers::double / new_customers_at_start",
                    "new_customers_at_start",
                )
                + " or new_customer_churn_rate not between 0 and 1 or "
                + hides_base("new_customer_churn_rate", "new_customer_churn_rate_status", "new_customers_at_start"),
                columns=[
                    "new_customers_at_start",
                    "lost_new_customers",
                    "new_customer_churn_rate",
                    "new_customer_churn_rate_status",
                ],
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
                "Gross revenue churn = (churned + contraction) / revenue at the start; net takes off expansion and "
                "reactivation. "
                "Without revenue at the start there is no rate, and the status says so.",
                broken_when=differs("gross_revenue_churn_rate", lost_share, revenue_base)
                + " or "
                + differs("net_revenue_churn_rate", net_share, revenue_base)
                + " or "
                + hides_base("gross_revenue_churn_rate", "revenue_rate_status", revenue_base),
                columns=[
                    "revenue_at_start",
                    "gross_revenue_churn_rate",
                    "net_revenue_churn_rate",
                    "revenue_rate_status",
                ],
            ),
            holds(
                "revenue_retention_rates_agree",
                "Gross revenue retention = 1 - gross churn; net adds expansion / revenue at the start.",
                broken_when=differs(
                    "gross_revenue_retention_rate", f"({kept})::double / revenue_at_start", revenue_base
                )
                + " or "
                + differs(
                    "net_revenue_retention_rate",
                    f"({kept} + expansion_revenue)::double / revenue_at_start",
                    revenue_base,
                )
                + " or "
                + differs(
                    "net_revenue_retention_rate_incl_reactivation",
                    f"({kept} + expansion_revenue + reactivation_revenue)::double / revenue_at_start",
                    revenue_base,
                ),
                columns=["gross_revenue_retention_rate", "net_revenue_retention_rate"],
            ),
            finds_nothing(
                "agrees_with_retention",
                "Customers at the start, lost customers and the rates agree with retention_by_period: strict "
                "retention + churn = 1.",
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
            segments_add_up(
                table,
                ["period_grain", "period_start", "activity_definition"],
                [*counts, *amounts],
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
            not_much_smaller(table),
            filled("close_reason", "Every lost contract has a reason, 'not_stated' where the CRM gives none."),
            finds_nothing(
                "reasons_add_up",
                "The lost customers of all reasons together are the lost customers of churn_by_period; nobody is lost "
                "without a reason.",
                query="""
                    with by_reason as (
                        select period_grain, period_start, activity_definition, segment_type, segment_value,
                            sum(lost_customers) as lost_by_reason
                        from marts.churn_reasons_by_period
                        group by all
                    )
                    select period_grain, period_start, activity_definition, segment_type, segment_value,
                        churn.lost_customers, by_reason.lost_by_reason
                    from marts.churn_by_period as churn
                    full join by_reason
                        using (period_grain, period_start, activity_definition, segment_type, segment_value)
                    where coalesce(churn.lost_customers, 0) <> coalesce(by_reason.lost_by_reason, 0)
                """,
            ),
        ],
    )
