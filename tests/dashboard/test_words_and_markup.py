"""Words, numbers and markup of the dashboard: nothing missing, nothing left over, nothing taken for code."""

import ast
import re
from io import BytesIO

import pandas as pd
import pytest

from dagster_project.settings import PROJECT_ROOT
from dashboard import markup
from dashboard.figures.lifetime_value import METHODS
from dashboard.figures.metrics import METRICS
from dashboard.texts import LANGUAGES, load_texts

SOURCES = [path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "dashboard").rglob("*.py")]
# Where names come from that the marts define: reasons, methods, touchpoints.
DEFINITIONS = [
    path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "dbt" / "models").rglob("*") if path.is_file()
]
SHOWING = ("title", "header", "subheader", "text", "markdown", "caption", "write", "info", "warning", "error", "html")
ASKING = ("selectbox", "button", "download_button", "expander", "tabs", "metric", "Page")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_places(language: str) -> None:
    english, other = load_texts("en").entries, load_texts(language).entries
    assert other.keys() == english.keys()
    places = re.compile(r"\{(\w+)\}")
    assert {key: sorted(places.findall(text)) for key, text in other.items()} == {
        key: sorted(places.findall(text)) for key, text in english.items()
    }
    assert all(text.strip() for text in other.values())


def test_every_text_is_used() -> None:
    source = "\n".join(SOURCES)
    known_names = source + "\n".join(DEFINITIONS)
    whole = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', source))
    families = set(re.findall(r'f"([a-z_]+)\.\{', source)) | set(re.findall(r'value\(?,? ?"([a-z_]+)"', source))
    unused = [
        key
        for key in load_texts("en").entries
        if key not in whole
        and not (key.split(".")[0] in families and re.search(rf"\b{key.split('.')[1]}\b", known_names))
    ]
    assert unused == []


def test_every_figure_has_a_name_and_a_formula() -> None:
    families = {"figure": METRICS, "formula": METRICS, "method": METHODS, "method_formula": METHODS}
    for family, figures in families.items():
        names = {key.split(".")[1] for key in load_texts("en").entries if key.startswith(f"{family}.")}
        assert names == set(figures)


def test_no_text_stands_in_the_code() -> None:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source)):
            is_shown = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) in ("st", "st.sidebar")
                and node.func.attr in (*SHOWING, *ASKING)
            )
            if is_shown:
                assert not isinstance(node.args[0], ast.Constant | ast.JoinedStr) or "<script>" in ast.unparse(node)


def test_numbers_are_written_as_the_language_does() -> None:
    english, arabic, persian = (load_texts(language) for language in LANGUAGES)
    assert english.rate(0.4166) == "41.7%"
    assert english.amount(1234.5, "USD") == "1,234.50\u00a0USD"
    assert english.amount(1234.5, "KWD") == "1,234.500\u00a0KWD"
    assert "٤١٫٧٪" in arabic.rate(0.4166)  # noqa: RUF001
    assert "۱٬۲۳۴٫۵۰" in persian.amount(1234.5, "USD")  # noqa: RUF001
    assert "۲۰۲۶-۰۳" in persian.label("2026-03")
    assert english.number(None) == english.rate(float("nan")) == "\N{EN DASH}"
    # 1 Monday, 6 Saturday
    assert [texts.first_weekday for texts in (english, arabic, persian)] == [1, 6, 6]


def test_a_week_that_begins_on_another_day_is_named_in_the_language() -> None:
    english, arabic, persian = (load_texts(language).label("week of 2026-03-07") for language in LANGUAGES)
    assert english == "week of 2026-03-07"
    for label, digits in ((arabic, "٢٠٢٦-٠٣-٠٧"), (persian, "۲۰۲۶-۰۳-۰۷")):  # noqa: RUF001
        assert digits in label
        assert not re.search("[A-Za-z]", label)
    # As the marts write it, so that the prefix is known.
    assert "'week of ' ||" in (PROJECT_ROOT / "dbt" / "macros" / "period.sql").read_text(encoding="utf-8")


def test_texts_of_the_data_are_never_code() -> None:
    evil = "<script>alert(1)</script>"
    table = markup.table_as_html(evil, evil, [evil], [[evil]], [False])
    card = markup.cards_as_html([markup.Card("x", evil, evil, [markup.Badge(evil)], [(evil, evil)])])
    assert "<script" not in table + card + markup.paragraph(evil, "note")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " ="])
def test_no_cell_of_a_file_is_a_formula(start: str) -> None:
    frame = pd.DataFrame({"segment_value": [f"{start}1+1", "plain"], "change": [-1.5, 2.0]})
    read = pd.read_csv(BytesIO(markup.csv_file(frame)), encoding="utf-8-sig")
    assert list(read["segment_value"]) == [f"'{start}1+1", "plain"]
    assert list(read["change"]) == [-1.5, 2.0]
