"""Data quality: what was checked, read and refused, and which final figures have changed."""

from functools import partial
from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import markup
from dashboard.figures import quality
from dashboard.figures.choices import EVERYBODY
from dashboard.view import TABLE_ROWS, View, heading, show_table


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
    # Some have fractions of a second and some have not; pandas would expect all to be like the first.
    raw["watermark"] = pd.to_datetime(raw["watermark"], format="ISO8601")
    columns = {"feed": "words", "files": "count", "rows_read": "count", "rows_accepted": "count"}
    columns |= {"rows_quarantined": "count", "watermark": "moment"}
    show_table(view, "feeds", view.texts("chart.feeds"), raw, columns, raw)


def _show_restatements(view: View) -> None:
    # Builds add to them for ever: the page holds what it shows, the file is made when somebody asks for it.
    shown = view.answer(quality.restatements, TABLE_ROWS)
    changes = [_told_apart(view, before, after) for before, after in zip(shown["before"], shown["after"], strict=True)]
    words = shown.assign(
        period=[view.texts.label(str(period)) for period in shown["period"]],
        of=[_what_changed(view, row) for row in shown.itertuples()],
        before=[before for before, _ in changes],
        after=[after for _, after in changes],
        cause=[view.texts.value("cause", cause) for cause in shown["cause"]],
    )
    columns = {"metric": "words", "period": "words", "of": "words", "before": "written", "after": "written"}
    columns |= {"cause": "words", "restated_at": "moment"}
    title = view.texts("chart.restatements")
    count = int(view.answer(quality.restatement_count)["count"].iloc[0])
    show_table(view, "restatements", title, words, columns, partial(quality.restatements, view.folder), count)


def _what_changed(view: View, row: NamedTuple) -> str:
    """All that tells one figure of a metric and a period from another."""
    texts = view.texts
    of = [texts.value("segment_type", row.segment_type)]
    if row.segment_type != EVERYBODY:
        of = [f"{of[0]}: {row.segment_value}"]
    if pd.notna(row.cohort_start):
        of.append(texts("restatement.cohort", date=texts.date(row.cohort_start)))
    named = (
        ("definition", row.activity_definition),
        ("figure", row.survey_metric),
        ("survey", row.survey_id),
        ("touchpoint", row.touchpoint),
    )
    of += [texts.value(family, name) for family, name in named if pd.notna(name)]
    return texts("restatement.separator").join(of)


def _told_apart(view: View, before: float, after: float) -> tuple[str, str]:
    """Both values with as many decimals as it takes to see that they differ, and four at least."""
    decimals = next((number for number in range(4, 12) if round(before, number) != round(after, number)), 12)
    return view.texts.exact(before, decimals), view.texts.exact(after, decimals)
