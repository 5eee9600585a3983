"""The Olist data set on DuckDB and on Apache Spark: every mart equal, row for row.

A file of its own, so that it can run beside the other tests of Spark.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.settings import load_settings
from tests.integration.engines import NEEDS_SPARK, differing_marts, java_of_tests, spark_home
from tests.olist import EXTRACTS, MAPPING, needs_olist

# One plan a query costs less than planning stage by stage. The figures are the same.
FOR_SOME_ROWS = """\
spark.sql.adaptive.enabled false
"""


@pytest.fixture(autouse=True)
def _spark_for_some_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with java_of_tests(tmp_path_factory.mktemp("spark_conf"), FOR_SOME_ROWS):
        yield


@pytest.mark.long
@NEEDS_SPARK
@needs_olist
def test_olist_extracts(tmp_path: Path, olist_home: Path) -> None:
    on_spark = spark_home(tmp_path, MAPPING)
    on_spark.extracts.symlink_to(EXTRACTS)
    assert on_spark.refresh() is None
    assert differing_marts(load_settings({"WAREHOUSE_HOME": str(olist_home)}), on_spark.settings) == {}
