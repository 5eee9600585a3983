"""Extracts that Spark builds, to be compared with what DuckDB made of them, and telling their marts apart.

Belongs here: what the tests of both engines share. Does not belong here: which extracts, and what is expected.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.engines import OF_THE_RUN
from dagster_project.publishing.warehouse import open_warehouse
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_name
from dagster_project.transforming.catalog import column_types
from dagster_project.transforming.spark import stop_spark
from tests.integration.refreshes import Warehouse

NEEDS_SPARK = pytest.mark.skipif(
    find_spec("pyspark") is None or not (shutil.which("java") or os.environ.get("JAVA_HOME")),
    reason="Spark needs its extra packages (locks/spark.txt) and Java 17",
)
RATE_TOLERANCE = 1e-9

# For few rows planning stage by stage and compiling each query cost more than the work. The figures are the same.
FOR_FEW_ROWS = """\
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""

# In the minutes that it lives Java's second compiler and its parallel collector cost more than they save.
SHORT_LIVED_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC -Xmn512m"


@contextmanager
def java_of_tests(folder: Path, options: str) -> Iterator[None]:
    """Spark of this process as `short_lived_spark` has it; Java ends with this."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in short_lived_spark(folder, options).items():
            patch.setenv(name, value)
        yield
        end_java()


def short_lived_spark(folder: Path, options: str) -> dict[str, str]:
    """Variables of the environment by which Spark gets `options` from its own file of defaults, as a cluster has them.

    The file is written into `folder`.
    """
    (folder / "spark-defaults.conf").write_text(options)
    return {"SPARK_CONF_DIR": str(folder), "JAVA_TOOL_OPTIONS": SHORT_LIVED_JAVA}


def end_java() -> None:
    """End the session of this process and its Java process; another file of tests may have another home."""
    stop_spark()
    if "pyspark" not in sys.modules:
        return
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=60)
        SparkContext._gateway = SparkContext._jvm = None


def spark_home(folder: Path, mapping: Path) -> Warehouse:
    """A home whose extracts are read by this mapping, and built by Spark."""
    (folder / "extracts.yml").symlink_to(mapping)
    return Warehouse(folder, dbt_target="spark")


def differing_marts(one: Settings, other: Settings) -> dict[str, str]:
    """What is different, by mart."""
    tables = (table.split(".") for table in column_types(one))
    marts = {name for schema, name in tables if schema == "marts"} - set(OF_THE_RUN)
    assert len(marts) > 8
    found = {mart: difference(one, other, mart) for mart in sorted(marts)}
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
