"""Orders and what they brought in.

Belongs here: counts and amounts of order_value_by_period. Does not belong here: order value and other rates (`values`).
"""

from pathlib import Path

import pandas as pd

from dashboard.figures.choices import Selection
from dashboard.release import mart, query


def by_period(folder: Path, selection: Selection) -> pd.DataFrame:
    """Orders in every period of the grain, oldest first: counts and amounts of order_value_by_period."""
    return query(
        folder,
        f"""
        select
            period_start::date as period_start, period_label, order_count as orders,
            valued_order_count as valued_orders, buyer_count as buyers, net_amount,
            refund_amount_by_order_date as refunds, net_amount_after_refunds as after_refunds,
            orders.is_complete, orders.is_final, rate_status as certainty
        from {mart(folder, "order_value_by_period")} as orders
        inner join {mart(folder, "dim_period")} as calendar using (period_grain, period_start)
        where period_grain = $grain and segment_type = $segment_type and segment_value = $segment_value
        order by period_start
        """,
        {
            "grain": selection.grain,
            "segment_type": selection.segment_type,
            "segment_value": selection.segment_value,
        },
    )
