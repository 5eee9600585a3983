"""Whatever arrives in whatever order: the tables after many refreshes are those of one rebuild, row for row.

`make soak` draws many histories (its part `histories`); `make test` takes one of them.
"""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from tests.integration.arrivals import draw_deliveries, write_delivery
from tests.integration.histories import empty_shop, tables_that_a_rebuild_changes
from tests.integration.refreshes import Warehouse, copy_of, differing_tables


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return empty_shop(tmp_path)


def test_many_refreshes_give_the_tables_of_one_rebuild(warehouse: Warehouse) -> None:
    assert tables_that_a_rebuild_changes(warehouse, seed=0) == {}


def test_restating_mends_what_is_dated_since(warehouse: Warehouse) -> None:
    """Somebody changed the warehouse by hand; the lake is whole. Restated from the first day on, all is as built."""
    for delivery in draw_deliveries(seed=7, count=1):
        write_delivery(delivery, warehouse.extracts, "0")
    warehouse.refresh()
    whole = copy_of(warehouse, "whole")
    with duckdb.connect(str(warehouse.settings.warehouse_path)) as connection:
        connection.execute("update staging.stg_orders__orders set order_amount = 99 where order_id < 'o3'")
        connection.execute("delete from intermediate.int_orders_valued where order_id > 'o3'")
        connection.execute("update intermediate.int_movements_by_month set new_customers = 0")
        connection.execute("update intermediate.int_order_medians_aggregated set median_value = 1")
    assert differing_tables(whole, warehouse.settings.warehouse_path) != {}
    refresh = warehouse.refresh(restate_from=dt.date(2024, 1, 1))
    assert refresh is not None
    assert differing_tables(whole, warehouse.settings.warehouse_path) == {}
