"""The unit tests of the dbt project: hand-worked rows for every metric, run on an empty warehouse.

They stand beside the models (`_*_unit_tests.yml`); the scheduled runs leave them out. Here each is one test of its own.
"""

import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.loading.batches import ensure_contract_batches
from dagster_project.publishing.restatements import ensure_restatements_contract
from dagster_project.quality.history import ensure_contract_file
from dagster_project.settings import DBT_PROJECT_DIR, load_settings
from dagster_project.transforming.dbt_runner import DbtProject, NodeResult, run_dbt

FILES = sorted((DBT_PROJECT_DIR / "models").glob("*/_*_unit_tests.yml"))
NAMES = [
    unit_test["name"] for file in FILES for unit_test in yaml.safe_load(file.read_text(encoding="utf-8"))["unit_tests"]
]


@pytest.fixture(scope="module")
def results(parsed_project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NodeResult]:
    """Result of every unit test, by name. The models are built without a row first: the tests read their types."""
    home: Path = tmp_path_factory.mktemp("unit_tests")
    settings = load_settings({"WAREHOUSE_HOME": str(home)})
    project = DbtProject(settings, parsed_project.dataset, parsed_project.variables)
    shutil.copytree(parsed_project.target_dir, project.target_dir)
    with duckdb.connect() as connection:
        ensure_contract_batches(connection, settings, project.dataset)
    ensure_contract_file(settings, project.dataset)
    ensure_restatements_contract(settings, project.dataset)
    built = run_dbt(project, "build", ["*"], "--empty", "--resource-type", "seed", "--resource-type", "model")
    assert [result.name for result in built if not result.is_good] == []
    tested = run_dbt(project, "test", ["test_type:unit"])
    return {result.name: result for result in tested if result.resource_type == "unit_test"}


def test_no_unit_test_is_forgotten(results: dict[str, NodeResult]) -> None:
    assert len(NAMES) == len(set(NAMES))
    assert sorted(results) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_agrees_with_the_rows_worked_by_hand(results: dict[str, NodeResult], name: str) -> None:
    assert results[name].is_good, results[name].message
