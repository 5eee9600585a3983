"""The same extracts built on DuckDB and on Apache Spark: every mart equal, row for row.

Amounts, counts, texts and dates exactly, rates to 1e-9 (sums of floating-point numbers depend on the order of adding).
One Spark session serves the tests of this file; the whole job, with gates and release, runs in a process of its own.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from dagster_project.publishing.releases import current_release
from dagster_project.publishing.warehouse import open_warehouse, quote_name
from dagster_project.settings import DBT_PROJECT_DIR, PROJECT_ROOT, Settings
from dagster_project.transforming.catalog import describe_tables
from dagster_project.transforming.dbt_runner import DbtProject, ensure_manifest
from dagster_project.transforming.spark import stop_spark
from tests.integration.arrivals import FEEDS, draw_deliveries, mapping, write_delivery
from tests.integration.refreshes import Warehouse

pytestmark = pytest.mark.skipif(
    find_spec("pyspark") is None or not (shutil.which("java") or os.environ.get("JAVA_HOME")),
    reason="Spark needs its extra packages (locks/spark.txt) and Java 17",
)

SAMPLE = PROJECT_ROOT / "sample"
OLIST = PROJECT_ROOT.parent / "shared" / "data" / "olist"
# Each run writes down its own checks there.
OF_THE_RUN = "data_quality"
RATE_TOLERANCE = 1e-9


# Few rows: planning stage by stage and compiling each query costs more than the work. The figures are the same.
FOR_FEW_ROWS = """\
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""


@pytest.fixture(scope="module", autouse=True)
def _spark_for_few_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Options in Spark's own file of defaults, as a cluster has them; the session ends with this file."""
    folder = tmp_path_factory.mktemp("spark_conf")
    (folder / "spark-defaults.conf").write_text(FOR_FEW_ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        yield
    end_java()


Both = Callable[[Path], tuple[Warehouse, Warehouse]]


@pytest.fixture
def both(tmp_path: Path) -> Both:
    """Two warehouses with one mapping and no extracts yet: DuckDB's and Spark's."""

    def make(of_mapping: Path) -> tuple[Warehouse, Warehouse]:
        end_java()
        warehouses = []
        for engine in ("duckdb", "spark"):
            folder = tmp_path / engine
            folder.mkdir()
            warehouses.append(Warehouse(folder, dbt_target=engine, mapping=of_mapping))
        return warehouses[0], warehouses[1]

    return make


def test_sample_extracts_built_and_refreshed(both: Both) -> None:
    """All but the last month is built from nothing, the last month is a refresh: on Spark, too, one that replaces."""
    on_duckdb, on_spark = both(SAMPLE / "extracts.yml")
    files = sorted((SAMPLE / "extracts").rglob("*.csv"))
    last_month = max(file.stem for file in files)
    for is_last, is_refresh in ((False, False), (True, True)):
        for warehouse in (on_duckdb, on_spark):
            for file in files:
                if (file.stem == last_month) == is_last:
                    target = warehouse.extracts / file.relative_to(SAMPLE / "extracts")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, target)
            assert (warehouse.refresh() is not None) == is_refresh
        assert differing_marts(on_duckdb, on_spark) == {}


@pytest.mark.skipif(
    not OLIST.is_dir(), reason="the Olist data set is not here: it lies in shared/data beside the project"
)
def test_olist_extracts(both: Both) -> None:
    on_duckdb, on_spark = both(SAMPLE / "mappings" / "olist.yml")
    for warehouse in (on_duckdb, on_spark):
        warehouse.extracts.symlink_to(OLIST)
        assert warehouse.refresh() is None
    assert differing_marts(on_duckdb, on_spark) == {}


def test_whole_job_publishes_the_same_content(both: Both, tmp_path: Path) -> None:
    """Loading, gates in Spark, release: green, and every mart has the content hash that it has on DuckDB."""
    (tmp_path / "extracts.yml").write_text(mapping("shop", FEEDS))
    warehouses = both(tmp_path / "extracts.yml")
    hashes = []
    for warehouse in warehouses:
        for delivery in draw_deliveries(seed=3, count=1):
            write_delivery(delivery, warehouse.extracts, "0")
        settings = warehouse.settings
        environment = {
            **os.environ,
            "WAREHOUSE_HOME": str(settings.warehouse_home),
            "EXTRACTS_DIR": str(settings.extracts_dir),
            "EXTRACTS_CONFIG": str(settings.extracts_config),
            "DBT_TARGET": warehouse.dbt_target,
        }
        command = [sys.executable, "-m", "dagster_project", "run", "daily_refresh"]
        run = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "daily_refresh is green" in run.stdout
        marts = current_release(settings).details["marts"]
        hashes.append({name: facts["content_hash"] for name, facts in marts.items() if name != OF_THE_RUN})
    assert len(hashes[0]) > 9
    assert hashes[0] == hashes[1]


def test_models_over_the_thrift_server(tmp_path: Path) -> None:
    """dbt called by hand against a Spark that runs elsewhere: here the Thrift server of PySpark's own distribution."""
    warehouse = Warehouse(tmp_path)
    (tmp_path / "extracts.yml").write_text(mapping("shop", FEEDS))
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


def end_java() -> None:
    """End the session and its Java process: Hive's catalogue keeps to the first home that a process has opened.

    A run has a process of its own and one home; only tests have several.
    """
    stop_spark()
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=60)
        SparkContext._gateway = SparkContext._jvm = None


def differing_marts(one: Warehouse, other: Warehouse) -> dict[str, str]:
    """What is different, by mart."""
    project = DbtProject(one.settings, "unmapped", {})
    marts = [table.name for table in describe_tables(ensure_manifest(project), "marts") if table.name != OF_THE_RUN]
    assert len(marts) > 9
    found = {mart: difference(one.settings, other.settings, mart) for mart in marts}
    return {mart: words for mart, words in found.items() if words}


def difference(one: Settings, other: Settings, mart: str) -> str:
    """In what two marts differ; empty if in nothing.

    Rows are laid side by side in the order of everything that must be equal exactly, and that holds the key.
    """
    sides = []
    for settings in (one, other):
        with open_warehouse(settings) as connection:
            table = f"warehouse.marts.{quote_name(mart)}"
            columns = [(name, kind) for name, kind, *_ in connection.execute(f"describe {table}").fetchall()]
            exact = [quote_name(name) for name, kind in columns if kind != "DOUBLE"]
            rates = [quote_name(name) for name, kind in columns if kind == "DOUBLE"]
            rows = connection.execute(f"select {', '.join(exact + rates)} from {table} order by {', '.join(exact)}")
            sides.append((columns, len(exact), rows.fetchall()))
    (columns, exact_count, rows), (other_columns, _, other_rows) = sides
    if columns != other_columns:
        return f"columns: {set(columns) ^ set(other_columns)}"
    if len(rows) != len(other_rows):
        return f"rows: {len(rows)} and {len(other_rows)}"
    for row, other_row in zip(rows, other_rows, strict=True):
        if row[:exact_count] != other_row[:exact_count]:
            return f"{row} and {other_row}"
        for value, other_value in zip(row[exact_count:], other_row[exact_count:], strict=True):
            if (value is None) != (other_value is None):
                return f"{row} and {other_row}"
            if value is not None and abs(value - other_value) > RATE_TOLERANCE * max(1, abs(value)):
                return f"{row} and {other_row}"
    return ""


@contextmanager
def thrift_server(folder: Path) -> Iterator[int]:
    """Spark's Thrift server on a free port of this machine, with a catalogue and tables of its own."""
    import pyspark

    folder.mkdir()
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spark_home = Path(pyspark.__file__).parent
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
    command = [str(spark_home / "bin" / "spark-submit")]
    command += ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"]
    for name, value in options.items():
        command += ["--conf", f"{name}={value}"]
    environment = {**os.environ, "SPARK_HOME": str(spark_home), "SPARK_LOCAL_IP": "127.0.0.1"}
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
