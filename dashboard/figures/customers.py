"""Customers and their revenue from the start of a period to its end, why they left, and cohorts.

Belongs here: questions to the marts of retention, churn and cohorts beyond single figures. Does not belong here: rates
(`values`), what customers are worth (`lifetime_value`).
"""

from pathlib import Path

import pandas as pd

from dashboard.figures.choices import Selection
from dashboard.release import mart, query

CUSTOMER_STEPS = {
    "customers_at_start": 0,
    "new_customers": 1,
    "reactivated_customers": 1,
    "lost_customers": -1,
    "customers_at_end": 0,
}
REVENUE_STEPS = {
    "revenue_at_start": 0,
    "new_revenue": 1,
    "expansion_revenue": 1,
    "reactivation_revenue": 1,
    "contraction_revenue": -1,
    "churned_revenue": -1,
    "revenue_at_end": 0,
}


def movements(folder: Path, steps: dict[str, int], selection: Selection) -> pd.DataFrame:
    """The bridge of a period from start to end: step, amount (as in the mart), and the bar's sign, start and end.

    Each row says as well whether the period is_complete and is_final.
    `steps` names columns of retention_by_period or churn_by_period, each with 1 (adds), -1 (takes) or 0 (a level).
    """
    name = "retention_by_period" if "customers_at_end" in steps else "churn_by_period"
    found = query(
        folder,
        f"select {', '.join(steps)}, is_complete, is_final from {mart(folder, name)} where {_of_customer_period()}",
        _customer_period(selection),
    )
    rows, level = [], 0.0
    for step, sign in steps.items() if len(found) else ():
        amount = float(found[step].iloc[0])
        start, level = (0.0, amount) if sign == 0 else (level, level + sign * amount)
        rows.append({"step": step, "amount": amount, "sign": sign, "start": start, "end": level})
    frame = pd.DataFrame(rows, columns=["step", "amount", "sign", "start", "end"])
    return frame.assign(**{name: bool(found[name].any()) for name in ("is_complete", "is_final")})


def churn_reasons(folder: Path, selection: Selection) -> pd.DataFrame:
    """Lost customers of a period by reason: reason, count, share, denominator, is_complete, is_final."""
    return query(
        folder,
        "select close_reason as reason, lost_customers as count, share_of_lost_rate as share, "
        "all_lost_customers as denominator, is_complete, is_final "
        f"from {mart(folder, 'churn_reasons_by_period')} "
        f"where {_of_customer_period()} order by count desc, reason",
        _customer_period(selection),
    )


def cohorts(folder: Path, selection: Selection) -> pd.DataFrame:
    """Cohorts of the selection's grain and segment, the newest `periods_shown` up to the selection's period.

    Columns: cohort_start, cohort (its label), index, cohort_size, active, retention_rate, per_customer, is_open.
    """
    sql = f"""
        with calendar as (
            select period_start::date as cohort_start, period_label as cohort
            from {mart(folder, "dim_period")}
            where period_grain = $grain and period_start <= $period_start
            order by period_start desc limit {_limit(selection)}
        )
        select
            cohort_start, cohort, period_index as index, cohort_size, active_customers as active, retention_rate,
            cumulative_net_amount_per_customer as per_customer, is_open
        from (
            select * replace (cohort_start::date as cohort_start) from {mart(folder, "retention_by_cohort")}
            where cohort_grain = $grain and segment_type = $segment_type and segment_value = $segment_value
        ) inner join calendar using (cohort_start)
        where cohort_size > 0
        order by cohort_start, index
    """
    return query(
        folder,
        sql,
        {
            "grain": selection.grain,
            "period_start": selection.period_start,
            "segment_type": selection.segment_type,
            "segment_value": selection.segment_value,
        },
    )


def _of_customer_period() -> str:
    return (
        "period_grain = $grain and period_start = $period_start and activity_definition = $definition "
        "and segment_type = $segment_type and segment_value = $segment_value"
    )


def _customer_period(selection: Selection) -> dict[str, object]:
    return {
        "grain": selection.grain,
        "period_start": selection.period_start,
        "definition": selection.definition,
        "segment_type": selection.segment_type,
        "segment_value": selection.segment_value,
    }


def _limit(selection: Selection) -> str:
    return "all" if selection.periods_shown is None else str(int(selection.periods_shown))
