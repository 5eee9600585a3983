"""Orders: how many, how large, before and after refunds, and how often people buy."""

import pandas as pd
import streamlit as st

from dashboard import charts
from dashboard.figures import choices, orders
from dashboard.view import (
    View,
    certainty_texts,
    heading,
    number_format,
    reliability,
    show_by_segment,
    show_cards,
    show_chart,
    show_trend,
)


def show(view: View) -> None:
    """The page."""
    heading(view, "orders")
    show_cards(view, ["aov", "aov_after_refunds", "purchase_frequency", "repeat_purchase_rate"])
    show_trend(view, ["aov", "aov_after_refunds"])
    left, right = st.columns(2)
    with left:
        _show_columns(view, "order_count", ["orders", "buyers"], "count")
    with right:
        _show_columns(view, "amounts", ["net_amount", "after_refunds"], "amount")
    show_by_segment(view, "aov")


def _show_columns(view: View, name: str, columns: list[str], kind: str) -> None:
    texts = view.texts
    raw = choices.latest(view.answer(orders.by_period, view.selection), view.selection)
    certainty = reliability(raw.assign(certainty="ok"))
    words = dict(zip(("ok", "small_base", "open"), certainty_texts(texts), strict=True))
    table = raw.assign(period=raw["period_label"].map(texts.label), certainty=certainty.map(words))
    lines = pd.concat(
        table.assign(series=texts(f"column.{column}"), value=raw[column], lower=None, upper=None) for column in columns
    )
    lines["tooltip"] = [
        f"{row.period}: {row.series} {view.write(kind, row.value)} ({row.certainty})" for row in lines.itertuples()
    ]
    chart = None if raw.empty else charts.trend(lines, certainty_texts(texts), number_format(view, kind))
    shown = ["orders", "valued_orders", "buyers"] if kind == "count" else ["net_amount", "refunds", "after_refunds"]
    kinds = {"period": "words", **dict.fromkeys(shown, kind), "certainty": "words"}
    show_chart(view, name, texts(f"chart.{name}"), chart, table.iloc[::-1], kinds, raw.iloc[::-1])
