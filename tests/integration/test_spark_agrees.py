"""The same macros and the same extracts on DuckDB and on Apache Spark: every result and every mart equal, row for row.

Amounts, counts, texts and dates exactly, rates to 1e-9 (sums of floating-point numbers depend on the order of adding).
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from benchmarks.engines import OF_THE_RUN
from dagster_project.publishing.releases import current_release
from dagster_project.quality.engine import open_engine
from dagster_project.settings import DBT_PROJECT_DIR, PROJECT_ROOT, Settings, load_settings
from dagster_project.sql_text import quote_literal
from dagster_project.transforming.catalog import column_types
from dagster_project.transforming.dbt_runner import DbtProject, run_dbt
from dagster_project.transforming.refreshing import Refresh
from dagster_project.transforming.spark import stop_spark
from tests.integration import macro_cases, macro_project
from tests.integration.arrivals import draw_deliveries, write_delivery
from tests.integration.engines import (
    FOR_FEW_ROWS,
    NEEDS_SPARK,
    differing_marts,
    java_of_tests,
    spark_home,
)
from tests.integration.histories import empty_shop
from tests.integration.refreshes import Warehouse

SAMPLE = PROJECT_ROOT / "sample"
# They are in no file of Spark's.
VIEWS = ("intermediate.int_days", "intermediate.int_movements_aggregated")

Rows = list[tuple]


@pytest.fixture(scope="module", autouse=True)
def _spark_for_few_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with java_of_tests(tmp_path_factory.mktemp("spark_conf"), FOR_FEW_ROWS):
        yield


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each engine has one home for all that this process does with it: Hive's catalogue keeps to its first."""
    # What means something in SQL or on a command line is a letter like others in the name of a folder.
    return tmp_path_factory.mktemp("o'brien & co")


@pytest.fixture(scope="module", params=["duckdb", pytest.param("spark", marks=NEEDS_SPARK)])
def given(request: pytest.FixtureRequest, homes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """What an engine makes of the project of macro cases, built and then refreshed: rows by `schema.table`."""
    settings = Warehouse(homes / request.param, dbt_target=request.param).settings
    project = DbtProject(settings, "shop", {}, tmp_path_factory.mktemp("macro_cases") / "dbt")
    macro_project.write_project(project.folder)
    settings.lake_dir.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        # The first file says the type, as the contract's does; exchange rates of before were narrower.
        for name, number, rate in (
            ("shop__1", 1, "0.000000884961234::decimal(25, 15)"),
            ("shop__2", 2, "1234567890.00000088::decimal(18, 8)"),
            ("another shop__1", 3, "1"),
        ):
            path = quote_literal(settings.lake_dir / f"{name}.parquet")
            connection.execute(f"copy (select {number} as number, {rate} as rate) to {path}")
    built = run_dbt(project, "build", ["*"])
    if request.param == "spark":
        # As a kill leaves it that comes while the table is written.
        stop_spark()
        (settings.spark_dir / "warehouse" / "macro_cases.db" / "by_keys__new" / "_temporary").mkdir(parents=True)
    replaced = run_dbt(project, "build", ["listed", "config.materialized:incremental"], refresh=Refresh(1))
    assert [(result.name, result.message) for result in built + replaced if not result.is_good] == []
    assert len(replaced) == len(macro_cases.REPLACEMENTS) + 1
    relations = [result.relation for result in built]
    relations += [f"refresh.{name}__{moment}" for name in macro_cases.REPLACEMENTS for moment in ("before", "after")]
    with open_engine(settings, settings.warehouse_path) as connection:
        return {relation: connection.execute(f"select * from {relation}").fetchall() for relation in relations}


@pytest.mark.parametrize("macro", macro_cases.CASES)
def test_macro_gives_what_was_worked_out_by_hand(given: dict[str, Rows], macro: str) -> None:
    results = dict(given[f"macro_cases.{macro}"])
    expected = {number: (call, result) for number, (call, result) in enumerate(macro_cases.CASES[macro])}
    assert {number: (call, results[number]) for number, (call, _) in expected.items()} == expected


def test_every_date_of_a_span(given: dict[str, Rows]) -> None:
    rows = sorted((number, date.isoformat()) for number, date in given["macro_cases.each_date"])
    assert rows == [(number, date) for number, (_, _, dates) in enumerate(macro_cases.SPANS) for date in dates]


def test_view_over_the_files_of_a_pattern(given: dict[str, Rows]) -> None:
    assert sorted(given["macro_cases.parquet_view"]) == [
        (1, Decimal("0.000000884961234")),
        (2, Decimal("1234567890.00000088")),
    ]


def test_seed_with_empty_cells_and_special_characters(given: dict[str, Rows]) -> None:
    assert sorted(given["macro_cases.seeded"]) == macro_cases.SEEDED


@pytest.mark.parametrize("name", macro_cases.REPLACEMENTS)
def test_refresh_replaces_the_rows_that_it_should(given: dict[str, Rows], name: str) -> None:
    replacement = macro_cases.REPLACEMENTS[name]
    assert in_order(given[f"macro_cases.{name}"]) == in_order(replacement.rows_after)
    assert in_order(given[f"refresh.{name}__before"]) == in_order(replacement.given_up)
    assert in_order(given[f"refresh.{name}__after"]) == in_order(replacement.incoming)


def in_order(rows: Rows) -> Rows:
    return sorted(rows, key=repr)


@pytest.mark.long
@NEEDS_SPARK
def test_sample_extracts_refreshed_by_the_whole_job(tmp_path: Path, sample_home: Path) -> None:
    """All but the last month is built, then the job refreshes, with all gates and a release: all is as DuckDB's."""
    files = sorted(path for path in (SAMPLE / "extracts").rglob("*") if path.is_file())
    last_month = max(file.name.partition(".")[0] for file in files)
    on_spark = spark_home(tmp_path, SAMPLE / "extracts.yml")
    with orders_to(on_spark) as order:
        for is_last_month, what in ((False, "build"), (True, "daily_refresh")):
            for file in files:
                if file.name.startswith(last_month) == is_last_month:
                    target = on_spark.extracts / file.relative_to(SAMPLE / "extracts")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, target)
            order(what)
            assert ("refresh.int_orders_valued__before" in column_types(on_spark.settings)) == is_last_month
    on_duckdb = load_settings({"WAREHOUSE_HOME": str(sample_home)})
    assert differing_marts(on_duckdb, on_spark.settings) == {}
    assert hashes_of_release(on_duckdb) == hashes_of_release(on_spark.settings)
    assert columns_by_table(on_duckdb) == columns_by_table(on_spark.settings)


@pytest.mark.long
@NEEDS_SPARK
def test_models_of_every_kind_are_built_over_the_thrift_server(tmp_path: Path) -> None:
    """dbt called by hand against a Spark that runs elsewhere: here the Thrift server of PySpark's own distribution.

    What comes out is compared with nothing; that the same models give the same rows the tests above tell.
    """
    warehouse = empty_shop(tmp_path)
    for delivery in draw_deliveries(seed=3, count=1):
        write_delivery(delivery, warehouse.extracts, "0")
    warehouse.refresh()
    with thrift_server(tmp_path / "server") as port:
        environment = {
            **os.environ,
            "WAREHOUSE_HOME": str(warehouse.settings.warehouse_home),
            "DBT_TARGET": "spark_thrift",
            "SPARK_THRIFT_PORT": str(port),
        }
        folders = ["--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)]
        folders += ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
        # What every model needs of the engine: views over the lake, seeds, dates, decimals, incremental tables.
        command = [Path(sys.executable).with_name("dbt"), "build", *folders, "--vars", "{dataset: shop}"]
        command += ["--select", "path:seeds", "path:models/staging", "+int_purchase_days_aggregated"]
        command += ["--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "ERROR=0" in run.stdout
    assert "int_purchase_days_aggregated" in run.stdout


# `build` makes the tables alone; everything else is a job. One process for both, because Java is slow until warm.
FOLLOWS_ORDERS = """\
import sys
from pathlib import Path
from dagster_project.__main__ import main
from dagster_project.transforming.build_state import mark_build_complete
from dagster_project.transforming.spark import stop_spark
from tests.integration.refreshes import Warehouse

for order in map(str.strip, sys.stdin):
    code = 0
    if order == "build":
        warehouse = Warehouse(Path(__file__).parent, dbt_target="spark")
        warehouse.refresh()
        mark_build_complete(warehouse.settings, warehouse.built.as_json())
        # A job clears away what an earlier session left for its own use.
        stop_spark()
    else:
        code = main(["run", order])
    print("ended with", code, flush=True)
"""


@contextmanager
def orders_to(warehouse: Warehouse) -> Iterator[Callable[[str], None]]:
    """Has work done in a process of its own: in this one Great Expectations may have been imported without Spark."""
    settings = warehouse.settings
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT_ROOT),
        "WAREHOUSE_HOME": str(settings.warehouse_home),
        "EXTRACTS_DIR": str(settings.extracts_dir),
        "EXTRACTS_CONFIG": str(settings.extracts_config),
        "DBT_TARGET": settings.dbt_target,
    }
    script = warehouse.folder / "follows_orders.py"
    script.write_text(FOLLOWS_ORDERS)
    process = subprocess.Popen(
        [sys.executable, script],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def order(what: str) -> None:
        process.stdin.write(f"{what}\n")
        process.stdin.flush()
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("ended with"):
                break
        assert told[-1:] == ["ended with 0\n"], "".join(told)

    try:
        yield order
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=60)


def hashes_of_release(settings: Settings) -> dict[str, str]:
    """Content hash by mart."""
    marts = current_release(settings).details["marts"]
    return {name: facts["content_hash"] for name, facts in marts.items() if name not in OF_THE_RUN}


def columns_by_table(settings: Settings) -> dict[str, list[str]]:
    """What the data dictionary knows of the tables."""
    layers = ("staging.", "intermediate.", "marts.")
    types = column_types(settings)
    assert all(all(columns.values()) for columns in types.values())
    return {table: list(columns) for table, columns in types.items() if table.startswith(layers) and table not in VIEWS}


@contextmanager
def thrift_server(folder: Path) -> Iterator[int]:
    """Spark's Thrift server on a free port of this machine, with a catalogue and tables of its own."""
    import pyspark

    folder.mkdir()
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    distribution = Path(pyspark.__file__).parent
    options = {
        "spark.master": "local[2]",
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'catalogue'};create=true",
        "spark.hadoop.hive.server2.thrift.port": str(port),
        "spark.hadoop.hive.server2.thrift.bind.host": "127.0.0.1",
    }
    command = [str(distribution / "bin" / "spark-submit")]
    command += ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"]
    for name, value in options.items():
        command += ["--conf", f"{name}={value}"]
    environment = {**os.environ, "SPARK_HOME": str(distribution), "SPARK_LOCAL_IP": "127.0.0.1"}
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "spark-internal"], cwd=folder, env=environment, stdout=output, stderr=output
        )
    try:
        _wait_for(port, server, log)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_for(port: int, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        with closing(socket.socket()) as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise AssertionError(f"The Thrift server did not start:\n{log.read_text(errors='replace')[-2000:]}")
