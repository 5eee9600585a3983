"""Cohorts: a heat map of who came back, and of what a cohort has brought in."""

import streamlit as st

from dashboard import charts
from dashboard.figures import customers
from dashboard.view import View, heading, number_format, show_chart

MEASURES = {"heatmap": ("retention_rate", "rate"), "heatmap_value": ("per_customer", "amount")}


def show(view: View) -> None:
    """The page."""
    texts = view.texts
    heading(view, "cohorts")
    measure = st.selectbox(
        texts("cohorts.measure"), list(MEASURES), format_func=lambda name: texts(f"chart.{name}"), key="cohort_measure"
    )
    column, kind = MEASURES[measure]
    raw = view.answer(customers.cohorts, view.selection)
    frame = raw.assign(cohort=raw["cohort"].map(texts.label), value=raw[column])
    small = frame["cohort_size"] < view.small_base_limit
    frame["is_uncertain"] = small | frame["is_open"].astype(bool)
    frame["certainty"] = [
        texts("certainty.open") if is_open else texts("certainty.small_base" if is_small else "certainty.ok")
        for is_open, is_small in zip(frame["is_open"], small, strict=True)
    ]
    whole = {"rate": lambda value: texts.number(100 * value), "amount": texts.number}[kind]
    frame["label"] = frame["value"].map(whole)
    frame["tooltip"] = [
        f"{row.cohort} + {texts.number(row.index_)}: {view.write(kind, row.value)}, "
        + texts("cohorts.cells", share=texts.number(row.active), size=texts.number(row.cohort_size))
        + f" ({row.certainty})"
        for row in frame.rename(columns={"index": "index_"}).itertuples()
    ]
    chart = None if frame.empty else charts.heatmap(frame, number_format(view, kind))
    columns = {
        "cohort": "words",
        "index": "count",
        "cohort_size": "count",
        "active": "count",
        "retention_rate": "rate",
        "per_customer": "amount",
        "certainty": "words",
    }
    table = frame.sort_values(["cohort_start", "index"], ascending=[False, True])
    show_chart(view, measure, texts(f"chart.{measure}"), chart, table, columns, raw)
