"""What a model could get wrong, as changes to the tables of a finished run, and the rules that have to name it.

Belongs here: for every rule of staging and intermediate at least one change that breaks it. Does not belong here: the
marts (`broken_marts`), making the changes and running the rules (`test_gates_find`), the rules of the lake
(`tests/unit/expectations`).

Changes that stand together are independent: each breaks other rules, so that one run of the suite shows all of them.
"""

from dataclasses import dataclass

VERSIONS, CUSTOMERS = "staging.stg_crm__customer_versions", "staging.stg_crm__customers"
TICKETS, RESPONSES = "staging.stg_crm__tickets", "staging.stg_surveys__responses"
STAGED_ORDERS, LINES = "staging.stg_orders__orders", "staging.stg_orders__order_lines"
STAGED_REFUNDS, RATES = "staging.stg_orders__order_refunds", "staging.stg_reference__exchange_rates"
ORDERS, REFUNDS = "intermediate.int_orders_valued", "intermediate.int_refunds_valued"
SEGMENTS, SPELLS = "intermediate.int_customer_segments_versioned", "intermediate.int_contract_spells_merged"
MERGES, PROFILES = "intermediate.int_customer_merges_resolved", "intermediate.int_segment_profiles"
BUYERS, PEOPLE = "intermediate.int_customer_purchases_aggregated", "intermediate.int_customers_aggregated"
MOVEMENTS, STOCKS = "intermediate.int_movements_aggregated", "intermediate.int_segment_movements_aggregated"
CUSTOMER_PERIODS = "intermediate.int_customer_periods_aggregated"
SUMS, CLASSES = "intermediate.int_order_value_sums_aggregated", "intermediate.int_order_value_classes_aggregated"
ANSWERS, ANSWER_SUMS = "intermediate.int_survey_answers_attributed", "intermediate.int_survey_sums_aggregated"

FINAL_TOO_SOON = "update TABLE set is_final = true where not is_complete"


@dataclass(frozen=True)
class Broken:
    """Changes in SQL, in which TABLE stands for the table, and the rules of its suite that they break."""

    table: str
    rules: set[str]
    changes: tuple[str, ...]

    @property
    def statements(self) -> list[str]:
        """The changes with the name of the table in them."""
        return [change.replace("TABLE", self.table) for change in self.changes]


def broken(table: str, rules: str, *changes: str) -> Broken:
    """A case; `rules` are names with blanks between them."""
    return Broken(table, set(rules.split()), changes)


def unknown_status(column: str = "rate_status") -> str:
    """SQL that gives a word to a status which is none of its own."""
    return f"update TABLE set {column} = 'fine' where {column} = 'ok'"


def row(column: str, number: int, condition: str = "true") -> str:
    """SQL that finds one row of TABLE: the value of a key at this place in the order of its values."""
    return f"{column} = (select {column} from TABLE where {condition} order by {column} limit 1 offset {number})"


def purchase(number: int) -> str:
    """SQL that finds one purchase in the reporting currency."""
    return row("order_id", number, "is_valid_purchase and exchange_rate = 1 and net_amount > 0")


STAGING = [
    broken(
        VERSIONS,
        "acquisition_cost_not_negative closed_after_created version_ends_after_start versions_follow_each_other "
        "nothing_lost_or_doubled",
        "update TABLE set acquisition_cost = -1 where version_number = 1",
        "update TABLE set closed_at = created_at - interval 1 day where is_current",
        "update TABLE set is_current = not is_current where version_number = 1",
        "update TABLE set valid_to_at = valid_to_at + interval 1 hour where valid_to_at is not null",
        f"delete from TABLE where {row('customer_id', 0)}",
    ),
    broken(
        CUSTOMERS,
        "created_at_filled not_merged_into_itself survivor_known nothing_lost_or_added",
        f"update TABLE set created_at = null where {row('customer_id', 0)}",
        f"update TABLE set canonical_customer_id = customer_id where {row('customer_id', 1)}",
        f"update TABLE set canonical_customer_id = 'nobody' where {row('customer_id', 2)}",
        f"delete from TABLE where {row('customer_id', 3)}",
    ),
    broken(
        TICKETS,
        "opened_at_possible closed_after_opened customer_id_found nothing_lost_or_added",
        f"update TABLE set opened_at = null where {row('ticket_id', 0)}",
        f"update TABLE set closed_at = opened_at - interval 1 day where {row('ticket_id', 1)}",
        f"update TABLE set customer_id = 'nobody' where {row('ticket_id', 2)}",
        f"delete from TABLE where {row('ticket_id', 3)}",
    ),
    broken(STAGED_ORDERS, "table_not_empty nothing_lost_or_added", "delete from TABLE"),
    broken(
        STAGED_ORDERS,
        "ordered_at_possible status_filled status_normalised discount_amount_not_negative order_amount_not_negative "
        "customer_id_found",
        f"update TABLE set ordered_at = timestamp '1800-01-01' where {row('order_id', 0)}",
        f"update TABLE set status = null where {row('order_id', 1)}",
        f"update TABLE set status = ' Paid' where {row('order_id', 2)}",
        f"update TABLE set discount_amount = -1 where {row('order_id', 3)}",
        f"update TABLE set order_amount = -1 where {row('order_id', 4)}",
        f"update TABLE set customer_id = 'nobody' where {row('order_id', 5)}",
    ),
    broken(
        LINES,
        "unit_price_filled quantity_in_range quantity_plausible discount_amount_not_negative discount_within_price "
        "order_id_found nothing_lost_or_added",
        f"update TABLE set unit_price = null where {row('order_id', 0)}",
        f"update TABLE set quantity = -1 where {row('order_id', 100)}",
        f"update TABLE set quantity = 100001 where {row('order_id', 200)}",
        f"update TABLE set discount_amount = -1 where {row('order_id', 300)}",
        f"update TABLE set discount_amount = quantity * unit_price + 1 where {row('order_id', 400)}",
        f"update TABLE set order_id = 'nothing' where {row('order_id', 500)}",
        f"delete from TABLE where {row('order_id', 600)}",
    ),
    broken(
        STAGED_REFUNDS,
        "refunded_at_possible refund_amount_filled refund_amount_not_negative order_id_found nothing_lost_or_added",
        f"update TABLE set refunded_at = current_timestamp + interval 2 day where {row('refund_id', 0)}",
        f"update TABLE set refund_amount = null where {row('refund_id', 1)}",
        f"update TABLE set refund_amount = -1 where {row('refund_id', 2)}",
        f"update TABLE set order_id = 'nothing' where {row('refund_id', 3)}",
        f"delete from TABLE where {row('refund_id', 4)}",
    ),
    broken(
        RESPONSES,
        "metric_known touchpoint_known score_on_its_scale answered_after_sent nothing_lost_or_added",
        f"update TABLE set metric = 'mood' where {row('response_id', 0, 'score is null')}",
        f"update TABLE set touchpoint = 'always' where {row('response_id', 1)}",
        f"update TABLE set score = 99 where {row('response_id', 0, 'score is not null')}",
        "update TABLE set answered_at = sent_at - interval 1 day where "
        + row("response_id", 1, "sent_at is not null and answered_at is not null"),
        f"delete from TABLE where {row('response_id', 2, 'score is null')}",
    ),
    broken(
        RATES,
        "rate_positive rate_like_the_day_before nothing_lost_or_added",
        f"update TABLE set exchange_rate = null where {row('rate_date', 10)}",
        f"update TABLE set exchange_rate = 10 * exchange_rate where {row('rate_date', 1000)}",
        f"delete from TABLE where {row('rate_date', 2000)}",
    ),
]

INTERMEDIATE = [
    broken(
        "intermediate.int_as_of",
        "one_row as_of_after_first_order",
        "update TABLE set first_order_date = null",
        "insert into TABLE from TABLE",
    ),
    broken(
        "intermediate.int_calendar_days",
        "day_within_its_period no_day_missing",
        "update TABLE set period_index = null where calendar_date = (select min(calendar_date) from TABLE)",
        "delete from TABLE where calendar_date = (select min(calendar_date) + 10 from TABLE)",
    ),
    # A view of them.
    broken("intermediate.int_days", "table_not_empty", "delete from intermediate.int_calendar_days"),
    broken("intermediate.int_periods", "table_not_empty", "delete from TABLE"),
    broken(
        "intermediate.int_periods",
        "periods_follow_each_other final_only_when_complete",
        FINAL_TOO_SOON,
        "delete from TABLE where period_grain = 'month' and period_index = "
        "(select max(period_index) - 1 from TABLE where period_grain = 'month')",
    ),
    broken(
        MERGES,
        "surviving_customer_id_filled no_circular_merge survivor_survives",
        f"update TABLE set surviving_customer_id = null where {row('customer_id', 0)}",
        f"update TABLE set is_circular = true where {row('customer_id', 1)}",
        "update TABLE set surviving_customer_id = (select max(customer_id) from TABLE where not is_circular) "
        f"where {row('customer_id', 2)}",
    ),
    broken(
        SEGMENTS,
        "versions_do_not_overlap segment_profile_id_filled",
        "update TABLE set valid_to_date = date '2026-02-01' where is_current",
        f"update TABLE set segment_profile_id = null where {row('customer_id', 0)}",
    ),
    broken(
        SEGMENTS,
        "versions_do_not_overlap",
        "update TABLE set valid_from_date = date '2020-01-01' where valid_from_date = date '0001-01-01'",
    ),
    broken(
        PROFILES,
        "profile_counts_in_all",
        f"delete from TABLE where segment_type = 'country' and {row('segment_profile_id', 0)}",
    ),
    broken(
        SPELLS,
        "spell_ends_after_start ended_spell_has_reason versions_do_not_overlap",
        "update TABLE set active_to_date = active_from_date - 1 where "
        + row("customer_id", 0, "active_to_date is not null"),
        f"update TABLE set close_reason = null where {row('customer_id', 1, 'active_to_date is not null')}",
        "insert into TABLE select * replace (active_from_date + 1 as active_from_date) from TABLE "
        "where active_to_date is null",
    ),
    broken(
        BUYERS,
        "cohort_segment_profile_id_filled somebody_bought",
        f"update TABLE set cohort_segment_profile_id = null where {row('customer_id', 0)}",
        f"update TABLE set purchase_day_count = 0 where {row('customer_id', 1)}",
    ),
    broken(
        PEOPLE,
        "purchases_agree counts_possible",
        f"delete from TABLE where {row('customer_id', 0, 'purchase_count > 0')}",
        f"update TABLE set first_purchase_date = null where {row('customer_id', 1, 'purchase_count > 0')}",
    ),
    *(
        broken(
            f"intermediate.int_movements_by_{grain}",
            "somebody_behind_every_sum",
            f"update TABLE set {column} = -1 where period_index = (select max(period_index) from TABLE)",
        )
        for grain, column in (
            ("week", "new_customers"),
            ("month", "reactivated_customers"),
            ("quarter", "lost_customers"),
            ("year", "row_count"),
        )
    ),
    broken(
        MOVEMENTS,
        "movements_of_a_kind_once nobody_is_new_twice",
        "insert into intermediate.int_movements_by_month from intermediate.int_movements_by_month",
        "update intermediate.int_movements_by_year set new_customers = 1000000 where period_index = "
        "(select max(period_index) from intermediate.int_movements_by_year)",
    ),
    broken(STOCKS, "table_not_empty", "delete from TABLE"),
    broken(STOCKS, "stocks_not_negative", "update TABLE set customers_at_end = -1 where segment_type = 'country'"),
    broken(ORDERS, "table_not_empty one_row_an_order", "delete from TABLE"),
    broken(
        ORDERS,
        "no_purchase_without_customer exclusion_has_reason converted_with_a_rate exchange_rate_found one_row_an_order",
        f"update TABLE set customer_id = null where {purchase(0)}",
        f"update TABLE set exclusion_reason = 'zero_value' where {purchase(1)}",
        f"update TABLE set exchange_rate = null where {purchase(2)}",
        f"update TABLE set exclusion_reason = 'missing_exchange_rate' where {purchase(3)}",
        f"delete from TABLE where {purchase(4)}",
    ),
    broken(
        ORDERS,
        "net_amount_agrees",
        "update TABLE set refund_amount = null, net_amount_after_refunds = null where exclusion_reason is null",
    ),
    broken(
        ORDERS,
        "value_agrees_with_staging refunds_agree_with_staging sequence_contiguous",
        "update TABLE set gross_amount = 0.01 where order_id = (select min(order_id) from TABLE where "
        "exchange_rate = 1 and is_valid_order and gross_amount > 1 "
        f"and order_id in (select order_id from {LINES} group by order_id having count(*) = 1))",
        # A join that lost every refund.
        "update TABLE set refund_amount = 0, net_amount_after_refunds = net_amount where refund_amount > 0",
        f"update TABLE set order_seq = order_seq + 1 where {purchase(5)}",
    ),
    broken(
        ORDERS,
        "value_agrees_with_staging refunds_agree_with_staging refund_within_value",
        "update TABLE set gross_amount = null where order_id = "
        "(select min(order_id) from TABLE where exchange_rate = 1 and is_valid_order)",
        # A join that counted a refund many times.
        "update TABLE set refund_amount = 100 * refund_amount where refund_amount > 0",
    ),
    broken(
        ORDERS,
        "conversion_fits value_of_lines_fits customer_known",
        f"update TABLE set shipping_amount = null where {row('order_id', 0, 'exchange_rate <> 1 and is_valid_order')}",
        "update TABLE set net_amount_in_order_currency = null where "
        + row("order_id", 0, f"exchange_rate = 1 and order_id in (select order_id from {LINES})"),
        f"update TABLE set exclusion_reason = 'anonymous' where {purchase(6)}",
    ),
    broken(
        ORDERS,
        "refunds_agree_with_staging",
        "update TABLE set refund_amount = 0, net_amount_after_refunds = net_amount "
        "where exchange_rate <> 1 and refund_amount > 2",
    ),
    broken(
        REFUNDS,
        "refunds_agree_with_orders",
        "update TABLE set refund_amount = 0 where refund_amount > 3 "
        f"and order_id in (select order_id from {ORDERS} where exchange_rate <> 1)",
    ),
    broken(
        REFUNDS,
        "refund_not_negative refunds_agree_with_orders",
        "update TABLE set refund_amount = -1 where "
        + row("refund_id", 0, f"order_id in (select order_id from {ORDERS} where exchange_rate = 1)"),
    ),
    broken(REFUNDS, "refunds_agree_with_orders", "delete from TABLE"),
    broken(
        REFUNDS,
        "refunds_agree_with_orders",
        f"insert into TABLE select 'of none', order_id, customer_id, 1, ordered_date from {ORDERS} "
        f"where order_id = (select min(order_id) from {ORDERS} where not is_valid_order)",
    ),
    broken(
        "intermediate.int_purchase_days_aggregated",
        "customer_id_filled sums_agree_with_orders",
        f"update TABLE set customer_id = null where {row('customer_id', 0)}",
        f"update TABLE set net_amount = net_amount + 1 where {row('customer_id', 1)}",
    ),
    broken(
        CUSTOMER_PERIODS,
        "sums_agree_with_days one_first_period",
        "delete from TABLE where period_grain = 'month'",
    ),
    broken(
        SUMS,
        "sums_agree_with_orders_and_refunds",
        "delete from TABLE where period_grain = 'month'",
    ),
    broken(
        SUMS,
        "sums_agree_with_orders_and_refunds somebody_behind_every_sum",
        "update TABLE set refund_amount_by_refund_date = 0",
        "update TABLE set row_count = 0 where period_grain = 'year'",
    ),
    broken(CLASSES, "classes_agree_with_orders", "delete from TABLE where period_grain = 'month'"),
    broken(CLASSES, "something_in_every_class", "update TABLE set row_count = 0 where measure = 'days_between'"),
    broken(
        "intermediate.int_order_medians_aggregated",
        "median_value_filled",
        "update TABLE set median_value = null where period_grain = 'year'",
    ),
    broken(
        "intermediate.int_cohort_cells_aggregated",
        "cells_agree_with_periods",
        "delete from TABLE where cohort_grain = 'month'",
    ),
    broken(
        "intermediate.int_order_values_aggregated", "orders_agree", "delete from TABLE where period_grain = 'month'"
    ),
    broken(
        "intermediate.int_exchange_rates_daily",
        "rate_not_from_the_future",
        f"update TABLE set rate_date = valid_date + 1 where {row('valid_date', 0)}",
    ),
    broken("intermediate.int_clv_rates", "rates_possible", "update TABLE set churn_rate = 2"),
    broken(
        ANSWERS,
        "one_row_an_invitation answer_counts_only_when_given",
        f"delete from TABLE where {row('response_id', 0)}",
        f"update TABLE set normalised_score = 101 where {row('response_id', 1)}",
    ),
    broken(
        ANSWERS,
        "one_answer_a_contact",
        "update TABLE set exclusion_reason = null where exclusion_reason = 'duplicate_answer'",
    ),
    broken(
        ANSWERS,
        "one_answer_a_contact",
        "update TABLE set exclusion_reason = 'duplicate_invitation' where exclusion_reason is null",
    ),
    broken(ANSWER_SUMS, "sums_agree_with_answers", "delete from TABLE"),
    broken(
        ANSWER_SUMS, "somebody_behind_every_sum", "update TABLE set row_count = row_count + 1 where metric = 'csat'"
    ),
]
