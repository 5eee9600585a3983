"""What a model could get wrong in the marts, as changes to those of a finished run, and the rules that have to name it.

Belongs here: for every rule of the marts at least one change that breaks it. Does not belong here: the other tables and
how a case is written (`broken_tables`).

Rows that are missing and figures that are NULL are the hard cases: a comparison with nothing finds nothing.
"""

from tests.integration.broken_tables import FINAL_TOO_SOON, broken, row, unknown_status

RETENTION, CHURN = "marts.retention_by_period", "marts.churn_by_period"
REASONS, COHORTS = "marts.churn_reasons_by_period", "marts.retention_by_cohort"
LIFETIME, VALUES, CSAT = "marts.customer_lifetime_value", "marts.order_value_by_period", "marts.csat_by_period"

MARTS = [
    broken(
        "marts.dim_customer",
        "not_much_smaller_than_released customer_id_filled purchase_dates_agree",
        f"update TABLE set last_purchase_date = null where {row('customer_id', 0, 'purchase_count > 0')}",
        f"update TABLE set customer_id = null where {row('customer_id', 1)}",
        "delete from TABLE where customer_id in (select customer_id from TABLE order by customer_id desc limit 1000)",
    ),
    broken("marts.dim_period", "table_not_empty not_much_smaller_than_released", "delete from TABLE"),
    broken(
        "marts.dim_period",
        "period_grain_known newest_period_holds_as_of_date all_grains_there final_only_when_complete",
        "update TABLE set as_of_date = date '2040-01-01' where period_grain = 'month'",
        FINAL_TOO_SOON,
        "update TABLE set period_grain = 'decade' where period_grain = 'year' and is_complete",
    ),
    # Retention and churn
    broken(RETENTION, "table_not_empty not_much_smaller_than_released", "delete from TABLE"),
    broken(RETENTION, "segments_add_up", "delete from TABLE where segment_type = 'country' and period_grain = 'month'"),
    broken(
        RETENTION,
        "every_period_there buyers_agree",
        "delete from TABLE where (period_grain, period_start) in "
        "(select (period_grain, max(period_start)) from marts.dim_period group by period_grain)",
    ),
    broken(RETENTION, "every_period_there buyers_agree", "delete from TABLE where period_grain = 'quarter'"),
    broken(
        RETENTION,
        "figures_there interval_holds_rate rate_status_known final_only_when_complete",
        "update TABLE set customers_at_end = null, new_customers = null",
        "update TABLE set retention_rate_excl_reactivated_upper = null",
        unknown_status(),
        FINAL_TOO_SOON,
    ),
    broken(
        RETENTION,
        "counts_not_negative retention_rate_is_textbook strict_retention_rate_agrees no_rate_without_base",
        "update TABLE set new_and_lost_customers = -1 where period_grain = 'year'",
        "update TABLE set retention_rate = retention_rate + 0.1 where period_grain = 'month'",
        "update TABLE set retention_rate_excl_reactivated = retention_rate_excl_reactivated / 2 "
        "where period_grain = 'month'",
        "update TABLE set rate_status = 'ok' where rate_status = 'no_base'",
    ),
    broken(
        RETENTION,
        "end_adds_up start_adds_up end_is_next_start active_customers_agree",
        "update TABLE set customers_at_end = customers_at_end + 1 where segment_type = 'all'",
        "update TABLE set lost_customers = lost_customers + 1 where segment_type = 'country'",
    ),
    broken(CHURN, "table_not_empty not_much_smaller_than_released agrees_with_retention", "delete from TABLE"),
    broken(
        CHURN,
        "revenue_churn_rates_agree revenue_bridge_closes churn_rate_agrees rate_status_known final_only_when_complete",
        "update TABLE set net_revenue_churn_rate = null",
        "update TABLE set revenue_at_end = revenue_at_end + 1 where period_grain = 'month'",
        "update TABLE set churn_rate = churn_rate / 2 where period_grain = 'month'",
        unknown_status(),
        FINAL_TOO_SOON,
    ),
    broken(
        CHURN,
        "revenue_retention_rates_agree figures_there interval_holds_rate agrees_with_retention",
        "update TABLE set net_revenue_retention_rate = null",
        "update TABLE set contraction_revenue = null where period_grain = 'year'",
        "update TABLE set churn_rate_upper = 0 where churn_rate > 0",
        "update TABLE set customers_at_start = customers_at_start + 1 where segment_type = 'all'",
    ),
    broken(
        CHURN,
        "new_customer_churn_rate_agrees",
        "update TABLE set new_customer_churn_rate = new_customer_churn_rate / 2",
    ),
    broken(
        CHURN,
        "new_customer_churn_rate_agrees revenue_churn_rates_agree",
        "update TABLE set new_customer_churn_rate_status = 'ok' where new_customers_at_start = 0",
        "update TABLE set revenue_rate_status = 'small_base' where revenue_at_start = 0",
    ),
    broken(CHURN, "figures_there", "update TABLE set revenue_rate_status = null"),
    broken(
        CHURN,
        "new_customer_churn_rate_status_known revenue_rate_status_known",
        unknown_status("new_customer_churn_rate_status"),
        unknown_status("revenue_rate_status"),
    ),
    broken(
        CHURN,
        "segments_add_up",
        "update TABLE set lost_new_customers = 0, new_customer_churn_rate = 0 "
        "where segment_type = 'country' and new_customers_at_start > 0",
    ),
    # Nobody lost has a reason: what is not there cannot be counted from the reasons on.
    broken(REASONS, "reasons_add_up not_much_smaller_than_released", "delete from TABLE"),
    broken(REASONS, "reasons_add_up", "delete from TABLE where activity_definition = 'contract'"),
    broken(
        REASONS,
        "reasons_add_up close_reason_filled",
        "update TABLE set segment_value = 'of nobody' where segment_type = 'country'",
        "update TABLE set close_reason = null where close_reason = 'price' or period_grain = 'year'",
    ),
    # Cohorts
    broken(COHORTS, "table_not_empty not_much_smaller_than_released cohorts_add_up_to_buyers", "delete from TABLE"),
    broken(
        COHORTS,
        "no_period_missing",
        "delete from TABLE where period_index > 0 and cohort_grain = 'month' "
        "and cohort_start = (select min(cohort_start) from TABLE where cohort_grain = 'month')",
    ),
    broken(COHORTS, "cohorts_add_up_to_buyers", "delete from TABLE where cohort_grain = 'week'"),
    broken(
        COHORTS,
        "rates_agree figures_there first_cell_is_cohort",
        "update TABLE set retention_rate = null",
        "update TABLE set cumulative_net_amount = null",
        "update TABLE set active_customers = active_customers - 1 where period_index = 0 and active_customers > 0",
    ),
    broken(
        COHORTS,
        "active_within_cohort segments_add_up",
        "update TABLE set active_or_later_customers = active_customers - 1 where segment_type = 'country'",
        "update TABLE set order_count = order_count + 1 where segment_type = 'all'",
    ),
    broken(
        COHORTS,
        "previous_period_rate_agrees",
        "update TABLE set previous_period_rate = previous_period_rate / 2",
    ),
    broken(COHORTS, "previous_period_rate_agrees", "update TABLE set previous_period_rate_status = 'ok'"),
    broken(
        COHORTS,
        "previous_period_rate_status_known",
        unknown_status("previous_period_rate_status"),
    ),
    broken(
        COHORTS,
        "no_period_missing",
        "update TABLE set previous_active_customers = previous_active_customers + 1, "
        "previous_period_rate = active_customers / (previous_active_customers + 1) where previous_active_customers > 0",
    ),
    # Lifetime value
    broken(LIFETIME, "table_not_empty not_much_smaller_than_released every_customer_there", "delete from TABLE"),
    broken(LIFETIME, "every_customer_there", "delete from TABLE where clv_method = 'profit_form'"),
    broken(
        LIFETIME,
        "figures_there clv_method_known amount_only_when_ok history_possible inputs_possible margin_plausible",
        f"update TABLE set purchase_count = null where {row('customer_id', 0)}",
        f"update TABLE set clv_method = 'guess' where {row('customer_id', 1)} and clv_method = 'historic'",
        "update TABLE set clv_amount = null where clv_status = 'ok' and clv_method = 'historic'",
        f"update TABLE set recency_days = age_days + 1 where {row('customer_id', 2, 'age_days is not null')}",
        f"update TABLE set lifespan_years = -1 where {row('customer_id', 3)}",
        f"update TABLE set gross_margin_rate = 2 where {row('customer_id', 4)}",
    ),
    broken(LIFETIME, "margin_agrees", "update TABLE set costed_net_amount = 2 * costed_net_amount"),
    broken(LIFETIME, "figures_there", "update TABLE set costed_net_amount = null"),
    # Order values
    broken(VALUES, "table_not_empty not_much_smaller_than_released", "delete from TABLE"),
    broken(VALUES, "every_period_there orders_agree", "delete from TABLE where period_grain = 'week'"),
    broken(
        VALUES,
        "averages_agree frequency_agrees",
        "update TABLE set rate_status = 'ok'",
        "update TABLE set buyer_rate_status = 'no_base'",
    ),
    broken(
        VALUES,
        "buyer_rate_status_known",
        unknown_status("buyer_rate_status"),
    ),
    broken(
        VALUES,
        "averages_agree frequency_agrees segments_add_up rate_status_known final_only_when_complete net_amount_agrees",
        "update TABLE set aov_gross = null, aov_net_after_refunds = null",
        "update TABLE set purchase_frequency = 99 where buyer_count > 0",
        "update TABLE set shipping_amount = 99 where segment_type <> 'all'",
        unknown_status(),
        FINAL_TOO_SOON,
        "update TABLE set discount_amount = discount_amount + 1 where period_grain = 'year'",
    ),
    broken(
        VALUES,
        "frequency_agrees figures_there counts_possible",
        "update TABLE set repeat_purchase_rate = null",
        "update TABLE set tax_amount = null where period_grain = 'year'",
        "update TABLE set repeat_buyer_count = buyer_count + 1 where period_grain = 'week'",
    ),
    # Satisfaction
    broken(CSAT, "not_much_smaller_than_released", "delete from TABLE"),
    broken(
        CSAT,
        "rates_agree scores_possible figures_there rate_status_known final_only_when_complete",
        "update TABLE set response_rate = null",
        "update TABLE set nps = null",
        "update TABLE set top_box_answer_count = null where metric = 'csat'",
        unknown_status(),
        FINAL_TOO_SOON,
    ),
    broken(
        CSAT,
        "rates_agree counts_possible interval_holds_rate segments_add_up",
        "update TABLE set csat = null where period_grain = 'year'",
        "update TABLE set dropped_duplicate_count = -1 where period_grain = 'year'",
        "update TABLE set csat_lower = csat_lower - 2 where period_grain = 'month'",
        "delete from TABLE where segment_type = 'country' and period_grain = 'quarter'",
    ),
    broken(CSAT, "rates_agree", "update TABLE set csat = null, csat_lower = null, csat_upper = null"),
    broken(CSAT, "scores_possible", "update TABLE set ces = ces / 2"),
    broken(CSAT, "interval_holds_rate", "update TABLE set ces_upper = null"),
]
