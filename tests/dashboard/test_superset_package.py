"""The ready Superset dashboard: its questions fit the marts, and its file holds the database that was named."""

import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dashboard.superset_package import FILES, pack


def documents(kind: str) -> list[dict[str, Any]]:
    """The committed files of a kind."""
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((FILES / kind).glob("*.yaml"))]


@pytest.mark.parametrize("dataset", documents("datasets"), ids=lambda dataset: dataset["table_name"])
def test_a_dataset_and_its_figures_can_be_asked_of_a_release(sample_home: Path, dataset: dict[str, Any]) -> None:
    marts = sample_home / "published" / "current" / "marts.duckdb"
    figures = ", ".join(metric["expression"] for metric in dataset["metrics"])
    with duckdb.connect(str(marts), read_only=True) as connection:
        found = connection.execute(f"describe {dataset['sql']}").fetchall()
        assert [column["column_name"] for column in dataset["columns"]] == [name for name, *_ in found]
        values = connection.execute(f"select {figures} from ({dataset['sql']})").fetchall()[0]
    assert None not in values


def test_every_chart_asks_for_figures_and_columns_of_its_dataset() -> None:
    datasets = {dataset["uuid"]: dataset for dataset in documents("datasets")}
    charts = documents("charts")
    assert len(charts) == 10
    for chart in charts:
        dataset, asked = datasets[chart["dataset_uuid"]], chart["params"]
        metrics = asked.get("metrics", [asked.get("metric")])
        assert {*metrics} <= {metric["metric_name"] for metric in dataset["metrics"]}
        columns = {asked["x_axis"], *asked.get("groupby", [])}
        assert columns <= {column["column_name"] for column in dataset["columns"]}


def test_every_chart_is_on_the_dashboard() -> None:
    (dashboard,) = documents("dashboards")
    placed = {part["meta"]["uuid"] for name, part in dashboard["position"].items() if name.startswith("CHART-")}
    assert placed == {chart["uuid"] for chart in documents("charts")}


@pytest.mark.parametrize("address", ["duckdb:////data/current/marts.duckdb", "postgresql://superset@db.example/bi"])
def test_the_package_names_the_database(tmp_path: Path, address: str) -> None:
    package = tmp_path / "package.zip"
    pack(address, package)
    assert package.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(package) as archive:
        assert len(archive.namelist()) == len(list(FILES.rglob("*.yaml")))
        database = yaml.safe_load(archive.read("package/databases/marts.yaml"))
    assert database["sqlalchemy_uri"] == address
    # A server has no such way of opening: its role is what makes it read-only.
    assert ("read_only" in str(database)) is address.startswith("duckdb:")
