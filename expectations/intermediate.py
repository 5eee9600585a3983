"""What is expected of the intermediate tables: one suite a table.

Belongs here: the grain of each table, and that joining and adding up neither loses nor doubles anything. Does not
belong here: the figures of the marts and their identities (`marts`).
"""

from great_expectations.expectations.expectation import Expectation

from expectations.intermediate_orders import order_suites
from expectations.rules import Suite, filled, finds_nothing, holds, keyed_suite, not_empty, taken_in

# Not every movement has a reason, so that dbt's test of keys, which wants all columns filled, does not fit.
MOVEMENT_KIND = "activity_definition, period_grain, period_index, segment_profile_id, close_reason"


def suites() -> list[Suite]:
    """One suite for every intermediate table."""
    return [
        *_calendar(),
        *_customers(),
        *order_suites(),
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
        keyed_suite(
            "intermediate.int_calendar_days",
            ["period_grain", "calendar_date"],
            holds(
                "day_within_its_period",
                "Every day lies within its week, month, quarter or year: a period ends on the day before the next one "
                "begins.",
                broken_when="calendar_date < period_start or calendar_date >= period_end or period_index is null",
                columns=["period_start", "period_end", "period_index"],
            ),
            finds_nothing(
                "no_day_missing",
                "No day of the calendar is missing, in any grain.",
                query="""
                    select period_grain, calendar_date, next_calendar_date
                    from (
                        select
                            period_grain, calendar_date,
                            lead(calendar_date) over (partition by period_grain order by calendar_date)
                                as next_calendar_date
                        from intermediate.int_calendar_days
                    ) as days
                    where next_calendar_date <> calendar_date + interval 1 day
                """,
            ),
        ),
        keyed_suite(
            "intermediate.int_days", ["calendar_date"], not_empty("intermediate.int_days", "There is at least one day.")
        ),
        keyed_suite(
            "intermediate.int_periods",
            ["period_grain", "period_index"],
            not_empty("intermediate.int_periods", "There is at least one period."),
            finds_nothing(
                "periods_follow_each_other",
                "The periods of a grain follow each other without gap or overlap.",
                query="""
                    select period_grain, period_start, period_end, next_period_start
                    from (
                        select
                            period_grain, period_start, period_end,
                            lead(period_start) over (partition by period_grain order by period_index)
                                as next_period_start
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
        keyed_suite(
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
        keyed_suite(
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
        keyed_suite(
            "intermediate.int_segment_profiles",
            ["segment_profile_id", "segment_type"],
            finds_nothing(
                "profile_counts_in_all",
                "Every combination of segments counts in 'all' and once in each segment type, so that segments add up "
                "to 'all'.",
                query="""
                    select segment_profile_id, count(*) as segment_type_count
                    from intermediate.int_segment_profiles
                    group by segment_profile_id
                    having count(*) <> (select count(distinct segment_type) from intermediate.int_segment_profiles)
                        or count(*) filter (where segment_type = 'all' and segment_value = 'all') <> 1
                """,
            ),
        ),
        keyed_suite(
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
        keyed_suite(
            "intermediate.int_customer_purchases_aggregated",
            ["customer_id"],
            filled("cohort_segment_profile_id", "Every customer who bought has the segments of the first purchase."),
            holds(
                "somebody_bought",
                "A customer stands here for at least one purchase, on no more days than there are purchases.",
                broken_when="purchase_day_count < 1 or purchase_day_count > purchase_count "
                "or valued_purchase_count not between 0 and purchase_count "
                "or first_purchase_date is null or last_purchase_date is null "
                "or first_purchase_date > last_purchase_date",
                columns=["purchase_count", "purchase_day_count", "first_purchase_date", "last_purchase_date"],
            ),
        ),
        keyed_suite(
            "intermediate.int_customers_aggregated",
            ["customer_id"],
            finds_nothing(
                "purchases_agree",
                "The customers' purchases add up to the valid purchases among the orders.",
                query="""
                    with both_sides as (
                        select
                            (
                                select coalesce(sum(purchase_count), 0) from intermediate.int_customers_aggregated
                            ) as of_customers,
                            (select count(*) from intermediate.int_orders_valued where is_valid_purchase) as of_orders
                    )
                    select * from both_sides where of_customers <> of_orders
                """,
            ),
            holds(
                "counts_possible",
                "A customer has no more days of purchase than purchases, and first and last date exactly where there "
                "is one.",
                broken_when="purchase_day_count > purchase_count or (purchase_count > 0) <> (first_purchase_date is "
                "not null) "
                "or first_purchase_date > last_purchase_date or (purchase_day_count = 0) <> (purchase_count = 0)",
                columns=["purchase_count", "purchase_day_count", "first_purchase_date", "last_purchase_date"],
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
        *(
            Suite(
                table=f"intermediate.int_movements_by_{grain}",
                key=("activity_definition", "period_grain", "period_index", "segment_profile_id"),
                expectations=[
                    holds(
                        "somebody_behind_every_sum",
                        "Sums are corrected when customers change: nobody is counted a negative number of times.",
                        broken_when=" or ".join(["row_count <= 0", *(f"{count} < 0" for count in counts)]),
                        columns=["row_count", *counts],
                    ),
                ],
            )
            for grain in ("week", "month", "quarter", "year")
        ),
        Suite(
            table="intermediate.int_movements_aggregated",
            key=("activity_definition", "period_grain", "period_index", "segment_profile_id"),
            expectations=[
                finds_nothing(
                    "movements_of_a_kind_once",
                    "Movements of one kind are one row; a second row would be counted twice.",
                    query=f"""
                        select {MOVEMENT_KIND}, count(*) as row_count
                        from intermediate.int_movements_aggregated
                        group by {MOVEMENT_KIND}
                        having count(*) > 1
                    """,
                ),
                finds_nothing(
                    "nobody_is_new_twice",
                    "Over all periods no more customers become new than there are customers with a purchase or a "
                    "contract.",
                    query="""
                        select activity_definition, period_grain, sum(new_customers) as new_customers
                        from intermediate.int_movements_aggregated
                        group by activity_definition, period_grain
                        having sum(new_customers) > (select count(*) from intermediate.int_customers_aggregated)
                    """,
                ),
            ],
        ),
        keyed_suite(
            "intermediate.int_segment_movements_aggregated",
            ["activity_definition", "period_grain", "period_index", "segment_type", "segment_value"],
            not_empty("intermediate.int_segment_movements_aggregated", "There are movements of customers."),
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
        keyed_suite(
            "intermediate.int_exchange_rates_daily",
            ["currency", "valid_date"],
            holds(
                "rate_not_from_the_future",
                "A day's exchange rate is of that day or an earlier one, and more than 0.",
                broken_when="rate_date > valid_date or exchange_rate is null or exchange_rate <= 0",
                columns=["rate_date", "exchange_rate"],
            ),
        ),
        keyed_suite(
            "intermediate.int_clv_rates",
            ["segment_type", "segment_value"],
            holds(
                "rates_possible",
                "Churn lies between 0 and 1, purchases a year are not negative.",
                broken_when="churn_rate not between 0 and 1 or purchases_per_year < 0 or retention_rate < 0",
                columns=["purchases_per_year", "retention_rate", "churn_rate"],
            ),
        ),
        keyed_suite(
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
        keyed_suite(
            "intermediate.int_survey_sums_aggregated",
            ["period_grain", "period_index", "segment_profile_id", "metric", "survey_id", "touchpoint"],
            holds(
                "somebody_behind_every_sum",
                "Sums are corrected when answers change: no answer is counted a negative number of times.",
                broken_when="row_count <> invited_count + dropped_duplicate_count or row_count <= 0 "
                "or valid_answer_count not between 0 and invited_count "
                "or positive_answer_count not between 0 and valid_answer_count",
                columns=["row_count", "invited_count", "valid_answer_count", "positive_answer_count"],
            ),
            finds_nothing(
                "sums_agree_with_answers",
                "In every grain, the sums count each answer that counts once.",
                query="""
                    with answers as (
                        select
                            count(*) filter (where exclusion_reason is null) as invited_count,
                            count(*) filter (where exclusion_reason is null and is_answered) as valid_answer_count,
                            count(*) filter (where exclusion_reason = 'duplicate_answer') as dropped_duplicate_count
                        from intermediate.int_survey_answers_attributed
                        where event_date in (select calendar_date from intermediate.int_calendar_days)
                    ),
                    sums as (
                        select
                            period_grain, sum(invited_count) as invited_count,
                            sum(valid_answer_count) as valid_answer_count,
                            sum(dropped_duplicate_count) as dropped_duplicate_count
                        from intermediate.int_survey_sums_aggregated group by period_grain
                    )
                    select sums.*, answers.invited_count as invited, answers.valid_answer_count as valid
                    from sums cross join answers
                    where sums.invited_count <> answers.invited_count
                        or sums.valid_answer_count <> answers.valid_answer_count
                        or sums.dropped_duplicate_count <> answers.dropped_duplicate_count
                """,
            ),
        ),
    ]


def _follow_each_other(table: str, start: str, end: str, description: str, *, gaps_allowed: bool) -> Expectation:
    next_start = f"lead({start}) over (partition by customer_id order by {start})"
    broken = f"next_start < coalesce({end}, next_start + 1)" if gaps_allowed else f"next_start <> {end}"

    def overlaps(rows: str) -> str:
        return f"""
            select customer_id, {start}, {end}, next_start
            from (select customer_id, {start}, {end}, {next_start} as next_start from {rows}) as versions
            where {broken}
        """

    # A refresh replaces all rows of a customer together.
    return finds_nothing(
        "versions_do_not_overlap", description, query=overlaps(table), after_refresh=overlaps(taken_in(table))
    )
