"""Inputs of a build: equal exactly when the marts would be equal."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dagster_project.publishing.inputs import BuildInputs, describe_inputs

# A file of each kind that decides figures or whether they pass, from the dbt project.
DEFINITIONS = ("dbt_project.yml", "models/marts/a.sql", "macros/b.sql", "seeds/c.csv", "../expectations/marts.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "dbt"
    folder.mkdir()
    for name in DEFINITIONS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("as it was")
    return folder


def entry(batch_id: str, status: str = "loaded", loaded_at: str = "2026-03-01") -> SimpleNamespace:
    return SimpleNamespace(batch_id=batch_id, status=status, load_sequence=1, loaded_at=loaded_at)


def inputs(
    project: Path, *, dataset: str = "sample", variables: dict | None = None, ledger: tuple = ("a", "b")
) -> BuildInputs:
    return describe_inputs(dataset, variables or {}, [entry(name) for name in ledger], project)


def test_order_of_batches_and_refused_files_change_nothing(project: Path) -> None:
    other = describe_inputs("sample", {}, [entry("b"), entry("a"), entry("c", "refused")], project)
    assert other == inputs(project)


def test_data_variables_and_dataset_change_them(project: Path) -> None:
    before = inputs(project)
    assert inputs(project, ledger=("a",)) != before
    assert inputs(project, variables={"first_weekday": 6}) != before
    assert inputs(project, dataset="other") != before


def test_a_variable_that_is_set_to_its_default_changes_nothing(project: Path) -> None:
    assert inputs(project, variables={"first_weekday": 1}) == inputs(project)


def test_they_name_every_variable_as_the_models_see_it(project: Path) -> None:
    variables = inputs(project, variables={"first_weekday": 6}).variables
    assert (variables["first_weekday"], variables["small_base_limit"]) == (6, 30)


def test_a_file_that_is_loaded_a_second_time_may_be_read_otherwise(project: Path) -> None:
    """A lake is put back from a copy and the mapping changed since: the same file gets the same number again."""
    again = describe_inputs("sample", {}, [entry("a"), entry("b", loaded_at="2026-03-02")], project)
    assert again != inputs(project)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_changes_them(project: Path, name: str) -> None:
    before = inputs(project)
    (project / name).write_text("as it is now")
    assert inputs(project) != before


def test_a_file_that_comes_or_gets_another_name_changes_them(project: Path) -> None:
    before = inputs(project)
    other = (project / "macros" / "b.sql").rename(project / "macros" / "c.sql")
    renamed = inputs(project)
    other.with_name("d.sql").write_text("as it was")
    assert before != renamed != inputs(project)


def test_what_python_leaves_beside_the_suites_changes_nothing(project: Path) -> None:
    before = inputs(project)
    (project.parent / "expectations" / "marts.cpython-311.pyc").write_text("compiled")
    assert inputs(project) == before
