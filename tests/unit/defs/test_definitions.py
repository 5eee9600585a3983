"""What Dagster is told: every table an asset, every layer behind a gate, every promised job there."""

from itertools import pairwise
from typing import Any

import dagster as dg
import pytest

from dagster_project.defs import jobs
from dagster_project.loading.contracts import load_feeds
from dagster_project.quality.report_content.stages import STAGES
from dagster_project.settings import SettingsError, load_settings

LAYERS = ["raw", "staging", "intermediate", "marts"]
JOBS = {"daily_refresh", "full_rebuild", "validate_only", "replay_quarantine", "erase_customer", "publish_release"}
# Built after the gate of the other marts: about the build itself.
QUALITY_MARTS = {"data_quality", "metric_restatements"}
RELEASE = dg.AssetKey(["published", "release"])


@pytest.fixture(scope="session")
def graph(definitions: dg.Definitions) -> Any:
    return definitions.resolve_asset_graph()


def tables_of(graph: Any, layer: str) -> set[str]:
    return {key.path[1] for key in graph.materializable_asset_keys if key.path[0] == layer}


def test_the_promised_jobs_are_there(definitions: dg.Definitions) -> None:
    assert {job.name for job in definitions.jobs} == JOBS
    for name in JOBS:
        assert definitions.resolve_job_def(name).description


def test_the_schedule_runs_in_the_time_zone_of_the_settings(definitions: dg.Definitions) -> None:
    (schedule,) = definitions.schedules
    assert schedule.job_name == "daily_refresh"
    assert schedule.cron_schedule == "0 4 * * *"
    assert schedule.execution_timezone == "Asia/Dubai"


def test_a_schedule_that_cannot_be_is_told_by_its_name(definitions: dg.Definitions) -> None:
    with pytest.raises(SettingsError, match=r"REFRESH_SCHEDULE is '61 4 \* \* \*'; it must be a cron line"):
        jobs._daily(load_settings({"REFRESH_SCHEDULE": "61 4 * * *"}))


def test_every_feed_of_the_contract_is_a_raw_asset(graph: Any) -> None:
    assert tables_of(graph, "raw") == set(load_feeds())


def test_every_asset_has_words_a_group_and_an_owner(graph: Any) -> None:
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        assert node.group_name == key.path[0]


def test_models_outside_the_layers_cannot_be_forgotten(graph: Any) -> None:
    assert {key.path[0] for key in graph.materializable_asset_keys} == {*LAYERS, "reference", "refresh", "published"}
    assert graph.external_asset_keys == set()


def test_every_table_that_is_built_from_data_has_a_blocking_gate(graph: Any) -> None:
    for layer in LAYERS:
        for table in tables_of(graph, layer) - QUALITY_MARTS:
            check = graph.get(dg.AssetCheckKey(dg.AssetKey([layer, table]), "expectations"))
            assert check.blocking, table


def test_every_suite_has_a_table_and_every_table_a_suite(graph: Any) -> None:
    from dagster_project.quality.gates import suites_of

    for layer in LAYERS:
        suites = {suite.table.split(".")[1] for suite in suites_of(layer)}
        assert suites == tables_of(graph, layer) - QUALITY_MARTS, layer


def test_the_release_comes_after_every_mart(graph: Any) -> None:
    assert {key.path[1] for key in graph.get(RELEASE).parent_keys} == tables_of(graph, "marts")


@pytest.mark.parametrize("mart", sorted(QUALITY_MARTS))
def test_a_mart_about_the_build_comes_after_the_gate_of_the_other_marts(graph: Any, mart: str) -> None:
    parents = {key.path[1] for key in graph.get(dg.AssetKey(["marts", mart])).parent_keys}
    assert parents == tables_of(graph, "marts") - QUALITY_MARTS


def test_every_layer_waits_for_the_gate_of_the_one_before_and_every_gate_for_its_layer(
    definitions: dg.Definitions,
) -> None:
    order = ["load", "gate_raw", "build_staging", "gate_staging", "build_intermediate", "gate_intermediate"]
    order += ["build_marts", "gate_marts", "build_quality", "published__release"]
    job = definitions.resolve_job_def("daily_refresh")
    upstream = {
        node.name: {dependency.node for group in inputs.values() for dependency in group.get_node_dependencies()}
        for node, inputs in ((job.get_node_named(key.name), value) for key, value in job.graph.dependencies.items())
    }
    assert set(order) == {node.name for node in job.nodes}
    for earlier, later in pairwise(order):
        assert earlier in upstream[later], f"{later} does not wait for {earlier}"
    assert "gate_marts" in upstream["published__release"]


def test_publishing_alone_waits_for_the_gate_of_the_marts(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("publish_release")
    inputs = next(value for key, value in job.graph.dependencies.items() if key.name == "published__release")
    assert "gate_marts" in {
        dependency.node for group in inputs.values() for dependency in group.get_node_dependencies()
    }


def test_every_step_belongs_to_one_stage_of_the_stewards_report(definitions: dg.Definitions) -> None:
    steps = [node.name for node in definitions.resolve_job_def("daily_refresh").nodes_in_topological_order]
    assert sorted(steps) == sorted(step for _, steps_of_stage, _ in STAGES.values() for step in steps_of_stage)
