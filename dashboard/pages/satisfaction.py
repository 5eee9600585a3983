"""Satisfaction: the three survey metrics and the response rate of the chosen one, over time and by touchpoint."""

import streamlit as st

from dashboard import markup
from dashboard.figures import values
from dashboard.figures.metrics import METRICS
from dashboard.view import View, heading, show_bars, show_cards, show_trend

SCORES = ("csat", "nps", "ces")


def show(view: View) -> None:
    """The page."""
    texts = view.texts
    heading(view, "satisfaction")
    surveys = list(view.answer(values.surveys)["survey_id"])
    if not surveys:
        st.html(markup.paragraph(texts("chart.nothing"), "note"))
        return
    left, right = st.columns(2)
    with left:
        survey = st.selectbox(
            texts("survey.choose"), surveys, format_func=lambda name: texts.value("survey", name), key="survey"
        )
    with right:
        score = st.selectbox(
            texts("survey.measure"), SCORES, format_func=lambda name: texts(f"figure.{name}"), key="survey_score"
        )
    show_cards(view, [*SCORES, f"response_rate_{score}"], survey)
    show_trend(view, [score], survey)
    frame = view.answer(values.by_touchpoint, score, view.selection, view.small_base_limit, survey)
    frame = frame.assign(touchpoint=[texts.value("touchpoint", name) for name in frame["touchpoint"]])
    title = texts("chart.touchpoints", figure=texts(f"figure.{score}"))
    show_bars(view, "touchpoints", title, frame, "touchpoint", METRICS[score].kind)
