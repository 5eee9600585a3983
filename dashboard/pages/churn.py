"""Churn: customers and revenue lost, the way from start to end, and the reasons that the CRM gives."""

import streamlit as st

from dashboard.figures import customers
from dashboard.figures.customers import CUSTOMER_STEPS, REVENUE_STEPS
from dashboard.pages.movements import show_movements
from dashboard.view import View, heading, show_bars, show_by_segment, show_cards, show_trend


def show(view: View) -> None:
    """The page."""
    heading(view, "churn")
    show_cards(
        view, ["churn", "new_customer_churn", "gross_revenue_churn", "net_revenue_churn", "net_revenue_retention"]
    )
    left, right = st.columns(2)
    with left:
        show_trend(view, ["churn"])
        show_movements(view, "customer_movements", CUSTOMER_STEPS, "count")
    with right:
        show_trend(view, ["gross_revenue_churn", "net_revenue_churn"])
        show_movements(view, "revenue_movements", REVENUE_STEPS, "amount")
    _show_reasons(view)
    show_by_segment(view, "churn")


def _show_reasons(view: View) -> None:
    frame = view.answer(customers.churn_reasons, view.selection)
    frame = frame.assign(
        reason=[view.texts.value("reason", reason) for reason in frame["reason"]],
        value=frame["share"],
        numerator=frame["count"],
        lower=None,
        upper=None,
        certainty=["ok" if lost >= view.small_base_limit else "small_base" for lost in frame["denominator"]],
    )
    show_bars(view, "churn-reasons", view.texts("chart.churn_reasons"), frame, "reason", "rate")
