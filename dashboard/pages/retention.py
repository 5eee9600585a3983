"""Retention: both ways to count returners, the movements behind them, and the segments side by side."""

from dashboard.figures.customers import CUSTOMER_STEPS
from dashboard.pages.movements import show_movements
from dashboard.view import View, heading, show_by_segment, show_cards, show_trend


def show(view: View) -> None:
    """The page."""
    heading(view, "retention")
    show_cards(view, ["retention", "retention_strict"])
    show_trend(view, ["retention_strict", "retention"])
    show_movements(view, "customer_movements", CUSTOMER_STEPS, "count")
    show_by_segment(view, "retention_strict")
