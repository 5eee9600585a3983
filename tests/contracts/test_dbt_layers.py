"""The rules of the dbt project: who reads whom, what is tested, what things are called."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.loading.contracts import load_feeds
from dagster_project.settings import DBT_PROJECT_DIR

# What a model reads of the history that runs keep, not of the extracts.
HISTORY = {"check_results": "data_quality", "restatements": "metric_restatements"}
# A table of its own after from or join: schema.table without the braces of ref() or source().
HARD_CODED = re.compile(
    r"\b(?:from|join)\s+\"?(?:raw|staging|refresh|intermediate|marts|reference|main)\"?\.", re.IGNORECASE
)
NAME_OF_LAYER = {
    "staging": re.compile(r"stg_[a-z]+__[a-z_]+s"),
    "refresh": re.compile(r"int_[a-z_]+_(changed|touched)"),
    "intermediate": re.compile(r"int_[a-z_]+"),
    "marts": re.compile(r"[a-z_]+"),
}
# Sums that only the next model reads; its grain has a column that may be NULL, which a key may not.
WITHOUT_KEY = {
    "int_movements_aggregated",
    *(f"int_movements_by_{grain}" for grain in ("week", "month", "quarter", "year")),
}


def sources_of_yml() -> dict[str, list[str]]:
    document = yaml.safe_load((DBT_PROJECT_DIR / "models" / "staging" / "_sources.yml").read_text(encoding="utf-8"))
    return {
        table["name"]: [column["name"] for column in table.get("columns", [])]
        for source in document["sources"]
        for table in source["tables"]
    }


def test_sources_are_the_feeds_of_the_contract_and_the_history_of_runs() -> None:
    assert set(sources_of_yml()) == {*load_feeds(), *HISTORY}


@pytest.mark.parametrize("feed", load_feeds())
def test_the_columns_of_a_source_are_those_of_its_feed(feed: str) -> None:
    assert sources_of_yml()[feed] == list(load_feeds()[feed].columns)


@pytest.mark.parametrize("feed", load_feeds())
def test_a_source_reads_the_folder_that_the_loader_writes(manifest: dict[str, Any], feed: str) -> None:
    source = next(source for source in manifest["sources"].values() if source["name"] == feed)
    assert source["meta"]["folder"] == f"lake/raw/{feed}"


def test_no_column_is_described_twice() -> None:
    """dbt takes the last description without a word."""
    twice = {}
    for path in (DBT_PROJECT_DIR / "models").rglob("*.yml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for model in document.get("models", []):
            counts = Counter(column["name"] for column in model.get("columns", []))
            twice |= {(model["name"], name): count for name, count in counts.items() if count > 1}
    assert twice == {}


def test_staging_reads_sources_or_staging_only(models: dict[str, dict[str, Any]]) -> None:
    wrong = {
        name: [parent for parent in node["depends_on"]["nodes"] if not is_source_or_staging(parent)]
        for name, node in models.items()
        if node["schema"] == "staging"
    }
    assert {name: parents for name, parents in wrong.items() if parents} == {}


def is_source_or_staging(unique_id: str) -> bool:
    resource_type, *_, name = unique_id.split(".")
    return resource_type == "source" or name.startswith("stg_")


def test_only_staging_reads_sources(models: dict[str, dict[str, Any]]) -> None:
    readers = {
        (name, parent.split(".")[-1])
        for name, node in models.items()
        if node["schema"] != "staging"
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("source.")
    }
    assert readers == {(mart, source) for source, mart in HISTORY.items()}


def test_no_layer_reads_a_later_one(models: dict[str, dict[str, Any]]) -> None:
    # What a refresh concerns is worked out on the way through the intermediate tables.
    order = {"staging": 0, "refresh": 1, "intermediate": 1, "marts": 2}
    backwards = [
        (name, parent)
        for name, node in models.items()
        for parent in (identifier.split(".")[-1] for identifier in node["depends_on"]["nodes"])
        if parent in models and order[models[parent]["schema"]] > order[node["schema"]]
    ]
    assert backwards == []


def test_every_feed_is_read(models: dict[str, dict[str, Any]]) -> None:
    read = {parent.split(".")[-1] for node in models.values() for parent in node["depends_on"]["nodes"]}
    assert sorted(set(load_feeds()) - read) == []


def sql_files() -> list[Path]:
    return sorted((DBT_PROJECT_DIR / "models").rglob("*.sql")) + sorted((DBT_PROJECT_DIR / "macros").rglob("*.sql"))


@pytest.mark.parametrize("path", sql_files(), ids=lambda path: path.stem)
def test_no_relation_is_named_but_by_ref_or_source(path: Path) -> None:
    assert HARD_CODED.findall(path.read_text(encoding="utf-8")) == []


def test_file_model_and_table_have_one_name(models: dict[str, dict[str, Any]]) -> None:
    differing = [
        name
        for name, node in models.items()
        if not name == node["alias"] == Path(node["path"]).stem or Path(node["path"]).parts[0] != node["schema"]
    ]
    assert differing == []


def test_names_say_the_layer(models: dict[str, dict[str, Any]]) -> None:
    wrong = [name for name, node in models.items() if not NAME_OF_LAYER[node["schema"]].fullmatch(name)]
    wrong += [name for name, node in models.items() if node["schema"] == "marts" and name.startswith(("stg_", "int_"))]
    assert wrong == []


def test_every_model_says_what_it_holds(models: dict[str, dict[str, Any]]) -> None:
    assert [name for name, node in models.items() if "One row" not in node["description"]] == []


def test_every_model_has_a_key_test(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    keyed = {
        parent.split(".")[-1]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "unique_combination"
        for parent in node["depends_on"]["nodes"]
    }
    assert set(models) - keyed == WITHOUT_KEY


def test_no_column_is_listed_without_words(models: dict[str, dict[str, Any]]) -> None:
    empty = [
        f"{name}.{column['name']}"
        for name, node in models.items()
        for column in node["columns"].values()
        if not column["description"].strip()
    ]
    assert empty == []


def test_every_model_with_logic_of_a_metric_has_a_unit_test(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    tested = {unit_test["model"] for unit_test in manifest["unit_tests"].values()}
    untested = [name for name, node in models.items() if node["schema"] == "intermediate" and name not in tested]
    assert untested == []


def test_every_unit_test_says_what_was_worked_out_by_hand(manifest: dict[str, Any]) -> None:
    silent = [test["name"] for test in manifest["unit_tests"].values() if len(test["description"] or "") < 40]
    assert silent == []
