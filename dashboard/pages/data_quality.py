"""Data quality: what was checked, read and refused, and which final figures have changed."""

from functools import partial

import pandas as pd
import streamlit as st

from dashboard import markup
from dashboard.figures import quality
from dashboard.view import View, heading, show_table


def show(view: View) -> None:
    """The page."""
    heading(view, "data_quality")
    checks = view.answer(quality.checks)
    counts = {result: int((checks["result"] == result).sum()) for result in ("passed", "failed", "error")}
    texts = view.texts
    numbers = {result: texts.number(count) for result, count in counts.items()}
    st.html(markup.paragraph(texts("check.summary", all=texts.number(len(checks)), **numbers), "shown-is"))
    _show_problems(view, checks[checks["result"] != "passed"])
    _show_tables(view, checks)
    _show_feeds(view)
    _show_restatements(view)


def _in_words(view: View, checks: pd.DataFrame) -> pd.DataFrame:
    translate = partial(view.texts.value, "check")
    return checks.assign(severity=checks["severity"].map(translate), result=checks["result"].map(translate))


def _show_problems(view: View, problems: pd.DataFrame) -> None:
    if problems.empty:
        st.html(markup.paragraph(view.texts("check.all_passed"), "shown-is"))
        return
    columns = {"table": "words", "description": "words", "severity": "words", "result": "words"}
    columns |= {"rows_checked": "count", "rows_failed": "count", "rule": "words"}
    title = view.texts("chart.failed_checks")
    show_table(view, "failed-checks", title, _in_words(view, problems), columns, problems)


def _show_tables(view: View, checks: pd.DataFrame) -> None:
    raw = checks.groupby(["table", "result"], as_index=False, sort=False).agg(
        checks=("rule", "size"), rows_failed=("rows_failed", "sum")
    )
    raw = raw.sort_values(["table", "result"])
    words = raw.assign(result=[view.texts.value("check", value) for value in raw["result"]])
    columns = {"table": "words", "result": "words", "checks": "count", "rows_failed": "count"}
    show_table(view, "checks", view.texts("chart.checks"), words, columns, checks)


def _show_feeds(view: View) -> None:
    feeds = view.release.details["feeds"]
    raw = pd.DataFrame([{"feed": name, **facts} for name, facts in feeds.items()])
    if raw.empty:
        return
    raw["watermark"] = pd.to_datetime(raw["watermark"])
    columns = {"feed": "words", "files": "count", "rows_read": "count", "rows_accepted": "count"}
    columns |= {"rows_quarantined": "count", "watermark": "moment"}
    show_table(view, "feeds", view.texts("chart.feeds"), raw, columns, raw)


def _show_restatements(view: View) -> None:
    raw = view.answer(quality.restatements)
    words = raw.assign(
        period=[view.texts.label(str(period)) for period in raw["period"]],
        segment=[f"{row.segment_type}: {row.segment_value}" for row in raw.itertuples()],
        cause=[view.texts.value("cause", cause) for cause in raw["cause"]],
    )
    columns = {"metric": "words", "period": "words", "segment": "words", "before": "number", "after": "number"}
    columns |= {"cause": "words", "restated_at": "moment"}
    show_table(view, "restatements", view.texts("chart.restatements"), words, columns, raw)
