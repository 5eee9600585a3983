"""Whatever arrives in whatever order: the tables after many refreshes are those of one rebuild, row for row.

`make soak` draws many histories (see `HISTORIES`); `make test` takes a few of them.
"""

import datetime as dt
import os
from pathlib import Path

import duckdb
import pytest

from tests.integration.arrivals import FEEDS, draw_answers_alone, draw_deliveries, mapping, write_delivery
from tests.integration.refreshes import Warehouse, copy_of, differing_tables

HISTORIES = int(os.environ.get("SOAK_HISTORIES", "2"))
DELIVERIES = 4


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    (tmp_path / "extracts.yml").write_text(mapping("shop", FEEDS))
    return Warehouse(tmp_path)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_many_refreshes_give_the_tables_of_one_rebuild(warehouse: Warehouse, seed: int) -> None:
    kinds = []
    # In a shop this small every other delivery brings something about everybody.
    for number, delivery in enumerate([*draw_deliveries(seed, DELIVERIES), draw_answers_alone(seed)]):
        write_delivery(delivery, warehouse.extracts, f"{number}")
        kinds.append(warehouse.refresh() is not None)
    assert kinds == [False, *[True] * DELIVERIES]
    refreshed = copy_of(warehouse, "refreshed")
    warehouse.rebuild()
    assert differing_tables(refreshed, warehouse.settings.warehouse_path) == {}


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
