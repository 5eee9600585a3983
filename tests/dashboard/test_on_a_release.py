"""The dashboard on a release of the sample extracts: its figures against the marts, and in a real browser."""

import datetime as dt
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from streamlit.testing.v1 import AppTest

from dagster_project.publishing.releases import _switch_current
from dagster_project.settings import PROJECT_ROOT, load_settings
from dashboard.app import PAGES
from dashboard.figures import customers, lifetime_value, values
from dashboard.figures.choices import GRAINS, Selection
from dashboard.figures.customers import CUSTOMER_STEPS, REVENUE_STEPS
from dashboard.figures.lifetime_value import METHODS
from dashboard.figures.metrics import METRICS
from dashboard.pages.lifetime_value import method_cards
from dashboard.release import open_release
from dashboard.texts import LANGUAGES, load_texts
from dashboard.view import View
from tests.dashboard.browser import INVISIBLE, Served, needs_browser, opened_browser, served, visit

APP = str(PROJECT_ROOT / "dashboard" / "app.py")
EVIL = "<script>window.hacked = 1</script> **bold** [link](http://example.com)"
# What has the focus, by its name, and whether a line around it shows that.
FOCUS = """() => {
    const focused = document.activeElement;
    const shown = getComputedStyle(focused);
    const is_seen = shown.outlineStyle !== 'none' && parseFloat(shown.outlineWidth) >= 2;
    return [focused.getAttribute('aria-label') ?? focused.innerText, is_seen];
}"""
# Words of the data and names that are the same in every language.
LATIN_ANYWHERE = r"USD|UTC|CSV|English|App pages"


@pytest.fixture(scope="module")
def release(sample_home: Path) -> Path:
    """The folder of the release."""
    return (sample_home / "published" / "current").resolve()


@pytest.fixture(scope="module")
def dashboard(sample_home: Path) -> Iterator[Served]:
    """The dashboard on it."""
    with served(sample_home) as answering:
        yield answering


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests."""
    with opened_browser() as opened:
        yield opened


def ask(release: Path, sql: str) -> list[tuple]:
    """Rows of the marts, read the plain way."""
    with duckdb.connect(str(release / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def last_complete(release: Path, grain: str) -> dt.date:
    sql = f"select max(period_start) from dim_period where period_grain = '{grain}' and is_complete"
    return ask(release, sql)[0][0]


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("grain", ["week", "month", "year"])
def test_every_figure_is_its_numerator_by_its_denominator(release: Path, name: str, grain: str) -> None:
    selection = Selection(grain, "window_90", "all", "all", dt.date(2026, 1, 1))
    frame = values.series(release, name, selection, 30).dropna(subset=["value"])
    assert len(frame) > 1
    scale = 100 if METRICS[name].kind == "score" else 1
    assert (frame["value"] - scale * frame["numerator"] / frame["denominator"]).abs().max() < 1e-4


@pytest.mark.parametrize("grain", GRAINS)
def test_comparisons_are_those_of_the_marts(release: Path, grain: str) -> None:
    selection = Selection(grain, "contract", "country", "AE", dt.date(2026, 1, 1))
    frame = values.series(release, "retention", selection, 30)
    rows = ask(
        release,
        "select retention_rate, retention_rate_previous_period, retention_rate_same_period_last_year "
        f"from retention_by_period where period_grain = '{grain}' and activity_definition = 'contract' "
        "and segment_type = 'country' and segment_value = 'AE' order by period_start",
    )
    found = frame[["value", "previous", "last_year"]].astype(object).where(frame.notna(), None)
    assert [tuple(row) for row in found.itertuples(index=False)] == [pytest.approx(row) for row in rows]


def test_value_to_date_ends_at_the_historic_lifetime_value(release: Path) -> None:
    frame = values.series(release, "value_to_date", Selection("month", "", "all", "all", dt.date(2026, 1, 1)), 30)
    total, buyers = ask(
        release,
        "select sum(clv_amount), count(*) filter (purchase_count > 0) from customer_lifetime_value "
        "where clv_method = 'historic'",
    )[0]
    assert (frame["numerator"].iloc[-1], frame["denominator"].iloc[-1]) == (pytest.approx(float(total)), buyers)


@pytest.mark.parametrize("segment", [("all", "all"), ("country", "AE")])
def test_every_customer_is_in_the_distribution_or_among_those_without_a_figure(
    release: Path, segment: tuple[str, str]
) -> None:
    methods = lifetime_value.by_method(release, *segment).set_index("method")["count"]
    gaps = lifetime_value.gaps(release, *segment).groupby("method")["count"].sum()
    condition = "true" if segment[0] == "all" else f"{segment[0]} = '{segment[1]}'"
    customers = ask(release, f"select count(*) from dim_customer where {condition}")[0][0]
    for method in METHODS:
        bars = lifetime_value.distribution(release, method, *segment)
        assert bars["count"].sum() == methods[method]
        assert methods[method] + gaps.get(method, 0) == customers


def test_lifetime_values_show_their_formula_and_what_they_are_made_of(
    release: Path, sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(sample_home))
    texts = load_texts("en")
    view = View(open_release(), texts, Selection("month", "window_90", "all", "all", dt.date(2026, 1, 1)))
    marts = ask(
        release,
        "select clv_method, sum(clv_amount), count(*) from customer_lifetime_value where clv_status = 'ok' group by 1",
    )
    expected = {
        texts(f"method.{method}"): (
            texts.amount(total / count, "USD"),
            texts(f"method_formula.{method}"),
            f"{texts.amount(total, 'USD')} ÷ {texts.number(count)}",
        )
        for method, total, count in marts
    }
    cards = method_cards(view, ("all", "all"))
    assert {card.label: (card.value, card.facts[0][1], card.facts[1][1]) for card in cards} == expected
    assert len(expected) == len(METHODS)


@pytest.mark.parametrize("steps", [CUSTOMER_STEPS, REVENUE_STEPS])
def test_movements_lead_from_start_to_end(release: Path, steps: dict[str, int]) -> None:
    start = last_complete(release, "quarter")
    frame = customers.movements(release, steps, Selection("quarter", "purchase", "all", "all", start))
    assert frame["end"].iloc[-2] == pytest.approx(frame["amount"].iloc[-1])
    assert frame["amount"].iloc[0] > 0


def test_twenty_releases_while_the_page_is_looked_at(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    settings = load_settings()
    for number in range(20):
        folder = settings.published_dir / "releases" / f"release-{number:02d}"
        shutil.copytree(release, folder)
        details = json.loads((folder / "release.json").read_text()) | {"release_id": folder.name}
        (folder / "release.json").chmod(0o644)
        (folder / "release.json").write_text(json.dumps(details))
        _switch_current(settings, folder)
        page = AppTest.from_file(APP, default_timeout=60).run()
        assert not page.exception
        shown = [html.value for html in page.get("html")]
        assert [html for html in shown if 'class="footer"' in html and folder.name in html], page.title


def test_without_a_release_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert page.title[0].value == load_texts("en")("app.no_release_title")
    assert page.code[0].value == "make run"


def test_a_broken_release_is_named_without_a_traceback(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(release, tmp_path / "published" / "current")
    (tmp_path / "published" / "current" / "churn_by_period.parquet").unlink()
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert not page.exception
    assert load_texts("en")("app.unreadable_title") in [title.value for title in page.title]


@needs_browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_in_every_language(dashboard: Served, browser: Browser, release: Path, language: str) -> None:
    texts = load_texts(language)
    values = {str(value) for (value,) in ask(release, "select distinct close_reason from churn_reasons_by_period")}
    values |= {"reports_dir", release.name}
    with visit(browser, dashboard.url) as seen:
        seen.open(language)
        assert seen.page.evaluate(
            "[document.documentElement.lang, getComputedStyle(document.querySelector('[data-testid=stApp]')).direction]"
        ) == [language, texts.direction]
        for number, name in enumerate(PAGES):
            if number:
                seen.go_to(number)
            assert seen.page.inner_text("h1") == texts(f"page.{name}")
            if language != "en" and name != "data_quality":
                left = seen.text()
                for value in sorted(values, key=len, reverse=True):
                    left = left.replace(value, "")
                assert re.findall(r"[A-Za-z]{3,}", re.sub(LATIN_ANYWHERE, "", left)) == [], name
    assert [file.path for file in dashboard.process.open_files() if str(release.parents[2]) in file.path] == []


@needs_browser
@pytest.mark.parametrize(("language", "grain"), [("en", "month"), ("ar", "quarter"), ("fa", "year")])
def test_figures_on_the_page_are_those_of_the_marts(
    dashboard: Served, browser: Browser, release: Path, language: str, grain: str
) -> None:
    texts, start = load_texts(language), last_complete(release, grain)
    cut = f"period_grain = '{grain}' and period_start = '{start}' and segment_type = 'country' and segment_value = 'AE'"
    rule = f"{cut} and activity_definition = 'purchase'"
    retention = ask(release, f"select retention_rate from retention_by_period where {rule}")[0][0]
    churn = ask(release, f"select churn_rate from churn_by_period where {rule}")[0][0]
    order_value = ask(release, f"select aov_net from order_value_by_period where {cut}")[0][0]
    satisfied = ask(
        release,
        f"select csat from csat_by_period where {cut} and metric = 'csat' and survey_id = 'all' and touchpoint = 'all'",
    )
    with visit(browser, dashboard.url) as seen:
        seen.open(language)
        if grain != "month":
            seen.choose(texts("app.grain"), texts(f"grain.{grain}"))
        seen.choose(texts("app.definition"), texts("definition.purchase"))
        seen.choose(texts("app.segment_type"), texts("segment_type.country"))
        expected = {
            "retention": texts.rate(retention),
            "churn": texts.rate(churn),
            "aov": texts.amount(order_value, "USD"),
            "csat": texts.rate(satisfied[0][0] if satisfied else None),
        }
        wanted = {name: text.translate(INVISIBLE) for name, text in expected.items()}
        # On a busy machine the page still shows the figures of the choice before.
        deadline = time.monotonic() + 20
        while (shown := {name: seen.figure(name) for name in expected}) != wanted and time.monotonic() < deadline:
            time.sleep(0.2)
        assert shown == wanted


@needs_browser
def test_filters_stay_when_the_reader_goes_to_another_page(dashboard: Served, browser: Browser) -> None:
    texts = load_texts("en")
    chosen = {"grain": "grain.quarter", "definition": "definition.purchase", "segment_type": "segment_type.country"}
    with visit(browser, dashboard.url) as seen:
        seen.open("en")
        for name, option in chosen.items():
            seen.choose(texts(f"app.{name}"), texts(option))
        line = seen.page.locator(".shown-is")
        seen.page.wait_for_function("document.querySelector('.shown-is').innerText.includes('AE')")
        before = line.inner_text()
        assert texts("definition.purchase") in before
        assert "Q" in before
        for number in range(1, len(PAGES)):
            seen.go_to(number)
            assert line.first.inner_text() == before


@needs_browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_readable_on_a_phone_and_with_a_screen_reader(dashboard: Served, browser: Browser, language: str) -> None:
    with visit(browser, dashboard.url, width=390) as seen:
        seen.open(language)
        main = seen.page.locator("[data-testid=stMain]")
        assert main.evaluate("main => main.scrollWidth <= main.clientWidth + 1")
        found = Axe().run(seen.page, context={"include": [[".stMainBlockContainer"]]}).response["violations"]
        serious = [
            (rule["id"], node["html"][:200])
            for rule in found
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]
        assert serious == []


@needs_browser
def test_values_of_the_data_are_shown_as_they_are(release: Path, browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "published" / "current"
    shutil.copytree(release, folder)
    with duckdb.connect() as connection:
        for path in folder.glob("*.parquet"):
            described = connection.execute(f"describe from '{path}'").fetchall()
            texts = [name for name, kind, *_ in described if kind == "VARCHAR" and name in ("segment_value", "country")]
            if texts:
                changed = ", ".join(f"replace({name}, 'AE', $evil) as {name}" for name in texts)
                connection.execute(
                    f"create or replace table mart as select * replace ({changed}) from '{path}'", {"evil": EVIL}
                )
                path.unlink()
                connection.execute(f"copy mart to '{path}' (format parquet)")
    texts = load_texts("en")
    with served(tmp_path) as dashboard, visit(browser, dashboard.url) as seen:
        seen.open("en")
        seen.go_to(list(PAGES).index("retention"))
        seen.choose(texts("app.segment_type"), texts("segment_type.country"))
        seen.choose(texts("app.segment_value"), EVIL)
        assert EVIL in seen.text()
        table = seen.page.locator("[data-table=retention_strict-by-segment]")
        assert EVIL in table.text_content()
        assert seen.page.evaluate("window.hacked") is None
        assert seen.page.locator("a[href*='example.com']").count() == 0


@needs_browser
def test_the_keyboard_reaches_everything_in_order_and_is_seen(dashboard: Served, browser: Browser) -> None:
    texts = load_texts("en")
    filters = ("language", "grain", "period", "definition", "segment_type", "shown")
    wanted = [*(texts(f"page.{page}") for page in PAGES), *(texts(f"app.{name}") for name in filters)]
    with visit(browser, dashboard.url) as seen:
        seen.open("en")
        reached, unseen = [], []
        # The link that skips the side bar comes first, the first chart after the filters.
        for _ in range(len(wanted) + 4):
            seen.page.keyboard.press("Tab")
            name, is_seen = seen.page.evaluate(FOCUS)
            reached.append(name)
            unseen += [] if is_seen else [name]
        assert reached[1 : len(wanted) + 1] == wanted
        assert unseen == []
        # A filter is changed by keys alone.
        before = seen.page.locator(".shown-is").inner_text()
        seen.page.get_by_label(texts("app.grain"), exact=True).first.focus()
        for key in ("ArrowDown", "ArrowDown", "Enter"):
            seen.page.keyboard.press(key)
        seen.page.wait_for_function("text => document.querySelector('.shown-is')?.innerText !== text", arg=before)
        seen.settle()
