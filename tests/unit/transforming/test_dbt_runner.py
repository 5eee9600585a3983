"""dbt in this process, tried on a project of two tables."""

import json
import os
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from dagster_project.settings import Settings
from dagster_project.transforming import dbt_runner
from dagster_project.transforming.catalog import count_rows, describe_tables
from dagster_project.transforming.dbt_runner import DbtError, DbtProject, ensure_manifest, run_dbt

FILES = {
    "dbt_project.yml": (
        "name: tiny\nversion: '1.0'\nprofile: tiny\nvars: {secret: 'x@example.com', dataset: d}\n"
        "models: {tiny: {+materialized: table, +schema: staging}}\n"
    ),
    "profiles.yml": (
        "tiny:\n  target: \"{{ env_var('DBT_TARGET') }}\"\n  outputs:\n    duckdb:\n      type: duckdb\n"
        "      path: \"{{ env_var('WAREHOUSE_HOME') }}/warehouse.duckdb\"\n"
    ),
    "macros/schema.sql": "{% macro generate_schema_name(name, node) %}{{ name | trim }}{% endmacro %}",
    "models/good.sql": "select 1 as id, '{{ var('dataset') }}' as dataset union all select 1, ''",
    "models/bad.sql": "select '{{ var('secret') }}'::integer as number from {{ ref('good') }}",
    "models/models.yml": (
        "models:\n  - name: good\n    description: Two rows. One row a number.\n"
        "    columns:\n      - name: id\n        description: The number.\n        data_tests: [not_null, unique]\n"
    ),
}


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> DbtProject:
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return DbtProject(settings, "sample", {}, tmp_path / "project")


def test_models_tests_and_failures_come_back_as_results(project: DbtProject) -> None:
    results = {result.name: result for result in run_dbt(project, "build", ["good", "bad"])}
    assert results["good"].relation == "staging.good"
    assert results["good"].is_good
    assert results["not_null_good_id"].status == "pass"
    assert (results["unique_good_id"].status, results["unique_good_id"].rows_failed) == ("fail", 1)
    assert results["bad"].status == "skipped"


def test_a_failed_model_tells_in_one_line_and_without_values(project: DbtProject) -> None:
    bad = next(result for result in run_dbt(project, "run", ["+bad"]) if result.name == "bad")
    assert bad.status == "error"
    assert "Conversion Error" in bad.message
    assert "\n" not in bad.message
    assert "example.com" not in bad.message


def test_a_value_is_hidden_whole_whatever_it_holds() -> None:
    message = "Runtime Error\n  no date: 'Ann O'Brien\n of Oman' in column b\n\nLINE 3: where name = 'Bo'\n"
    assert dbt_runner._without_values(message) == "Runtime Error no date: '…' in column b"


def test_the_warehouse_is_closed_and_the_source_tree_untouched_afterwards(project: DbtProject) -> None:
    before = sorted(path for path in project.folder.rglob("*"))
    environment = dict(os.environ)
    run_dbt(project, "run", ["good"])
    with duckdb.connect(str(project.settings.warehouse_path)) as connection:
        assert connection.execute("select dataset from staging.good order by 1").fetchall() == [("",), ("sample",)]
    assert sorted(path for path in project.folder.rglob("*")) == before
    assert dict(os.environ) == environment
    assert count_rows(project.settings, ["staging.good"]) == {"staging.good": 2}


def test_what_is_parsed_serves_every_command_of_one_project_and_none_of_the_next(project: DbtProject) -> None:
    run_dbt(project, "run", ["good"])
    (project.folder / "models" / "good.sql").write_text("select 1 as id, '' as dataset where false")
    run_dbt(project, "run", ["good"])
    assert count_rows(project.settings, ["staging.good"]) == {"staging.good": 2}
    run_dbt(replace(project), "run", ["good"])
    assert count_rows(project.settings, ["staging.good"]) == {"staging.good": 0}


def test_the_manifest_is_parsed_again_only_after_a_change(project: DbtProject) -> None:
    parsed_at = ensure_manifest(project).stat().st_mtime_ns
    assert ensure_manifest(project).stat().st_mtime_ns == parsed_at
    # Somebody called dbt by hand: what it writes is no part of the project.
    (project.folder / "target").mkdir()
    (project.folder / "target" / "manifest.json").write_text("{}")
    assert ensure_manifest(project).stat().st_mtime_ns == parsed_at
    (project.folder / "models" / "good.sql").write_text("select 2 as id")
    assert ensure_manifest(project).stat().st_mtime_ns > parsed_at


def test_a_power_cut_leaves_no_half_manifest_that_passes_for_a_whole_one(
    project: DbtProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(BaseException):
        pass

    def cut(path: Path) -> None:
        path.write_text("half a mani")
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(dbt_runner, "sync", cut)
        with pytest.raises(PowerCutError):
            ensure_manifest(project)
    assert json.loads(ensure_manifest(project).read_text())["nodes"]


def files_parsed(project: DbtProject) -> int:
    """How many files dbt had to parse when it last looked at the project."""
    return json.loads((project.target_dir / "perf_info.json").read_text())["parsed_path_count"]


def test_a_home_that_was_moved_keeps_what_was_parsed(project: DbtProject, tmp_path: Path) -> None:
    run_dbt(project, "run", ["good"])
    assert files_parsed(project) > 0
    home = project.settings.warehouse_home.rename(tmp_path / "moved")
    moved = replace(project, settings=replace(project.settings, warehouse_home=home, memory_limit="1GB"))
    run_dbt(moved, "run", ["good"])
    assert files_parsed(moved) == 0
    assert count_rows(moved.settings, ["staging.good"]) == {"staging.good": 2}


def test_tables_come_with_their_words(project: DbtProject) -> None:
    good = describe_tables(ensure_manifest(project), "staging")[1]
    assert (good.name, good.description) == ("good", "Two rows. One row a number.")
    assert good.columns == {"id": "The number."}


def test_a_project_that_does_not_parse_is_one_message(project: DbtProject) -> None:
    (project.folder / "models" / "good.sql").write_text("select {{ ref('nowhere') }}")
    with pytest.raises(DbtError, match="depends on a node named"):
        run_dbt(project, "run", ["good"])
