"""Overview: five figures, one of each kind, with their trend."""

import streamlit as st

from dashboard.view import View, heading, show_cards, show_trend

FIGURES = ("retention", "churn", "value_to_date", "aov", "csat")


def show(view: View) -> None:
    """The page."""
    heading(view, "overview")
    show_cards(view, list(FIGURES))
    left, right = st.columns(2)
    for number, name in enumerate(FIGURES):
        with (left, right)[number % 2]:
            show_trend(view, [name])
