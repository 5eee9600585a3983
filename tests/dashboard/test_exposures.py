"""Lineage to the readers: dbt's exposures name the marts that each page, and each other way of reading, asks."""

import re
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import yaml

from dagster_project.settings import DBT_PROJECT_DIR
from dashboard import release
from dashboard.app import PAGES
from dashboard.superset_package import FILES
from tests.dashboard.one_page import one_page

# Read only where a segment is chosen, and these pages are looked at without.
FOR_SEGMENTS = {"lifetime_value": {"dim_customer"}}


@pytest.fixture(scope="module")
def exposures() -> dict[str, set[str]]:
    """The marts of each exposure, by its name."""
    document: dict[str, Any] = yaml.safe_load(
        (DBT_PROJECT_DIR / "models" / "exposures.yml").read_text(encoding="utf-8")
    )
    return {
        exposure["name"]: {re.fullmatch(r"ref\('(\w+)'\)", mart)[1] for mart in exposure["depends_on"]}
        for exposure in document["exposures"]
    }


@pytest.mark.parametrize("page", PAGES)
def test_the_exposure_of_a_page_names_the_marts_it_reads(
    page: str, exposures: dict[str, set[str]], sample_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = set()
    quote = release.quote_literal
    monkeypatch.setattr(release, "quote_literal", lambda path: read.add(path.stem) or quote(path))
    monkeypatch.setenv("WAREHOUSE_HOME", str(sample_home))
    st.cache_data.clear()
    assert not one_page(page).run().exception
    assert exposures[f"dashboard_{page}"] == read | FOR_SEGMENTS.get(page, set())


def test_every_page_is_an_exposure(exposures: dict[str, set[str]]) -> None:
    assert {name for name in exposures if name.startswith("dashboard_")} == {f"dashboard_{page}" for page in PAGES}


def test_the_exposure_of_superset_names_the_marts_of_its_datasets(exposures: dict[str, set[str]]) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (FILES / "datasets").glob("*.yaml")]
    asked = {mart for text in texts for mart in re.findall(r"(?:from|join) marts\.(\w+)", text)}
    assert asked == exposures["superset_dashboard"]
