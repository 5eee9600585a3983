"""One page of the dashboard without a browser, and releases that differ from the sample's in what a test is about.

Belongs here: what several tests of pages share. Does not belong here: a browser (`browser`).
"""

import json
import re
import shutil
from html import unescape
from pathlib import Path

import duckdb
from streamlit.testing.v1 import AppTest


def _show(name: str, language: str) -> None:
    """A page as the dashboard shows it, with its filters; runs as a script of its own."""
    import datetime as dt

    from dashboard.app import _choose, _show_page
    from dashboard.figures.choices import EVERYBODY, Selection
    from dashboard.release import open_release
    from dashboard.texts import load_texts
    from dashboard.view import View

    nothing_chosen = Selection("month", "", EVERYBODY, EVERYBODY, dt.date.min)
    view = View(open_release(), load_texts(language), nothing_chosen)
    _show_page(name, View(view.release, view.texts, _choose(view)))


def one_page(name: str, language: str = "en") -> AppTest:
    """A page of the release in WAREHOUSE_HOME, not yet run."""
    return AppTest.from_function(_show, args=(name, language), default_timeout=60)


def choose(page: AppTest, **choices: object) -> AppTest:
    """The page after these filters were set one after the other, by their keys."""
    page.run()
    for key, value in choices.items():
        page.selectbox(key=key).set_value(value).run()
    assert not page.exception
    return page


def html_of(page: AppTest) -> str:
    """All markup of ours on the page: cards, tables, notes."""
    return "\n".join(element.value for element in page.get("html"))


def card_on(page: AppTest, name: str) -> str:
    """The text of a card on the page, as a reader sees it."""
    (card,) = re.findall(rf'<section [^>]*data-figure="{name}".*?</section>', html_of(page), re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", card))


def table_on(page: AppTest, name: str) -> list[dict[str, str]]:
    """The rows of a table on the page by their headings, as a reader sees them."""
    (table,) = re.findall(rf'<table data-table="{name}">(.*?)</table>', html_of(page), re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(?:<bdi>)?(.*?)(?:</bdi>)?</t[hd]>", row) for row in table.split("<tr>")[1:]]
    return [dict(zip(map(unescape, cells[0]), map(unescape, row), strict=True)) for row in cells[1:]]


def changed_release(sample_home: Path, home: Path, changes: dict[str, str], **details: object) -> Path:
    """A warehouse home whose release is the sample's but for `changes` (the SQL of a mart, from `mart`) and `details`.

    Returns the folder of the release.
    """
    folder = home / "published" / "current"
    shutil.copytree((sample_home / "published" / "current").resolve(), folder)
    for name, sql in changes.items():
        path = folder / f"{name}.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"create table mart as from '{path}'")
            path.unlink()
            connection.execute(f"copy ({sql}) to '{path}' (format parquet)")
    description = folder / "release.json"
    kept = json.loads(description.read_text(encoding="utf-8"))
    description.chmod(0o644)
    description.write_text(json.dumps(kept | details), encoding="utf-8")
    return folder
