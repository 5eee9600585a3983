"""The dbt project as dbt itself reads it, parsed once into a temporary folder; no engine run."""

import json
from typing import Any

import pytest

from dagster_project.settings import load_settings
from dagster_project.transforming.dbt_runner import DbtProject, ensure_manifest


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """dbt's manifest."""
    settings = load_settings({"WAREHOUSE_HOME": str(tmp_path_factory.mktemp("parsed"))})
    path = ensure_manifest(DbtProject(settings, "sample", {}))
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every model by name."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="session")
def marts(models: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every mart by name."""
    return {name: node for name, node in models.items() if node["schema"] == "marts"}
