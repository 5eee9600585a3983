"""Count what is true of generated extracts, without reading them.

Belongs here: the counts of `truth.json`, taken from the facts that the generator drew. Does not belong here: anything
that parses a file or calls the pipeline: then the truth would share its mistakes.
"""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from benchmarks.bad_rows import BAD_ROWS

if TYPE_CHECKING:
    from benchmarks.generator import Plan

# Feed -> the facts behind its files.
FACTS = {
    "crm_customers": "crm_customers",
    "crm_tickets": "ticket_facts",
    "orders": "order_facts",
    "order_lines": "line_facts",
    "order_refunds": "refund_facts",
    "survey_responses": "survey_facts",
    "fx_rates": "rate_facts",
}


def count_truth(
    connection: duckdb.DuckDBPyConnection, plan: "Plan", files: dict[str, dict[int, str]]
) -> dict[str, object]:
    """The truth of the facts on the connection as nested counts; money in USD, each order rounded to cents."""
    return {
        "plan": {
            "orders": plan.orders,
            "seed": plan.seed,
            "first_day": str(plan.first_day),
            "last_day": str(plan.last_day),
            "delivery": plan.delivery,
        },
        "feeds": {feed: _feed_truth(connection, feed, len(files[feed])) for feed in FACTS},
        "customers": _customer_truth(connection),
        "orders": _order_truth(connection),
        "months": _month_truth(connection, plan),
        "surveys": _survey_truth(connection),
    }


def write_truth(path: Path, truth: dict[str, object]) -> None:
    """Write the truth as JSON, readable by people too."""
    path.write_text(json.dumps(truth, indent=2, default=str) + "\n", encoding="utf-8")


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, object]]:
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _feed_truth(connection: duckdb.DuckDBPyConnection, feed: str, file_count: int) -> dict[str, object]:
    """One feed: keys are distinct ones; a late row came in a later file than that of its day."""
    key = "customer_id" if feed == "crm_customers" else "number"
    counts = _rows(
        connection,
        f"""
        select
            count(distinct {key}) as keys,
            count(*) + count(second_file) as accepted,
            count(second_file) filter (not is_corrected) as repeated,
            count(second_file) filter (is_corrected) as corrected,
            count(*) filter (file_of(first_day) > file_of(event_day)) as late
        from {FACTS[feed]}
        """,
    )[0]
    bad_rows = BAD_ROWS.get(feed, ())
    return {
        "files": file_count,
        "rows": counts["accepted"] + len(bad_rows),
        "accepted": counts["accepted"],
        "quarantined": len(bad_rows),
        "quarantined_by_reason": dict(sorted(Counter(reason for row in bad_rows for reason in row.reasons).items())),
        "keys": counts["keys"],
        "repeated": counts["repeated"],
        "corrected": counts["corrected"],
        "late": counts["late"],
    }


def _customer_truth(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
    counts = _rows(
        connection,
        """
        select
            (select count(*) from customers) as records,
            (select count(*) from true_persons where is_merged) as merged_records,
            (select count(distinct person_number) from true_persons) as persons,
            (select count(distinct person_number) from true_orders where is_purchase) as buyers,
            (select count(*) from (
                select person_number from true_orders where is_purchase group by person_number having count(*) >= 2
            )) as repeat_buyers,
            (select count(closed_raw) from customers) as closures,
            (select count(reopened_raw) from customers) as reopenings
        """,
    )[0]
    reasons = _rows(
        connection,
        """
        select coalesce(close_reason, 'not_stated') as reason, count(*) as closures
        from customers where closed_raw is not null group by 1 order by 1
        """,
    )
    return {**counts, "closures_by_reason": {row["reason"]: row["closures"] for row in reasons}}


def _order_truth(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
    counts = _rows(
        connection,
        """
        select
            count(*) filter (is_valid) as valid,
            count(*) filter (is_purchase) as valid_purchases,
            count(*) filter (is_valid and customer_id is null) as anonymous,
            count(*) filter (is_valid and gross is null) as unknown_value,
            coalesce(sum(gross_usd) filter (is_valid), 0) as gross_amount,
            coalesce(sum(discount_usd) filter (is_valid and gross is not null), 0) as discount_amount,
            coalesce(sum(gross_usd - discount_usd) filter (is_valid), 0) as net_amount,
            coalesce(sum(refund_usd) filter (is_valid), 0) as refund_amount
        from true_orders
        """,
    )[0]
    exclusions = _rows(
        connection,
        "select exclusion, count(*) as orders from true_orders where not is_valid group by all order by all",
    )
    return {**counts, "excluded": {row["exclusion"]: row["orders"] for row in exclusions}}


def _month_truth(connection: duckdb.DuckDBPyConnection, plan: "Plan") -> list[dict[str, object]]:
    """Valid orders and first-time buyers by local month."""
    return _rows(
        connection,
        f"""
        with purchases as (
            select *, date_trunc('month', local_time(ordered_time))::date as month from true_orders where is_valid
        ),
        firsts as (
            select person_number, date_trunc('month', local_time(min(ordered_time)))::date as month
            from purchases
            where is_purchase
            group by person_number
        )
        select
            months.month,
            (select count(*) from purchases where purchases.month = months.month) as valid_orders,
            (select count(*) from firsts where firsts.month = months.month) as new_customers
        from (
            select unnest(generate_series(
                date '{plan.first_day.replace(day=1)}', date '{plan.last_day}', interval 1 month
            ))::date as month
        ) as months
        order by months.month
        """,
    )


def _survey_truth(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Each survey and scale: a second answer replaces the first; about an order that was no purchase none counts."""
    return _rows(
        connection,
        """
        with kept as (
            select
                survey_facts.*,
                answer = max(answer) over (partition by survey_id, coalesce(order_id, ticket_id)) as is_latest
            from survey_facts
            left join order_facts using (order_id)
            left join true_orders on true_orders.number = order_facts.number
            where coalesce(true_orders.exclusion, '') not in ('status_cancelled', 'status_unavailable', 'status_test')
        )
        select
            survey_id,
            scale,
            count(*) filter (answer = 1) as invited,
            count(score) filter (is_latest) as valid_answers,
            count(*) filter (not is_latest) as dropped_duplicates,
            count(*) filter (is_latest and case scale
                when '1-5' then score >= 4
                when '1-10' then score >= 9
                when '0-10' then score >= 9
                when '1-5 (1 = best)' then score <= 2
                when '1-7' then score >= 5
            end) as positive_answers
        from kept
        group by survey_id, scale
        order by survey_id, scale
        """,
    )
