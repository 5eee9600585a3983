"""What is expected of the mart of cohorts; part of the suites of `expectations.marts`.

Belongs here: that every cell is there and agrees with its cohort. Does not belong here: the other marts (`marts`).
"""

from expectations.identities import (
    MONEY_ALLOWANCE,
    RATE_STATUSES,
    differs,
    figures_there,
    not_much_smaller,
    segments_add_up,
)
from expectations.rules import Suite, finds_nothing, holds, not_empty, one_of


def cohort_suite() -> Suite:
    """The suite of `marts.retention_by_cohort`."""
    table = "marts.retention_by_cohort"
    key = ("cohort_grain", "cohort_start", "period_index", "segment_type", "segment_value")
    counts = ["cohort_size", "active_customers", "active_or_later_customers"]
    return Suite(
        table=table,
        key=key,
        expectations=[
            not_empty(table, "There is at least one cohort."),
            not_much_smaller(table),
            figures_there(
                [*counts, "order_count", "net_amount", "cumulative_net_amount", "previous_period_rate_status"]
            ),
            one_of(
                "previous_period_rate_status",
                "The status of the rate to the cell before is no_previous_period (the first cell), ok, small_base (too "
                "few to rely on) or no_base (nothing to divide by).",
                ("no_previous_period", *RATE_STATUSES),
            ),
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
                broken_when=differs("retention_rate", "active_customers::double / cohort_size", "cohort_size")
                + " or "
                + differs("retention_or_later_rate", "active_or_later_customers::double / cohort_size", "cohort_size"),
                columns=["cohort_size", "active_customers", "retention_rate", "retention_or_later_rate"],
            ),
            holds(
                "previous_period_rate_agrees",
                "The rate to the cell before = active customers / those active then. In the first cell and after one "
                "with nobody active there is none, and the status says so.",
                broken_when=differs(
                    "previous_period_rate",
                    "active_customers::double / previous_active_customers",
                    "previous_active_customers",
                )
                + " or (period_index = 0) <> (previous_active_customers is null) "
                "or (period_index = 0) <> (previous_period_rate_status = 'no_previous_period') "
                "or (coalesce(previous_active_customers, 1) = 0) <> (previous_period_rate_status = 'no_base') "
                "or (previous_period_rate is null) "
                "<> (previous_period_rate_status in ('no_previous_period', 'no_base'))",
                columns=[
                    "active_customers",
                    "previous_active_customers",
                    "previous_period_rate",
                    "previous_period_rate_status",
                ],
            ),
            finds_nothing(
                "no_period_missing",
                "Every cohort has a cell for each period up to now, also where nobody bought; each knows the active "
                "customers of the one before, and revenue accumulates.",
                query=f"""
                    select cohort_grain, cohort_start, segment_type, segment_value, count(*) as cell_count,
                        max(periods_until_now) as period_count
                    from (
                        select
                            cohort_grain, cohort_start, segment_type, segment_value, period_index,
                            abs(
                                cumulative_net_amount - sum(net_amount) over (
                                    partition by cohort_grain, cohort_start, segment_type, segment_value order by
                                    period_index
                                )
                            ) as cumulation_gap,
                            previous_active_customers is distinct from lag(active_customers) over (
                                partition by cohort_grain, cohort_start, segment_type, segment_value order by
                                period_index
                            ) as is_previous_wrong
                        from marts.retention_by_cohort
                    ) as cells
                    left join (
                        select
                            period_grain as cohort_grain, period_start as cohort_start,
                            row_number() over (partition by period_grain order by period_start desc)
                                as periods_until_now
                        from marts.dim_period
                    ) as periods using (cohort_grain, cohort_start)
                    group by cohort_grain, cohort_start, segment_type, segment_value
                    having count(*) <> max(period_index) + 1
                        or count(*) <> coalesce(max(periods_until_now), 0)
                        or max(cumulation_gap) > {MONEY_ALLOWANCE}
                        or bool_or(is_previous_wrong)
                """,
            ),
            finds_nothing(
                "cohorts_add_up_to_buyers",
                "In every grain the cohorts of 'all' add up to all customers with a purchase.",
                query="""
                    with buyers as (
                        select count(*) as buyer_count from marts.dim_customer where purchase_count > 0
                    ),
                    cohorts as (
                        select cohort_grain, sum(cohort_size) as cohort_customers
                        from marts.retention_by_cohort
                        where period_index = 0 and segment_type = 'all'
                        group by cohort_grain
                    )
                    select period_grain, cohort_customers, buyer_count
                    from (select distinct period_grain from marts.dim_period) as grains
                    cross join buyers
                    left join cohorts on grains.period_grain = cohorts.cohort_grain
                    where coalesce(cohort_customers, 0) <> buyer_count
                """,
            ),
            segments_add_up(
                table,
                ["cohort_grain", "cohort_start", "period_index"],
                [*counts, "order_count", "net_amount"],
            ),
        ],
    )
