"""What today's customers are worth, by each method.

Belongs here: questions to customer_lifetime_value, the one large mart: each scans it, so only its own page
asks them. Does not belong here: value to date over periods (`values`).
"""

from pathlib import Path

import pandas as pd

from dagster_project.sql_text import quote_name
from dashboard.figures.choices import EVERYBODY
from dashboard.release import columns_of, mart, query

METHODS = ("historic", "retention_form", "lifespan_form", "profit_form")
DISTRIBUTION_BARS = 30


def has_segment_type(folder: Path, segment_type: str) -> bool:
    """Whether customers can be cut by a segment type; the questions below may be asked only if so.

    The marts of periods are cut by whatever `segment_types` names. dim_customer has the same four columns always, so
    today's city or status of a customer is in no mart.
    """
    return segment_type == EVERYBODY or segment_type in columns_of(folder, "dim_customer")


def by_method(folder: Path, segment_type: str, segment_value: str) -> pd.DataFrame:
    """Each method over today's customers of a segment: method, count, total, mean, p10, median, p90.

    Only customers with a figure; quantiles are approximate (t-digest), so that millions of customers take no time.
    """
    return query(
        folder,
        f"""
        select
            clv_method as method, count(*) as count, sum(clv_amount) as total,
            sum(clv_amount) / count(*) as mean, approx_quantile(clv_amount, 0.1) as p10,
            approx_quantile(clv_amount, 0.5) as median, approx_quantile(clv_amount, 0.9) as p90
        from {_customers(folder, segment_type)} where clv_status = 'ok' {_of_segment(segment_type)}
        group by clv_method order by list_position({list(METHODS)}, clv_method)
        """,
        _segment(segment_type, segment_value),
    )


def distribution(folder: Path, method: str, segment_type: str, segment_value: str) -> pd.DataFrame:
    """How many customers have how much by one method: from, to, count; the outermost bars hold all beyond."""
    customers = _customers(folder, segment_type)
    condition = f"clv_status = 'ok' and clv_method = $method {_of_segment(segment_type)}"
    return query(
        folder,
        f"""
        with edges as (
            select
                approx_quantile(clv_amount, 0.01)::double as low,
                greatest(approx_quantile(clv_amount, 0.98), approx_quantile(clv_amount, 0.01) + 1)::double as high
            from {customers} where {condition}
        ),
        counted as (
            select
                least(greatest(floor((clv_amount - low) / (high - low) * {DISTRIBUTION_BARS}), 0),
                    {DISTRIBUTION_BARS - 1})::integer as bar,
                count(*) as count
            from {customers}, edges where {condition} group by bar
        )
        select
            low + bar * (high - low) / {DISTRIBUTION_BARS} as "from",
            low + (bar + 1) * (high - low) / {DISTRIBUTION_BARS} as "to", count
        from counted, edges order by bar
        """,
        {"method": method, **_segment(segment_type, segment_value)},
    )


def gaps(folder: Path, segment_type: str, segment_value: str) -> pd.DataFrame:
    """Why customers have no figure: method, status, count, share of all customers of the segment."""
    return query(
        folder,
        f"""
        select method, status, count, share from (
            select
                clv_method as method, clv_status as status, count(*) as count,
                count(*) / sum(count(*)) over (partition by clv_method) as share
            from {_customers(folder, segment_type)} where true {_of_segment(segment_type)}
            group by clv_method, clv_status
        )
        where status != 'ok' order by list_position({list(METHODS)}, method), count desc, status
        """,
        _segment(segment_type, segment_value),
    )


def _customers(folder: Path, segment_type: str) -> str:
    values = mart(folder, "customer_lifetime_value")
    if segment_type == EVERYBODY:
        return values
    return f"""(
        select clv.*, segments.segment_now from {values} as clv inner join (
            select customer_id, coalesce({quote_name(segment_type)}, 'unknown') as segment_now
            from {mart(folder, "dim_customer")}
        ) as segments using (customer_id)
    )"""


def _of_segment(segment_type: str) -> str:
    return "" if segment_type == EVERYBODY else "and segment_now = $segment_value"


def _segment(segment_type: str, segment_value: str) -> dict[str, object]:
    return {} if segment_type == EVERYBODY else {"segment_value": segment_value}
