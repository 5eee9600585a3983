"""Which asset a dbt test is a check of, on a manifest of three tables; and when a build may be called whole."""

from types import SimpleNamespace

import dagster as dg
import pytest

from dagster_project.defs import layers
from dagster_project.defs.layers import LAYERS, _raise_on_failures, check_specs, layer_of
from dagster_project.publishing.inputs import BuildInputs
from dagster_project.settings import Settings
from dagster_project.transforming.build_state import read_complete_build
from dagster_project.transforming.dbt_runner import DbtError, NodeResult


def model(name: str, schema: str, **changes: object) -> dict:
    unique_id = f"model.p.{name}"
    config = {"materialized": "table"}
    return {
        "unique_id": unique_id,
        "name": name,
        "alias": name,
        "schema": schema,
        "resource_type": "model",
        "config": config,
        **changes,
    }


def data_test(name: str, parents: list[str], severity: str = "error", attached_node: str | None = None) -> dict:
    return {
        "unique_id": f"test.p.{name}",
        "name": name,
        "resource_type": "test",
        "depends_on": {"nodes": [f"model.p.{parent}" for parent in parents]},
        "config": {"severity": severity},
        "attached_node": attached_node,
        "description": "",
        "raw_code": f"-- What {name} says.",
    }


def manifest(*tests: dict) -> dict:
    models = [model("stg_a", "staging"), model("mart_b", "marts"), model("mart_c", "marts")]
    return {"nodes": {node["unique_id"]: node for node in [*models, *tests]}}


def owners(*tests: dict, layer: str) -> dict[str, str]:
    checks = check_specs(manifest(*tests), layer)
    return {spec.name: "/".join(spec.asset_key.path) for spec in checks.values()}


def test_a_test_over_two_layers_belongs_to_the_later_table() -> None:
    test = data_test("reconciles", ["mart_b", "stg_a"])
    assert owners(test, layer="marts") == {"reconciles": "marts/mart_b"}
    assert owners(test, layer="staging") == {}


def test_within_a_layer_it_belongs_to_the_table_it_is_written_at() -> None:
    test = data_test("relationship", ["mart_c", "mart_b"], attached_node="model.p.mart_b")
    assert owners(test, layer="marts") == {"relationship": "marts/mart_b"}


def test_only_tests_of_severity_error_block() -> None:
    tests = [data_test("hard", ["stg_a"]), data_test("soft", ["stg_a"], severity="warn")]
    checks = check_specs(manifest(*tests), "staging").values()
    assert {spec.name: spec.blocking for spec in checks} == {"hard": True, "soft": False}


def test_layers_of_nodes() -> None:
    assert layer_of(model("mart_b", "marts")) == "marts"
    assert layer_of(model("data_quality", "marts")) == "quality"
    assert layer_of(model("metric_restatements", "marts")) == "quality"
    assert layer_of(model("currencies", "reference", resource_type="seed")) == "staging"
    assert layer_of(model("helper", "staging", config={"materialized": "ephemeral"})) is None
    assert layer_of(data_test("hard", [])) is None


@pytest.mark.parametrize("changed_meanwhile", [False, True])
def test_a_build_whose_definitions_changed_meanwhile_is_not_whole(
    settings: Settings, *, changed_meanwhile: bool
) -> None:
    """Half of its figures may follow the old ones, and no later refresh would mend them."""
    settings.warehouse_path.write_bytes(b"tables")
    inputs = BuildInputs("shop", data_version="1", definition_version="new")
    session = SimpleNamespace(
        settings=settings,
        definition_version="old" if changed_meanwhile else "new",
        layers_built=set(LAYERS[:-1]),
        describe_inputs=lambda: inputs,
    )
    if changed_meanwhile:
        with pytest.raises(DbtError, match="changed while this run was building"):
            layers._note_progress(session, LAYERS[-1], is_whole=True)
        assert read_complete_build(settings) is None
    else:
        layers._note_progress(session, LAYERS[-1], is_whole=True)
        assert read_complete_build(settings) == inputs.as_json()


def node_result(name: str, status: str, resource_type: str = "model") -> NodeResult:
    return NodeResult(f"{resource_type}.p.{name}", name, resource_type, "", status, "error", f"of {name}", 0.1, None)


GOOD = [node_result("stg_a", "success"), node_result("hard", "pass", "test"), node_result("soft", "warn", "test")]


def test_a_layer_of_which_all_is_built_and_at_most_warnings_are_left_is_good() -> None:
    _raise_on_failures("staging", GOOD, untouched=[])


@pytest.mark.parametrize(
    ("more", "untouched", "words"),
    [
        ([node_result("hard_b", "fail", "test")], [], "test hard_b: of hard_b"),
        ([node_result("stg_b", "error")], [], "model stg_b: of stg_b"),
        ([node_result("stg_b", "skipped")], [], "not built or tested because of that: stg_b"),
        ([], ["model.p.stg_b"], "dbt did not touch: model.p.stg_b"),
    ],
)
def test_a_layer_of_which_anything_failed_or_was_left_out_fails(
    more: list[NodeResult], untouched: list[str], words: str
) -> None:
    with pytest.raises(dg.Failure) as caught:
        _raise_on_failures("staging", [*GOOD, *more], untouched)
    assert caught.value.description == f"The staging layer failed.\n{words}"
    assert not caught.value.allow_retries
