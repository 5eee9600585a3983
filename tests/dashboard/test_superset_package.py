"""The ready Superset dashboard: its questions fit the marts, and its file holds the database that was named."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
import yaml

from dagster_project.publishing.postgres import write_release
from dagster_project.publishing.releases import current_release
from dagster_project.settings import load_settings
from dashboard.superset_package import FILES, pack
from tests.postgres_server import new_database, postgres_server


def documents(kind: str) -> list[dict[str, Any]]:
    """The committed files of a kind."""
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((FILES / kind).glob("*.yaml"))]


def dataset_of(chart: dict[str, Any]) -> dict[str, Any]:
    (dataset,) = [dataset for dataset in documents("datasets") if dataset["uuid"] == chart["dataset_uuid"]]
    return dataset


@pytest.mark.parametrize("dataset", documents("datasets"), ids=lambda dataset: dataset["table_name"])
def test_a_dataset_and_its_figures_can_be_asked_of_a_release(sample_home: Path, dataset: dict[str, Any]) -> None:
    marts = sample_home / "published" / "current" / "marts.duckdb"
    figures = ", ".join(metric["expression"] for metric in dataset["metrics"])
    with duckdb.connect(str(marts), read_only=True) as connection:
        found = connection.execute(f"describe {dataset['sql']}").fetchall()
        assert [column["column_name"] for column in dataset["columns"]] == [name for name, *_ in found]
        values = connection.execute(f"select {figures} from ({dataset['sql']})").fetchall()[0]
    assert None not in values


@pytest.fixture(scope="module")
def address(sample_home: Path) -> Iterator[str]:
    """A PostgreSQL database that holds the release, of a server far from UTC."""
    with postgres_server() as server, new_database(server) as database:
        release = current_release(load_settings({"WAREHOUSE_HOME": str(sample_home)}))
        assert write_release(database, release, lambda: None) == []
        yield psycopg.conninfo.make_conninfo(database, options="-c TimeZone=America/New_York")


@pytest.mark.parametrize("dataset", documents("datasets"), ids=lambda dataset: dataset["table_name"])
def test_a_dataset_and_its_figures_can_be_asked_of_postgres(address: str, dataset: dict[str, Any]) -> None:
    figures = ", ".join(metric["expression"] for metric in dataset["metrics"])
    with psycopg.connect(address) as connection:
        found = connection.execute(f"select * from ({dataset['sql']}) as virtual_table limit 0")
        assert [column["column_name"] for column in dataset["columns"]] == [column.name for column in found.description]
        values = connection.execute(f"select {figures} from ({dataset['sql']}) as virtual_table").fetchone()
    assert None not in values


@pytest.mark.parametrize(
    "chart",
    [chart for chart in documents("charts") if "time_grain_sqla" in chart["params"]],
    ids=lambda chart: chart["slice_name"],
)
def test_a_period_starts_on_its_day_wherever_the_server_stands(address: str, chart: dict[str, Any]) -> None:
    dataset = dataset_of(chart)
    # As Superset asks PostgreSQL for days.
    day = f"date_trunc('day', {chart['params']['x_axis']})"
    with psycopg.connect(address) as connection:
        rows = connection.execute(f"select distinct period_start, {day} from ({dataset['sql']}) as t").fetchall()
    assert len(rows) > 100
    assert [row for row in rows if row[1].tzinfo is not None or row[1].date() != row[0]] == []


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


@pytest.mark.parametrize(
    ("tile", "count", "words"),
    [
        (
            "Customer satisfaction, last complete period",
            "valid_answer_count",
            "against the last period with answers before",
        ),
        (
            "Average order value, last complete period",
            "valued_order_count",
            "against the last period with orders before",
        ),
    ],
)
def test_a_tile_passes_over_periods_without_a_figure_and_says_so(
    sample_home: Path, tile: str, count: str, words: str
) -> None:
    (chart,) = [chart for chart in documents("charts") if chart["slice_name"] == tile]
    dataset, asked = dataset_of(chart), chart["params"]
    mart = dataset["table_name"]
    (figure,) = [metric["expression"] for metric in dataset["metrics"] if metric["metric_name"] == asked["metric"]]
    where = " and ".join(f"({condition['sqlExpression']})" for condition in asked["adhoc_filters"])
    question = (
        f"select {asked['x_axis']}, {figure} from ({dataset['sql']}) where {where} "
        "and period_grain = 'month' and segment_type = 'all' group by 1 order by 1 desc"
    )
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(f"create table marts.{mart} as from '{sample_home}/published/current/{mart}.parquet'")
        before = connection.execute(question).fetchall()
        # The last complete month has none, and the third last is not there at all.
        connection.execute(f"update marts.{mart} set {count} = 0 where period_start = ?", [before[0][0]])
        connection.execute(f"delete from marts.{mart} where period_start = ?", [before[2][0]])
        assert connection.execute(question).fetchall() == [before[1], *before[3:]]
    # Superset compares a row with the one below it, whatever periods they are of.
    assert (asked["compare_lag"], asked["compare_suffix"]) == (1, words)


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
