"""Inputs of a build: equal exactly when the marts would be equal."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dagster_project.publishing.inputs import BuildInputs, describe_inputs


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("models", "macros", "seeds"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: x")
    (tmp_path / "models" / "a.sql").write_text("select 1")
    return tmp_path


def entry(batch_id: str, status: str = "loaded", loaded_at: str = "2026-03-01") -> SimpleNamespace:
    return SimpleNamespace(batch_id=batch_id, status=status, load_sequence=1, loaded_at=loaded_at)


def inputs(
    project: Path, *, dataset: str = "sample", variables: dict | None = None, ledger: tuple = ("a", "b")
) -> BuildInputs:
    return describe_inputs(dataset, variables or {}, [entry(name) for name in ledger], project)


def test_order_of_batches_and_refused_files_change_nothing(project: Path) -> None:
    other = describe_inputs("sample", {}, [entry("b"), entry("a"), entry("c", "refused")], project)
    assert other == inputs(project)


def test_data_variables_dataset_and_definitions_change_them(project: Path) -> None:
    before = inputs(project)
    assert inputs(project, ledger=("a",)) != before
    assert inputs(project, variables={"first_weekday": 6}) != before
    assert inputs(project, dataset="other") != before
    (project / "models" / "a.sql").write_text("select 2")
    assert inputs(project) != before


def test_a_file_that_is_loaded_a_second_time_may_be_read_otherwise(project: Path) -> None:
    """A lake is put back from a copy and the mapping changed since: the same file gets the same number again."""
    again = describe_inputs("sample", {}, [entry("a"), entry("b", loaded_at="2026-03-02")], project)
    assert again != inputs(project)


def test_the_project_file_counts_because_defaults_stand_there(project: Path) -> None:
    before = inputs(project)
    (project / "dbt_project.yml").write_text("name: y")
    assert inputs(project) != before
