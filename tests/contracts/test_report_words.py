"""What the stewards' report takes from the dbt project: tests in words, the feeds behind each staging table."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagster_project.loading.contracts import load_feeds
from dagster_project.transforming.catalog import feeds_of_staging_tables
from dagster_project.transforming.test_words import WORDS, describe_test


@pytest.fixture(scope="module")
def data_tests(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every data test by name."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "test"}


def test_every_kind_of_test_has_words(data_tests: dict[str, dict[str, Any]]) -> None:
    kinds = {node["test_metadata"]["name"] for node in data_tests.values() if node.get("test_metadata")}
    assert kinds <= WORDS.keys()
    for name, node in data_tests.items():
        words = describe_test(node)
        assert len(words.split()) > 3, name
        assert name not in words


def test_words_say_what_holds(data_tests: dict[str, dict[str, Any]]) -> None:
    assert describe_test(data_tests["int_calendar_days_key_is_unique"]) == (
        "No two rows have the same period_grain and calendar_date, and none of these is empty."
    )
    assert "first before last (first_purchase_date <= last_purchase_date)" in describe_test(
        data_tests["dim_customer_identities_hold"]
    )
    assert describe_test(data_tests["assert_churn_reasons_add_up"]).startswith(
        "Every lost customer has exactly one reason: the reasons add up"
    )


def test_every_staging_table_is_traced_to_its_feeds(manifest: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    feeds = feeds_of_staging_tables(path)
    assert feeds["staging.stg_crm__customers"] == {"crm_customers"}
    assert set().union(*feeds.values()) == set(load_feeds())
    assert feeds_of_staging_tables(tmp_path / "nothing.json") == {}
