"""Lineage to the readers: every mart that is published stands in the exposures of each way to read it."""

from typing import Any


def test_every_mart_is_exposed_by_every_way_to_read_a_release(manifest: dict[str, Any]) -> None:
    marts = {
        node["unique_id"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts"
    }
    assert marts
    exposures = {exposure["name"]: set(exposure["depends_on"]["nodes"]) for exposure in manifest["exposures"].values()}
    assert exposures.keys() >= {"release_files", "postgres_schema_marts"}
    for name in ("release_files", "postgres_schema_marts"):
        assert exposures[name] == marts


def test_the_semantic_layer_names_the_marts_of_its_models(manifest: dict[str, Any]) -> None:
    asked = {model["depends_on"]["nodes"][0] for model in manifest["semantic_models"].values()}
    (exposure,) = [one for one in manifest["exposures"].values() if one["name"] == "semantic_layer"]
    assert set(exposure["depends_on"]["nodes"]) == asked
