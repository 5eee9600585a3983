"""What is expected of the intermediate tables about customers; part of the suites of `expectations.intermediate`.

Belongs here: who a customer is, contracts, movements from period to period. Does not belong here: what customers buy
(`intermediate_orders`), surveys (`intermediate`).
"""

from great_expectations.expectations.expectation import Expectation

from expectations.rules import Suite, filled, finds_nothing, holds, keyed_suite, not_empty, with_those_taken_in

# What stands for "since ever" and "until further notice" in tables of versions.
BEGIN_OF_TIME, END_OF_TIME = "date '0001-01-01'", "date '9999-12-31'"

# Not every movement has a reason, so that dbt's test of keys, which wants all columns filled, does not fit.
MOVEMENT_KIND = "activity_definition, period_grain, period_index, segment_profile_id, close_reason"


def customer_suites() -> list[Suite]:
    """One suite for every intermediate table about customers and their movements."""
    return [
        _customer_merges_resolved(),
        _customer_segments_versioned(),
        _segment_profiles(),
        _contract_spells_merged(),
        _customer_purchases_aggregated(),
        _customers_aggregated(),
        *_movements(),
    ]


def _customer_merges_resolved() -> Suite:
    return keyed_suite(
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
    )


def _customer_segments_versioned() -> Suite:
    return keyed_suite(
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
    )


def _segment_profiles() -> Suite:
    return keyed_suite(
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
    )


def _contract_spells_merged() -> Suite:
    return keyed_suite(
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
    )


def _customer_purchases_aggregated() -> Suite:
    return keyed_suite(
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
    )


def _customers_aggregated() -> Suite:
    return keyed_suite(
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
    )


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


def _follow_each_other(table: str, start: str, end: str, description: str, *, gaps_allowed: bool) -> Expectation:
    of_customer = "over (partition by customer_id"
    broken = (
        f"next_start < coalesce({end}, next_start + 1)"
        if gaps_allowed
        else f"next_start is distinct from nullif({end}, {END_OF_TIME}) or first_start <> {BEGIN_OF_TIME}"
    )

    def overlaps(rows: str) -> str:
        return f"""
            select customer_id, {start}, {end}, next_start
            from (
                select
                    customer_id, {start}, {end}, lead({start}) {of_customer} order by {start}) as next_start,
                    min({start}) {of_customer}) as first_start
                from {rows} as spans
            ) as versions
            where {broken}
        """

    concerned = with_those_taken_in(table, "customer_id")
    return finds_nothing(
        "versions_do_not_overlap", description, query=overlaps(table), after_refresh=overlaps(concerned)
    )
