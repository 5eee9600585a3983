"""Every model on DuckDB and on Apache Spark, with as few rows as cost little: every mart equal, row for row.

A file of its own, so that it can run beside the other tests of Spark, and because Hive's catalogue keeps to the first
home of a process.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.arrivals import draw_deliveries, write_delivery
from tests.integration.engines import FOR_FEW_ROWS, NEEDS_SPARK, differing_marts, java_of_tests
from tests.integration.histories import empty_shop


@pytest.fixture(autouse=True)
def _spark_for_few_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with java_of_tests(tmp_path_factory.mktemp("spark_conf"), FOR_FEW_ROWS):
        yield


@NEEDS_SPARK
@pytest.mark.long
def test_built_and_refreshed(tmp_path: Path) -> None:
    """Built from nothing, then brought up to date by a second delivery, without gates and release."""
    warehouses = {target: empty_shop(tmp_path / target, target) for target in ("duckdb", "spark")}
    for number, delivery in enumerate(draw_deliveries(seed=3, count=2)):
        for warehouse in warehouses.values():
            write_delivery(delivery, warehouse.extracts, str(number))
            assert (warehouse.refresh() is None) == (number == 0)
    assert differing_marts(warehouses["duckdb"].settings, warehouses["spark"].settings) == {}
