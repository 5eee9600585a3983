"""What is expected of the marts before they are published: one suite a mart.

Belongs here: the identities of docs/metrics.md, agreement with the tables they are made of, sanity against the
last release. Does not belong here: how a figure is defined (`dbt/models/marts`). `marts.data_quality` is made of check
results and checked by dbt.
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
from expectations.marts_cohorts import cohort_suite
from expectations.marts_retention import retention_suites
from expectations.rules import Suite, filled, finds_nothing, holds, not_empty, one_of

CLV_METHODS = ("historic", "retention_form", "lifespan_form", "profit_form")
PERIOD_GRAINS = ("week", "month", "quarter", "year")
SEGMENTED_PERIOD = ("period_grain", "period_start", "segment_type", "segment_value")


def suites() -> list[Suite]:
    """One suite for every mart that holds figures."""
    return [
        _dim_customer(),
        _dim_period(),
        *retention_suites(),
        cohort_suite(),
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
            not_much_smaller(table),
            filled("customer_id", "Every customer has a customer_id."),
            holds(
                "purchase_dates_agree",
                "A customer has a first and a last purchase date exactly when there are purchases; the first is not "
                "the later one.",
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
            not_empty(table, "There is at least one period."),
            not_much_smaller(table),
            one_of("period_grain", "A period is a week, month, quarter or year.", PERIOD_GRAINS),
            finds_nothing(
                "newest_period_holds_as_of_date",
                "In every grain the newest period holds the as-of date, and it is the last one.",
                query="""
                    select period_grain, max(period_start) as newest_start, max(period_end) as newest_end,
                        max(as_of_date) as as_of_date
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
            final_after_complete(),
        ],
    )


def _customer_lifetime_value() -> Suite:
    table = "marts.customer_lifetime_value"
    key = ("customer_id", "clv_method")
    return Suite(
        table=table,
        key=key,
        expectations=[
            not_empty(table, "There is at least one lifetime value."),
            not_much_smaller(table),
            figures_there(
                [
                    "clv_status",
                    "purchase_count",
                    "purchase_day_count",
                    "repeat_purchase_day_count",
                    "costed_net_amount",
                ]
            ),
            one_of(
                "clv_method",
                "A lifetime value says by which method it was made.",
                CLV_METHODS,
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
                broken_when="repeat_purchase_day_count <> greatest(purchase_day_count - 1, 0) or recency_days > "
                "age_days "
                "or recency_days < 0 or purchase_day_count > purchase_count",
                columns=["purchase_day_count", "repeat_purchase_day_count", "recency_days", "age_days"],
            ),
            holds(
                "inputs_possible",
                "Rates, lifespans and frequencies that went into a lifetime value are not negative.",
                broken_when="retention_rate_used < 0 or lifespan_years < 0 or purchases_per_year < 0",
                columns=["retention_rate_used", "lifespan_years", "purchases_per_year"],
            ),
            holds(
                "margin_agrees",
                "Gross margin rate = margin / net value of the purchases with known cost; without such there is "
                "neither.",
                broken_when=differs(
                    "gross_margin_rate", "margin_amount::double / costed_net_amount", "greatest(costed_net_amount, 0)"
                )
                + " or (costed_net_amount > 0) = (gross_margin_rate is null) "
                "or (costed_net_amount > 0) = (margin_amount is null)",
                columns=["margin_amount", "costed_net_amount", "gross_margin_rate"],
            ),
            holds(
                "margin_plausible",
                "A gross margin is at most 1: more means that goods cost less than nothing.",
                broken_when="gross_margin_rate > 1",
                columns=["gross_margin_rate"],
                severity="warning",
            ),
            finds_nothing(
                "every_customer_there",
                "Every customer has each method once, and no one else has any.",
                query=f"""
                    select customer_id, count(clv_method) as method_count
                    from marts.dim_customer
                    full join marts.customer_lifetime_value using (customer_id)
                    group by customer_id
                    having count(clv_method) <> {len(CLV_METHODS)} or count(dim_customer.customer_id) = 0
                """,
            ),
        ],
    )


def _order_value_by_period() -> Suite:
    table = "marts.order_value_by_period"
    averages = {
        "aov_gross": "gross_amount",
        "aov_net": "net_amount",
        "aov_net_after_refunds": "net_amount_after_refunds",
    }
    # Averages are stored to six places; of millions of rials, a double holds fewer.
    average_differs = " or ".join(
        f"(valued_order_count = 0) <> ({average} is null) or abs({average} - {amount}::double "
        f"/ nullif(valued_order_count, 0)) > greatest(1e-6, {RATE_ALLOWANCE} * abs({average}))"
        for average, amount in averages.items()
    )
    counts = ["order_count", "valued_order_count", "anonymous_order_count", "buyer_count", "repeat_buyer_count"]
    amounts = [
        "gross_amount",
        "discount_amount",
        "net_amount",
        "shipping_amount",
        "tax_amount",
        "refund_amount_by_order_date",
        "refund_amount_by_refund_date",
        "net_amount_after_refunds",
    ]
    return Suite(
        table=table,
        key=SEGMENTED_PERIOD,
        expectations=[
            not_empty(table, "There is at least one order value."),
            not_much_smaller(table),
            known_rate_status(),
            known_rate_status("buyer_rate_status"),
            final_after_complete(),
            figures_there([*counts, *amounts, "rate_status", "buyer_rate_status"]),
            finds_nothing(
                "every_period_there",
                "Every period up to now has its row of 'all'.",
                query="""
                    select periods.period_grain, periods.period_start
                    from marts.dim_period as periods
                    left join marts.order_value_by_period as order_values
                        on periods.period_grain = order_values.period_grain
                        and periods.period_start = order_values.period_start
                        and order_values.segment_type = 'all'
                    where order_values.period_start is null
                """,
            ),
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
                "Average order value = amount / number of orders with a value; without such orders there is none, "
                "and the status says so.",
                broken_when=average_differs + " or " + hides_base("aov_net", "rate_status", "valued_order_count"),
                columns=["valued_order_count", "net_amount", "aov_net", "rate_status"],
            ),
            holds(
                "frequency_agrees",
                "Purchase frequency = orders with a customer / buyers, at least 1; repeat purchase rate = those with "
                "several orders / buyers, between 0 and 1. Without buyers there is neither, and the status says so.",
                broken_when=differs(
                    "purchase_frequency", "(order_count - anonymous_order_count)::double / buyer_count", "buyer_count"
                )
                + " or "
                + differs("repeat_purchase_rate", "repeat_buyer_count::double / buyer_count", "buyer_count")
                + " or purchase_frequency < 1 or repeat_purchase_rate not between 0 and 1 "
                "or (buyer_count = 0) <> (purchase_frequency is null) or "
                + hides_base("repeat_purchase_rate", "buyer_rate_status", "buyer_count"),
                columns=["purchase_frequency", "repeat_purchase_rate", "buyer_count", "buyer_rate_status"],
            ),
            finds_nothing(
                "orders_agree",
                "In every grain the orders of 'all' are the valid orders, and their net value that of those with a "
                "value.",
                query=f"""
                    with orders as (
                        select count(*) as order_count, coalesce(sum(net_amount), 0) as net_amount
                        from intermediate.int_orders_valued where is_valid_order
                    ),
                    periods as (
                        select period_grain, sum(order_count) as order_count, sum(net_amount) as net_amount
                        from marts.order_value_by_period where segment_type = 'all' group by period_grain
                    )
                    select period_grain, periods.order_count, periods.net_amount,
                        orders.order_count as order_count_of_orders, orders.net_amount as net_amount_of_orders
                    from (select distinct period_grain from marts.dim_period) as grains
                    cross join orders
                    left join periods using (period_grain)
                    where coalesce(periods.order_count, 0) <> orders.order_count
                        or abs(coalesce(periods.net_amount, 0) - orders.net_amount) > {MONEY_ALLOWANCE}
                """,
            ),
            segments_add_up(
                table,
                ["period_grain", "period_start"],
                [*counts, *amounts],
            ),
        ],
    )


def _csat_by_period() -> Suite:
    table = "marts.csat_by_period"
    key = ("period_grain", "period_start", "metric", "survey_id", "touchpoint", "segment_type", "segment_value")
    counts = [
        "invited_count",
        "valid_answer_count",
        "positive_answer_count",
        "top_box_answer_count",
        "detractor_count",
        "dropped_duplicate_count",
    ]
    return Suite(
        table=table,
        key=key,
        expectations=[
            not_much_smaller(table),
            known_rate_status(),
            final_after_complete(),
            figures_there([*counts, "rate_status"]),
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
                broken_when="(metric = 'csat' and "
                + differs("csat", "positive_answer_count::double / valid_answer_count", "valid_answer_count")
                + ") or "
                + differs("response_rate", "valid_answer_count::double / invited_count", "invited_count")
                + " or csat not between 0 and 1 or response_rate not between 0 and 1 "
                "or (metric = 'csat' and (valid_answer_count = 0) <> (csat is null)) "
                "or (valid_answer_count = 0) <> (rate_status = 'no_base')",
                columns=["valid_answer_count", "positive_answer_count", "csat", "response_rate", "rate_status"],
            ),
            holds(
                "interval_holds_rate",
                "The 95 % interval holds the CSAT or CES it belongs to.",
                broken_when=f"{outside_interval('csat')} or {outside_interval('ces')}",
                columns=["csat_lower", "csat", "csat_upper", "ces_lower", "ces", "ces_upper"],
            ),
            holds(
                "scores_possible",
                "NPS = 100 x (promoters - detractors) / valid answers, CES = positive / valid answers, top box = those "
                "with the highest score / valid answers; normalised means lie between 0 and 100. Each measure has its "
                "own score only.",
                broken_when="(metric = 'nps' and "
                + differs(
                    "nps",
                    "100 * (positive_answer_count - detractor_count)::double / valid_answer_count",
                    "valid_answer_count",
                )
                + ") or (metric = 'ces' and "
                + differs("ces", "positive_answer_count::double / valid_answer_count", "valid_answer_count")
                + ") or "
                + differs("top_box_rate", "top_box_answer_count::double / valid_answer_count", "valid_answer_count")
                + " or nps not between -100 and 100 or ces not between 0 and 1 or top_box_rate not between 0 and 1 "
                "or (valid_answer_count = 0) <> (mean_score_normalised is null) "
                "or mean_score_normalised not between 0 and 100 "
                "or (metric <> 'csat' and csat is not null) or (metric <> 'nps' and nps is not null) "
                "or (metric <> 'ces' and ces is not null)",
                columns=["nps", "ces", "top_box_rate", "mean_score_normalised"],
            ),
            segments_add_up(
                table,
                ["period_grain", "period_start", "metric", "survey_id", "touchpoint"],
                counts,
            ),
        ],
    )
