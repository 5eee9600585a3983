"""The entry of the dashboard: language, release, filters, pages.

Belongs here: what comes before a page. Does not belong here: what is on it. Streamlit runs this file from top to
bottom whenever a reader does something; nothing happens when it is imported.
"""

import datetime as dt
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from dagster_project.settings import SettingsError, load_settings
from dashboard import markup
from dashboard.figures import choices
from dashboard.figures.choices import EVERYBODY, GRAINS, Selection
from dashboard.pages import churn, cohorts, data_quality, lifetime_value, orders, overview, retention, satisfaction
from dashboard.release import Release, ReleaseUnreadableError, open_release
from dashboard.texts import LANGUAGES, Texts, load_texts
from dashboard.view import View, shown_is

HERE = Path(__file__).parent
PAGES = {
    "overview": overview,
    "retention": retention,
    "churn": churn,
    "cohorts": cohorts,
    "lifetime_value": lifetime_value,
    "orders": orders,
    "satisfaction": satisfaction,
    "data_quality": data_quality,
}
PERIODS_SHOWN = (12, 24, 52, None)
DEFAULT_GRAIN = "month"


def main() -> None:
    """Show the page that the reader is on."""
    texts = load_texts(_preferred_language())
    st.set_page_config(page_title=texts("app.title"), layout="wide")
    texts = _choose_language(texts)
    _apply_style(texts)
    # Resolved once: whatever is published while this runs, the page shows one release.
    try:
        release = open_release()
    except SettingsError as error:
        st.title(texts("app.settings_title"), anchor=False)
        st.text(str(error))
        return
    if release is None:
        _show_no_release(texts)
        return
    try:
        _show_release(release, texts)
    except ReleaseUnreadableError as error:
        st.title(texts("app.unreadable_title"), anchor=False)
        st.text(texts("app.unreadable", release=release.release_id))
        st.code("make run JOB=full_rebuild", language=None)
        st.text(str(error))


def _preferred_language() -> str:
    chosen = st.session_state.get("language") or st.query_params.get("language")
    spoken = (st.context.locale or "").split("-")[0]
    return next((language for language in (chosen, spoken) if language in LANGUAGES), LANGUAGES[0])


def _choose_language(texts: Texts) -> Texts:
    chosen = st.sidebar.selectbox(
        texts("app.language"),
        LANGUAGES,
        index=LANGUAGES.index(texts.language),
        format_func=lambda language: load_texts(language)("meta.name"),
        key="language",
    )
    return load_texts(chosen)


def _apply_style(texts: Texts) -> None:
    st.html(HERE / "style.css")
    if texts.direction == "rtl":
        st.html(HERE / "rtl.css")
    # Screen readers choose their voice by it. The two values are ours, never the reader's or the data's.
    st.html(
        f"<script>document.documentElement.lang = '{texts.language}';"
        f"document.documentElement.dir = '{texts.direction}';</script>",
        unsafe_allow_javascript=True,
    )


def _show_no_release(texts: Texts) -> None:
    st.title(texts("app.no_release_title"), anchor=False)
    st.text(texts("app.no_release"))
    st.code("make run", language=None)
    st.text(texts("app.no_release_home", folder=load_settings().published_dir))


def _show_release(release: Release, texts: Texts) -> None:
    view = View(release, texts, Selection(DEFAULT_GRAIN, "", EVERYBODY, EVERYBODY, dt.date.min))
    is_empty = view.answer(choices.periods, DEFAULT_GRAIN).empty
    if not is_empty:
        view = View(release, texts, _choose(view))
    pages = {
        name: st.Page(
            partial(_show_page, name, view),
            title=texts(f"page.{name}"),
            url_path=name.replace("_", "-"),
            default=name == "overview",
        )
        for name in PAGES
    }
    page = st.navigation(list(pages.values()), position="sidebar", expanded=True)
    if is_empty:
        st.text(texts("app.no_orders"))
        return
    page.run()


def _show_page(name: str, view: View) -> None:
    st.html(markup.paragraph(shown_is(view), "shown-is"))
    PAGES[name].show(view)
    _show_footer(view)


def _choose(view: View) -> Selection:
    """The filters. Streamlit forgets those of a page when the reader goes to another one, so they are of none."""
    texts = view.texts
    with st.sidebar:
        st.subheader(texts("app.filters"), anchor=False)
        grain = st.selectbox(
            texts("app.grain"),
            GRAINS,
            index=GRAINS.index(DEFAULT_GRAIN),
            format_func=lambda name: texts(f"grain.{name}"),
            key="grain",
        )
        periods = view.answer(choices.periods, grain)
        period_start = _choose_period(texts, grain, periods)
        definition = st.selectbox(
            texts("app.definition"),
            list(view.answer(choices.definitions)["name"]),
            format_func=lambda name: texts.value("definition", name),
            key="definition",
        )
        segments = view.answer(choices.segments)
        segment_type = st.selectbox(
            texts("app.segment_type"),
            list(segments["segment_type"].unique()),
            format_func=lambda name: texts.value("segment_type", name),
            key="segment_type",
        )
        segment_value = EVERYBODY
        if segment_type != EVERYBODY:
            values = list(segments.loc[segments["segment_type"] == segment_type, "segment_value"])
            segment_value = st.selectbox(texts("app.segment_value"), values, key=f"segment_value_{segment_type}")
        shown = st.selectbox(
            texts("app.shown"),
            PERIODS_SHOWN,
            index=1,
            format_func=lambda count: texts.number(count) if count else texts("app.shown_all"),
            key="shown",
        )
    return Selection(grain, definition, segment_type, segment_value, period_start, shown)


def _choose_period(texts: Texts, grain: str, periods: pd.DataFrame) -> dt.date:
    newest_first = periods.iloc[::-1]
    labels = dict(zip(newest_first["period_start"].dt.date, newest_first["period_label"], strict=True))
    is_complete = newest_first["is_complete"].astype(bool).tolist()
    # The newest period is usually open, and its figures cannot be compared yet.
    first = is_complete.index(True) if True in is_complete else 0
    return st.selectbox(
        texts("app.period"),
        list(labels),
        index=first,
        format_func=lambda start: texts.label(str(labels[start])),
        key=f"period_{grain}",
    )


def _show_footer(view: View) -> None:
    texts = view.texts
    periods = view.answer(choices.periods, view.selection.grain)
    lines = []
    if view.selection.grain == "week":
        first = periods["period_start"].iloc[0].isoweekday()
        days = {"first": texts.weekday(first), "last": texts.weekday(first + 6)}
        if first == texts.first_weekday:
            lines.append(texts("app.week_days", **days))
        else:
            lines.append(texts("app.week_unusual", usual=texts.weekday(texts.first_weekday), **days))
    built_at = dt.datetime.fromisoformat(view.release.details["built_at"])
    lines.append(
        texts(
            "app.release",
            release=view.release.release_id,
            built_at=texts.date_and_time(built_at),
            as_of=texts.date(periods["as_of_date"].iloc[0]),
        )
    )
    for line in lines:
        st.html(markup.paragraph(line, "footer"))


if __name__ == "__main__":
    main()
