"""What is expected of the intermediate tables: one suite a table.

Belongs here: the grain of each table, and that joining and adding up neither loses nor doubles anything. Does not
belong here: the figures of the marts and their identities (`marts`).
"""

from expectations.identities import GRAINS
from expectations.intermediate_customers import customer_suites
from expectations.intermediate_order_sums import order_sum_suites
from expectations.intermediate_orders import order_suites
from expectations.rules import Suite, finds_nothing, given_up, holds, keyed_suite, not_empty, taken_in

ANSWERS = "intermediate.int_survey_answers_attributed"

# What an answer is about. Stated here again: a gate that shared the model's macro would share its faults.
_CONTACT = """
    survey_id, metric, touchpoint, coalesce(customer_id, ''),
    case
        when ticket_id is not null and (touchpoint = 'post_service' or order_id is null) then 'ticket ' || ticket_id
        when order_id is not null then 'order ' || order_id
        when customer_id is not null then 'customer'
        else 'answer ' || response_id
    end"""


def suites() -> list[Suite]:
    """One suite for every intermediate table."""
    return [
        _as_of(),
        _calendar_days(),
        _days(),
        _periods(),
        *customer_suites(),
        *order_suites(),
        *order_sum_suites(),
        _exchange_rates_daily(),
        _clv_rates(),
        _survey_answers_attributed(),
        _survey_sums_aggregated(),
    ]


def _as_of() -> Suite:
    return Suite(
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
    )


def _calendar_days() -> Suite:
    return keyed_suite(
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
    )


def _days() -> Suite:
    return keyed_suite(
        "intermediate.int_days", ["calendar_date"], not_empty("intermediate.int_days", "There is at least one day.")
    )


def _periods() -> Suite:
    return keyed_suite(
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
    )


def _exchange_rates_daily() -> Suite:
    return keyed_suite(
        "intermediate.int_exchange_rates_daily",
        ["currency", "valid_date"],
        holds(
            "rate_not_from_the_future",
            "A day's exchange rate is of that day or an earlier one, and more than 0.",
            broken_when="rate_date > valid_date or exchange_rate is null or exchange_rate <= 0",
            columns=["rate_date", "exchange_rate"],
        ),
    )


def _clv_rates() -> Suite:
    return keyed_suite(
        "intermediate.int_clv_rates",
        ["segment_type", "segment_value"],
        holds(
            "rates_possible",
            "Churn lies between 0 and 1, purchases a year are not negative.",
            broken_when="churn_rate not between 0 and 1 or purchases_per_year < 0 or retention_rate < 0",
            columns=["purchases_per_year", "retention_rate", "churn_rate"],
        ),
    )


def _survey_answers_attributed() -> Suite:
    return keyed_suite(
        ANSWERS,
        ["response_id"],
        finds_nothing(
            "one_row_an_invitation",
            "Every invitation of staging is one row here: joining orders and tickets loses and doubles none.",
            query=f"""
                with both_sides as (
                    select
                        (select count(*) from staging.stg_surveys__responses) as staged_count,
                        (select count(*) from {ANSWERS}) as attributed_count
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
        finds_nothing(
            "one_answer_a_contact",
            "Of the answers of one respondent about one contact in one survey, one counts, and none is a duplicate of "
            "nothing.",
            query=_contacts_not_counted_once(ANSWERS),
            after_refresh=_contacts_not_counted_once(
                f"""(
                    select * from {ANSWERS}
                    where ({_CONTACT}) in (
                        select {_CONTACT} from {taken_in(ANSWERS)}
                        union all
                        select {_CONTACT} from {given_up(ANSWERS)}
                    )
                )"""
            ),
        ),
    )


def _contacts_not_counted_once(answers: str) -> str:
    """Answers of which several about one contact count, or none although one is called a duplicate of another."""
    return f"""
        select response_id, exclusion_reason, counted_count
        from (
            select
                *,
                sum(case when exclusion_reason is null then 1 else 0 end) over contact as counted_count,
                sum(case when exclusion_reason in ('duplicate_answer', 'duplicate_invitation') then 0 else 1 end)
                    over contact as first_count
            from {answers} as answers
            window contact as (partition by {_CONTACT})
        ) as counted
        where (counted_count > 1 and exclusion_reason is null) or first_count = 0
    """


def _survey_sums_aggregated() -> Suite:
    return keyed_suite(
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
            query=f"""
                with answers as (
                    select
                        count(*) filter (where exclusion_reason is null) as invited_count,
                        count(*) filter (where exclusion_reason is null and is_answered) as valid_answer_count,
                        count(*) filter (where exclusion_reason = 'duplicate_answer') as dropped_duplicate_count
                    from {ANSWERS}
                ),
                sums as (
                    select
                        period_grain, sum(invited_count) as invited_count,
                        sum(valid_answer_count) as valid_answer_count,
                        sum(dropped_duplicate_count) as dropped_duplicate_count
                    from intermediate.int_survey_sums_aggregated group by period_grain
                )
                select
                    period_grain, answers.invited_count, answers.valid_answer_count, answers.dropped_duplicate_count,
                    sums.invited_count as invited_in_sums, sums.valid_answer_count as valid_in_sums,
                    sums.dropped_duplicate_count as dropped_in_sums
                from ({GRAINS}) as grains
                cross join answers
                left join sums using (period_grain)
                where coalesce(sums.invited_count, 0) <> answers.invited_count
                    or coalesce(sums.valid_answer_count, 0) <> answers.valid_answer_count
                    or coalesce(sums.dropped_duplicate_count, 0) <> answers.dropped_duplicate_count
            """,
        ),
    )
