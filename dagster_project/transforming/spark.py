"""The Spark session of a run: one for dbt, gates and release, because a process can have only one.

Belongs here: starting and ending it, with what every statement relies on. Does not belong here: SQL, and who decides
for Spark (`settings.dbt_target`). pyspark is imported late: it is an extra, and a run on DuckDB does without it.
"""

import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkError(Exception):
    """Spark was asked for and cannot be started; the message says what to do."""


def spark_session(settings: Settings) -> "SparkSession":
    """The session of this process, started where there is none. Raises SparkError."""
    require_spark()
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    with warnings.catch_warnings():
        # It warns of pandas 3, which nothing here hands it.
        warnings.simplefilter("ignore", FutureWarning)
        from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    settings.spark_dir.mkdir(parents=True, exist_ok=True)
    # Otherwise every statement that fails prints a page of Java; its message is in the exception.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    if settings.spark_is_local:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.enableHiveSupport()
    for name, value in spark_options(settings).items():
        builder = builder.config(name, value)
    try:
        with _java_writes_to(settings.spark_dir / "spark.log"):
            session = builder.getOrCreate()
    except PySparkException as error:
        raise SparkError(f"Spark could not be started; is Java 17 installed? {error.getMessage()}") from error
    except Py4JError as error:
        # Java runs, so it is what Spark was asked for. The text is that of Java with all its calls; the log has it.
        raise SparkError(
            f"Spark could not be started with SPARK_MASTER '{settings.spark_master}'. Is this address right, can it be "
            f"reached, and does nobody else use {settings.spark_dir}? What Java says is in "
            f"{settings.spark_dir / 'spark.log'}."
        ) from error
    _remove_half_written_tables(session, settings.spark_dir / "warehouse")
    return session


def _remove_half_written_tables(session: "SparkSession", warehouse: Path) -> None:
    """Delete folders of tables that the catalogue does not know: a kill left them, and Spark makes no table there."""
    schemas = {row["namespace"] for row in session.sql("show databases").collect()}
    for schema in warehouse.glob("*.db"):
        tables = session.sql(f"show tables in {schema.stem}").collect() if schema.stem in schemas else []
        known = {table["tableName"] for table in tables}
        for folder in schema.iterdir():
            if folder.is_dir() and folder.name not in known:
                shutil.rmtree(folder)


@contextmanager
def _java_writes_to(log: Path) -> Iterator[None]:
    """What Java starts meanwhile writes its warnings into a file instead of between the lines of the run."""
    errors = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(errors, 2)
            os.close(errors)


def stop_spark() -> None:
    """End the session of this process if there is one: it holds the catalogue, which the next run opens."""
    if "pyspark" not in sys.modules:
        return
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        running.stop()


def let_dbt_keep_settings() -> None:
    """Make dbt take the session as it is; calling it again changes nothing.

    dbt-spark turns `ansi.enabled` off before every statement; then an overflow is NULL, and a figure wrong without a
    word.
    """
    from dbt.adapters.spark import session

    class SessionAsItIs(session.Connection):
        def __init__(self, *, server_side_parameters: dict[str, str] | None = None) -> None:  # noqa: ARG002
            super().__init__(server_side_parameters={})

    if session.Connection.__name__ != SessionAsItIs.__name__:
        session.Connection = SessionAsItIs


def require_spark() -> None:
    """Raises SparkError where Spark is not installed."""
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        raise SparkError("DBT_TARGET is 'spark', and Spark is not installed. `make run DBT_TARGET=spark` installs it.")


def spark_options(settings: Settings) -> dict[str, str]:
    """Everything that is set for a session. Sizes of a cluster are left to its `spark-defaults.conf`."""
    home = settings.spark_dir
    options = {
        "spark.master": settings.spark_master,
        "spark.app.name": "customer_retention",
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={home / 'catalogue'};create=true",
        # It would write into the folder that the run was started in.
        "spark.driver.extraJavaOptions": _java_option("derby.stream.error.file", home / "derby.log"),
        # Moments in the lake are UTC without a zone, as in DuckDB.
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        # The SQL of models and suites is standard: an overflow is an error, "a" is a name and 'a' a text.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    if settings.spark_is_local:
        cores = os.cpu_count() or 1
        options |= {
            "spark.driver.memory": _heap(settings.memory_limit),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(settings.warehouse_home / "tmp"),
            # Spark's 200 are for a cluster: on one machine each costs more than the work in it.
            "spark.sql.shuffle.partitions": str(cores),
            # Where Spark plans as it goes it begins with these and joins the small ones: a large shuffle is cut into
            # pieces that fit into memory, a small one into one for each core.
            "spark.sql.adaptive.coalescePartitions.initialPartitionNum": str(8 * cores),
        }
    return options


def _java_option(name: str, value: Path) -> str:
    """Quoted: Spark splits options at spaces."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"-D{name}={escaped}"'


def _heap(memory_limit: str) -> str:
    """The memory of Java: what is set, or, where that is a share of the machine, a quarter of it.

    Java fills what it is given, and DuckDB, which loads and publishes in the same process, needs room as well.
    """
    if not memory_limit.endswith("%"):
        return memory_limit.removesuffix("B").lower()
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{machine // 4 // 2**20}m"
