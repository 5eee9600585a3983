"""The data dictionary of the sample as a file in a browser: whole, by itself, and readable by everybody."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from dagster_project.quality.report import _write_dictionary
from dagster_project.settings import load_settings
from dagster_project.transforming.catalog import column_types
from dagster_project.transforming.dictionary import Dictionary, read_dictionary
from tests.dashboard.browser import needs_browser, opened_browser

EVIL = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


@pytest.fixture(scope="module")
def page_path(sample_home: Path) -> Path:
    return sample_home / "reports" / "sample" / "dictionary.html"


@pytest.fixture(scope="module")
def dictionary(sample_home: Path) -> Dictionary:
    settings = load_settings({"WAREHOUSE_HOME": str(sample_home)})
    return read_dictionary(settings.dbt_dir / "sample" / "manifest.json", column_types(settings))


def test_every_column_of_every_table_has_words_and_a_type(dictionary: Dictionary) -> None:
    tables = [table for tables in dictionary.tables.values() for table in tables]
    assert len(tables) > 40
    assert [table.name for table in tables if not (table.description and table.grain and table.columns)] == []
    without = [f"{table.name}.{column.name}" for table in tables for column in table.columns if not column.description]
    assert without == []
    assert [column for table in tables for column in table.columns if not column.data_type] == []


def test_money_and_rates_of_the_marts_have_a_unit(dictionary: Dictionary) -> None:
    numbers = [
        (table.name, column.name)
        for table in dictionary.tables["marts"]
        for column in table.columns
        if column.data_type.startswith(("decimal", "double")) and not column.unit
    ]
    # Figures of any kind, as text beside them says.
    assert numbers == [
        ("metric_restatements", "first_published_value"),
        ("metric_restatements", "value_before"),
        ("metric_restatements", "value_after"),
        ("metric_restatements", "value_change"),
        ("order_value_by_period", "purchase_frequency"),
    ]


def test_dates_and_fractions_have_a_unit_of_their_own(dictionary: Dictionary) -> None:
    columns = [column for tables in dictionary.tables.values() for table in tables for column in table.columns]
    days = {column.unit for column in columns if column.data_type == "date"}
    assert days == {"date, reporting time zone"}
    fractions = {column.data_type for column in columns if column.unit == "fraction"}
    assert fractions == {"double"}


def test_every_formula_is_reached_from_a_column(dictionary: Dictionary) -> None:
    linked = {column.metric for table in dictionary.tables["marts"] for column in table.columns}
    assert {formula.name for formula in dictionary.formulas} - linked == {"average_lifetime_value"}


def test_every_link_leads_to_a_place_on_the_page(page_path: Path) -> None:
    html = page_path.read_text(encoding="utf-8")
    places = set(re.findall(r'id="([^"]+)"', html))
    links = re.findall(r'href="([^"]+)"', html)
    assert len(links) > 200
    assert [link for link in links if link.removeprefix("#") not in places] == []


@needs_browser
def test_it_stands_by_itself_and_is_accessible(page_path: Path, tmp_path: Path) -> None:
    alone = tmp_path / "sent_around.html"
    shutil.copy(page_path, alone)
    asked, complaints = [], []
    with opened_browser() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(alone.as_uri())
        assert page.locator("h3").count() > 40
        assert [violation["id"] for violation in Axe().run(page).response["violations"]] == []
        # On a phone tables and pictures scroll by themselves; the page is no wider than the window.
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.close()
    assert [urlsplit(url).path for url in asked] == [str(alone)]
    assert complaints == []


@needs_browser
def test_markup_in_words_of_the_project_is_text(sample_home: Path, tmp_path: Path) -> None:
    manifest = json.loads((sample_home / "dbt" / "sample" / "manifest.json").read_text(encoding="utf-8"))
    manifest["nodes"]["model.customer_retention.churn_by_period"]["description"] = EVIL
    manifest["exposures"]["exposure.customer_retention.release_files"]["label"] = EVIL
    manifest["metrics"]["metric.customer_retention.churn_rate"]["type_params"]["expr"] = EVIL
    settings = load_settings({"WAREHOUSE_HOME": str(tmp_path)})
    (settings.dbt_dir / "sample").mkdir(parents=True)
    (settings.dbt_dir / "sample" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    _write_dictionary(settings, "sample")
    with opened_browser() as browser:
        page = browser.new_page()
        page.goto((settings.reports_dir / "sample" / "dictionary.html").as_uri())
        assert page.evaluate("window.hacked") is None
        # A description, a formula, and a reader beside each mart that it reads.
        marts = len(manifest["exposures"]["exposure.customer_retention.release_files"]["depends_on"]["nodes"])
        assert page.locator("body").inner_text().count("<script>") == 2 + marts
        page.close()
