"""Lifetime value: the methods side by side, how it is spread over customers, and who has no figure."""

import streamlit as st

from dashboard import charts, markup
from dashboard.figures import choices, lifetime_value
from dashboard.figures.lifetime_value import METHODS
from dashboard.view import View, heading, number_format, show_chart, show_table


def show(view: View) -> None:
    """The page."""
    texts, selection = view.texts, view.selection
    segment = (selection.segment_type, selection.segment_value)
    heading(view, "lifetime_value")
    if not lifetime_value.has_segment_type(view.folder, selection.segment_type):
        name = texts.value("segment_type", selection.segment_type)
        st.html(markup.paragraph(texts("lifetime_value.not_by_segment", segment_type=name), "note"))
        return
    as_of = view.answer(choices.periods, selection.grain)["as_of_date"].iloc[0]
    st.html(markup.paragraph(texts("lifetime_value.note", as_of=texts.date(as_of)), "note"))
    _show_methods(view, segment)
    method = st.selectbox(
        texts("lifetime_value.method"),
        METHODS,
        format_func=lambda name: texts(f"method.{name}"),
        key="lifetime_value_method",
    )
    raw = view.answer(lifetime_value.distribution, method, *segment)
    frame = raw.assign(
        tooltip=[
            f"{view.write('amount', row.low)} \N{EN DASH} {view.write('amount', row.high)}: {texts.number(row.count)}"
            for row in raw.set_axis(["low", "high", "count"], axis=1).itertuples(index=False, name="Bar")
        ]
    )
    title = texts("chart.distribution", method=texts(f"method.{method}"))
    chart = None if raw.empty else charts.histogram(frame, number_format(view, "count"))
    columns = {"from": "amount", "to": "amount", "count": "count"}
    show_chart(view, "lifetime-value-distribution", title, chart, frame, columns, raw)
    _show_gaps(view, segment)


def method_cards(view: View, segment: tuple[str, str]) -> list[markup.Card]:
    """The mean of each method over the customers who have a figure, with its formula and what it is made of."""
    texts = view.texts
    cards = []
    for row in view.answer(lifetime_value.by_method, *segment).itertuples():
        is_small = row.count < view.small_base_limit
        total, customers = view.write("amount", row.total), view.write("count", row.count)
        cards.append(
            markup.Card(
                f"lifetime_value_{row.method}",
                texts.value("method", row.method),
                view.write("amount", row.mean),
                [markup.Badge(texts("card.small_base"), "warning")] if is_small else [],
                [
                    (texts("card.formula"), texts.value("method_formula", row.method)),
                    (texts("card.base"), texts("card.fraction", numerator=total, denominator=customers)),
                    (texts("column.median"), view.write("amount", row.median)),
                ],
                is_uncertain=is_small,
            )
        )
    return cards


def _show_methods(view: View, segment: tuple[str, str]) -> None:
    texts = view.texts
    st.html(markup.cards_as_html(method_cards(view, segment)))
    raw = view.answer(lifetime_value.by_method, *segment)
    frame = raw.assign(method=[texts.value("method", method) for method in raw["method"]])
    frame["category"] = frame["method"]
    frame["tooltip"] = [
        f"{row.method}: {view.write('amount', row.p10)} \N{EN DASH} {view.write('amount', row.p90)}, "
        f"{texts('column.median')} {view.write('amount', row.median)}, {texts('column.mean')} "
        f"{view.write('amount', row.mean)}"
        for row in frame.itertuples()
    ]
    columns = {
        "method": "words",
        "count": "count",
        "total": "amount",
        "mean": "amount",
        "p10": "amount",
        "median": "amount",
        "p90": "amount",
    }
    title = texts("chart.methods")
    chart = None if raw.empty else charts.ranges(frame, number_format(view, "amount"))
    show_chart(view, "lifetime-value-methods", title, chart, frame, columns, raw)


def _show_gaps(view: View, segment: tuple[str, str]) -> None:
    raw = view.answer(lifetime_value.gaps, *segment)
    frame = raw.assign(
        method=[view.texts.value("method", method) for method in raw["method"]],
        status=[view.texts.value("clv_status", status) for status in raw["status"]],
    )
    columns = {"method": "words", "status": "words", "count": "count", "share": "rate"}
    show_table(view, "lifetime-value-gaps", view.texts("chart.no_figure"), frame, columns, raw)
