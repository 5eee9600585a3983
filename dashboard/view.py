"""One look at one release, and the pieces that every page is made of.

Belongs here: what Streamlit shows more than once: cards, charts with their table and CSV file, notes. Does not belong
here: which figures a page shows (`pages`), what they are (`figures`).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from dashboard import charts, markup
from dashboard.figures import choices, values
from dashboard.figures.choices import EVERYBODY, Selection
from dashboard.figures.metrics import METRICS
from dashboard.release import Release
from dashboard.texts import NOTHING, Texts

# More rows than this nobody reads; the CSV file has all.
TABLE_ROWS = 200
# More bars than this nobody tells apart.
BARS = 40
SERIES_COLUMNS = [
    *("metric", "period_start", "period_label", "value", "numerator", "denominator", "lower", "upper"),
    *("certainty", "is_complete", "is_final"),
]
CERTAINTIES = ("ok", "small_base", "open")


@dataclass(frozen=True)
class View:
    """Everything a page needs: the release, the reader's language and choices."""

    release: Release
    texts: Texts
    selection: Selection

    @property
    def folder(self) -> Path:
        """The folder of the release."""
        return self.release.path

    @property
    def currency(self) -> str | None:
        """The reporting currency; releases made before it was noted have none."""
        return self.release.details.get("variables", {}).get("reporting_currency")

    @property
    def small_base_limit(self) -> int:
        """Below how many a rate counts as uncertain; 0 is never. Releases made before it was noted had 30."""
        return int(self.release.details.get("variables", {}).get("small_base_limit", 30))

    def answer(self, question: Callable[..., pd.DataFrame], *arguments: object) -> pd.DataFrame:
        """The answer of a function of `figures` about this release; asked once for each release."""
        name = f"{question.__module__}.{question.__name__}"
        return _answer(self.release.release_id, str(self.folder), name, arguments, question)

    def series(self, name: str, survey_id: str = EVERYBODY) -> pd.DataFrame:
        """A figure in every period."""
        # The same for whichever period is chosen, so that choosing another one asks nothing again.
        selection = replace(self.selection, period_start=dt.date.min, periods_shown=None)
        return self.answer(values.series, name, selection, self.small_base_limit, survey_id)

    def write(self, kind: str, value: float | None) -> str:
        """A number of a kind (rate, amount, score, number, count) in the reader's language."""
        if kind == "rate":
            return self.texts.rate(value)
        if kind == "amount":
            return self.texts.amount(value, self.currency)
        return self.texts.number(value, {"count": 0, "score": 1}.get(kind, 2))


# Kept by all but what begins with an underscore, by Streamlit's rule.
@st.cache_data(max_entries=2000, show_spinner=False)
def _answer(
    release_id: str,  # noqa: ARG001
    folder: str,
    name: str,  # noqa: ARG001
    arguments: tuple,
    _question: Callable[..., pd.DataFrame],
) -> pd.DataFrame:
    return _question(Path(folder), *arguments)


def heading(view: View, page: str) -> None:
    """The title of a page and what it is about."""
    st.title(view.texts(f"page.{page}"), anchor=False)
    st.html(markup.paragraph(view.texts(f"intro.{page}"), "note"))


def show_cards(view: View, names: list[str], survey_id: str = EVERYBODY) -> None:
    """The named figures in the chosen period."""
    cards = [figure_card(view, name, choices.at(view.series(name, survey_id), view.selection)) for name in names]
    st.html(markup.cards_as_html(cards))


def figure_card(view: View, name: str, row: pd.Series | None) -> markup.Card:
    """A figure of one period with its formula, base, interval, comparisons and how far it can be trusted."""
    texts, metric = view.texts, METRICS[name]
    label = texts(f"figure.{name}")
    formula = (texts("card.formula"), texts(f"formula.{name}"))
    if row is None:
        return markup.Card(
            name, label, NOTHING, [markup.Badge(texts("card.no_base"), "warning")], [formula], is_uncertain=True
        )
    base = "amount" if metric.kind == "amount" or "revenue" in name else "count"
    customers = "count" if metric.kind == "amount" else base
    facts = [
        formula,
        (
            texts("card.base"),
            texts(
                "card.fraction",
                numerator=view.write(base, row["numerator"]),
                denominator=view.write(customers, row["denominator"]),
            ),
        ),
    ]
    if pd.notna(row["lower"]):
        spread = texts(
            "card.range", lower=view.write(metric.kind, row["lower"]), upper=view.write(metric.kind, row["upper"])
        )
        facts.append((texts("card.interval"), spread))
    facts += [
        (texts(f"card.{comparison}"), _compared(view, metric.kind, row["value"], row[comparison]))
        for comparison in ("previous", "last_year")
    ]
    return markup.Card(
        name,
        label,
        view.write(metric.kind, row["value"]),
        _badges(view, row),
        facts,
        is_uncertain=row["certainty"] != "ok" or not row["is_complete"],
    )


def _badges(view: View, row: pd.Series) -> list[markup.Badge]:
    texts = view.texts
    if not row["is_complete"]:
        badges = [markup.Badge(texts("card.open"), "warning")]
    elif row["is_final"]:
        badges = [markup.Badge(texts("card.final"), "good")]
    else:
        badges = [markup.Badge(texts("card.complete"))]
    if row["certainty"] != "ok":
        badges.append(markup.Badge(texts(f"card.{row['certainty']}"), "warning"))
    return badges


def _compared(view: View, kind: str, value: float | None, before: float | None) -> str:
    if pd.isna(before):
        return NOTHING
    # A percentage of nothing, or of less than nothing, says nothing.
    if pd.isna(value) or (kind in ("amount", "number") and before <= 0):
        return view.write(kind, before)
    if kind == "rate":
        change = view.texts("card.points", change=view.texts.signed(100 * (value - before)))
    elif kind == "score":
        change = view.texts("card.points", change=view.texts.signed(value - before))
    else:
        change = view.texts.signed(100 * (value / before - 1), "%")
    return view.texts("card.change", value=view.write(kind, before), change=change)


def show_trend(view: View, names: list[str], survey_id: str = EVERYBODY) -> None:
    """One or two figures of one kind over the periods shown, with their table and CSV file."""
    texts, kind = view.texts, METRICS[names[0]].kind
    frames = []
    for name in names:
        frame = choices.latest(view.series(name, survey_id), view.selection)
        frames.append(frame.assign(metric=name, series=texts(f"figure.{name}")))
    frame = pd.concat(frames)
    certainty = reliability(frame)
    words = certainty.map(_certainty_text(texts))
    frame = frame.assign(period=frame["period_label"].map(texts.label), certainty=words)
    frame["tooltip"] = [f"{row.period}: {view.write(kind, row.value)} ({row.certainty})" for row in frame.itertuples()]
    title = texts("chart.trend", figure=texts(f"figure.{names[0]}"), grain=texts.value("grain", view.selection.grain))
    if len(names) > 1:
        title = texts("chart.lines", first=texts(f"figure.{names[0]}"), second=texts(f"figure.{names[1]}"))
    amount = "amount" if kind == "amount" or "revenue" in names[0] else "count"
    columns = {
        "period": "words",
        **({"series": "words"} if len(names) > 1 else {}),
        "figure": kind,
        "numerator": amount,
        "denominator": "count" if kind == "amount" else amount,
        **({"lower": kind, "upper": kind} if frame["lower"].notna().any() else {}),
        "certainty": "words",
    }
    table = frame.assign(figure=frame["value"]).iloc[::-1]
    raw = table.assign(certainty=certainty.iloc[::-1].to_numpy())[SERIES_COLUMNS]
    drawn = frame if frame["value"].notna().any() else frame.iloc[:0]
    chart = None if drawn.empty else charts.trend(drawn, certainty_texts(texts), number_format(view, kind))
    show_chart(view, "-".join(["trend", *names]), title, chart, table, columns, raw)


def reliability(frame: pd.DataFrame) -> pd.Series:
    """Whether figures can be relied on: ok, small_base (nothing to divide by is one) or open."""
    certainty = frame["certainty"].where(frame["certainty"] == "ok", "small_base")
    return certainty.where(frame["is_complete"].astype(bool), "open")


def certainty_texts(texts: Texts) -> list[str]:
    """How far a figure can be relied on, in words; the best first."""
    return [texts(f"certainty.{name}") for name in CERTAINTIES]


def _certainty_text(texts: Texts) -> dict[str, str]:
    return dict(zip(CERTAINTIES, certainty_texts(texts), strict=True))


def show_bars(view: View, name: str, title: str, frame: pd.DataFrame, category: str, kind: str) -> None:
    """One bar a category of `frame` (columns as in `values.by_segment`), with its table and CSV file."""
    texts = view.texts
    certainty = reliability(frame)
    words = certainty.map(_certainty_text(texts))
    table = frame.assign(category=frame[category].astype(str), figure=frame["value"], certainty=words)
    table["tooltip"] = [
        f"{row.category}: {view.write(kind, row.value)} ({row.certainty})" for row in table.itertuples()
    ]
    columns = {category: "words", "figure": kind, "numerator": "count", "denominator": "count"}
    if frame["lower"].notna().any():
        columns |= {"lower": kind, "upper": kind}
    known = table[table["value"].notna()]
    # Those that weigh most, in the order of the table.
    drawn = known[known["denominator"].rank(method="first", ascending=False) <= BARS]
    note = None
    if len(known) > len(drawn):
        note = texts("chart.bars_cut", shown=texts.number(len(drawn)), all=texts.number(len(known)))
    chart = None if drawn.empty else charts.bars(drawn, certainty_texts(texts), number_format(view, kind))
    show_chart(view, name, title, chart, table, {**columns, "certainty": "words"}, frame, note)


def show_by_segment(view: View, name: str) -> None:
    """A figure for every value of the chosen segment type; nothing where none is chosen."""
    kind = view.selection.segment_type
    if kind == EVERYBODY:
        return
    frame = view.answer(values.by_segment, name, view.selection, view.small_base_limit)
    title = view.texts(
        "chart.by_segment", figure=view.texts(f"figure.{name}"), segment_type=view.texts.value("segment_type", kind)
    )
    show_bars(view, f"{name}-by-segment", title, frame, "segment_value", METRICS[name].kind)


def show_chart(
    view: View,
    name: str,
    title: str,
    chart: alt.LayerChart | None,
    table: pd.DataFrame,
    columns: dict[str, str],
    raw: pd.DataFrame | None = None,
    note: str | None = None,
) -> None:
    """A chart with its table and its CSV file. `columns` maps columns of `table` to their kinds; `raw` is for the file.

    `note` stands below the chart.
    Kinds are those of `View.write`, words, moment, and written: a number that is a text already.

    The file has names and values as in the marts, in no language, so that programs can read it.
    """
    texts = view.texts
    with st.container(border=True, key=f"chart-{name}"):
        st.subheader(title, anchor=False)
        if chart is None:
            st.html(markup.paragraph(texts("chart.nothing"), "note"))
        else:
            st.altair_chart(chart, theme=None, width="stretch", alt=f"{title}. {shown_is(view)}")
        if note:
            st.html(markup.paragraph(note, "note"))
        if not table.empty:
            with st.expander(texts("chart.table", chart=title)):
                _show_rows(view, name, title, table, columns)
            _offer_file(view, name, title, table if raw is None else raw)


def show_table(
    view: View,
    name: str,
    title: str,
    table: pd.DataFrame,
    columns: dict[str, str],
    raw: pd.DataFrame | Callable[[], pd.DataFrame],
    count: int | None = None,
) -> None:
    """A table that needs no chart, with its CSV file; parameters as in `show_chart`.

    Where `table` is only the beginning, `count` says how many rows there are, and `raw` is asked for all of them when
    somebody wants the file.
    """
    with st.container(border=True, key=f"table-{name}"):
        st.subheader(title, anchor=False)
        if table.empty:
            st.html(markup.paragraph(view.texts("chart.nothing"), "note"))
        else:
            _show_rows(view, name, title, table, columns, count)
            _offer_file(view, name, title, raw)


def _offer_file(view: View, name: str, title: str, raw: pd.DataFrame | Callable[[], pd.DataFrame]) -> None:
    st.download_button(
        view.texts("chart.download", chart=title),
        (lambda: markup.csv_file(raw())) if callable(raw) else markup.csv_file(raw),
        file_name=f"{name}_{view.release.release_id}.csv",
        mime="text/csv",
        key=f"download-{name}",
        on_click="ignore",
    )


def _show_rows(
    view: View, name: str, caption: str, table: pd.DataFrame, columns: dict[str, str], count: int | None = None
) -> None:
    texts, count = view.texts, len(table) if count is None else count
    shown = table.head(TABLE_ROWS)
    rows = [
        [_cell(view, kind, value) for kind, value in zip(columns.values(), row, strict=True)]
        for row in shown[list(columns)].itertuples(index=False)
    ]
    headings = [texts(f"column.{column}") for column in columns]
    numeric = [kind != "words" for kind in columns.values()]
    st.html(markup.table_as_html(name, caption, headings, rows, numeric))
    if count > len(shown):
        cut = texts("chart.table_cut", shown=texts.number(len(shown)), all=texts.number(count))
        st.html(markup.paragraph(cut, "note"))


def _cell(view: View, kind: str, value: object) -> str:
    if kind == "words":
        return NOTHING if pd.isna(value) else str(value)
    if kind == "written":
        return str(value)
    if kind == "moment":
        return view.texts.date_and_time(value)
    return view.write(kind, value)


def shown_is(view: View) -> str:
    """What the reader has chosen, in one line."""
    texts, selection = view.texts, view.selection
    label = view.answer(choices.periods, selection.grain).set_index("period_start")["period_label"]
    segment = texts("app.everybody")
    if selection.segment_type != EVERYBODY:
        segment = f"{texts.value('segment_type', selection.segment_type)}: {selection.segment_value}"
    return texts(
        "app.shown_is",
        period=texts.label(str(label[pd.Timestamp(selection.period_start)])),
        definition=texts.value("definition", selection.definition),
        segment=segment,
    )


def number_format(view: View, kind: str) -> dict[str, object]:
    """How a chart writes the numbers of its axes."""
    texts = view.texts
    symbols = texts.locale.number_symbols[texts.locale.default_numbering_system]
    locale = charts.number_locale(texts.digits("0123456789"), symbols["decimal"], symbols["group"], texts.digits("%"))
    return {"format": {"rate": ".0%", "number": ",.2~f"}.get(kind, ",.0f"), "locale": locale}
