"""The dbt project as dbt itself reads it, parsed once for all workers; no engine run."""

import json
from typing import Any

import pytest

from dagster_project.transforming.dbt_runner import DbtProject


@pytest.fixture(scope="session")
def manifest(parsed_project: DbtProject) -> dict[str, Any]:
    """dbt's manifest."""
    return json.loads(parsed_project.manifest_path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every model by name."""
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="session")
def marts(models: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every mart by name."""
    return {name: node for name, node in models.items() if node["schema"] == "marts"}
