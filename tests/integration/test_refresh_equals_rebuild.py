"""Whatever arrives in whatever order: the tables after many refreshes are those of one rebuild, row for row.

`make soak` draws many histories (its part `histories`); `make test` takes one of them.
"""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from dagster_project.transforming.dbt_runner import run_dbt
from tests.integration.arrivals import write_delivery
from tests.integration.histories import empty_shop, tables_that_a_rebuild_changes
from tests.integration.refreshes import Warehouse, copy_of, differing_tables


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return empty_shop(tmp_path)


def test_many_refreshes_give_the_tables_of_one_rebuild(warehouse: Warehouse) -> None:
    assert tables_that_a_rebuild_changes(warehouse, seed=0) == {}


def test_dates_far_from_all_orders_are_added_up_when_orders_reach_them(warehouse: Warehouse) -> None:
    """An answer years before the first order and a refund years after the last one are in no period yet.

    Then orders older and newer than both arrive, of other customers: nothing about the answer or the refund changes.
    """
    old_answer = {"response_id": "r1", "customer_id": "c9", "metric": "csat", "scale_id": "5", "score": 5}
    first = {
        "orders": [_order_of("o1", "c1", "2021-03-01")],
        "order_refunds": [{"refund_id": "f1", "order_id": "o1", "refunded_at": "2025-03-01", "amount": 2}],
        "survey_responses": [{**old_answer, "survey_id": "s1", "answered_at": "2018-01-10"}],
    }
    then = {"orders": [_order_of("o0", "c2", "2017-12-01"), _order_of("o2", "c3", "2025-06-01")]}
    for number, delivery in enumerate([first, then]):
        write_delivery(delivery, warehouse.extracts, f"{number}")
        refresh = warehouse.refresh()
    assert refresh is not None
    refreshed = copy_of(warehouse, "refreshed")
    with duckdb.connect(str(refreshed), read_only=True) as connection:
        (refunded,) = connection.execute(
            "select sum(refund_amount_by_refund_date) from marts.order_value_by_period "
            "where period_grain = 'month' and period_start = date '2025-03-01' and segment_type = 'all'"
        ).fetchone()
        (answered,) = connection.execute(
            "select sum(valid_answer_count) from marts.csat_by_period where period_grain = 'month' "
            "and period_start = date '2018-01-01' and segment_type = 'all' and survey_id = 'all' and touchpoint = 'all'"
        ).fetchone()
    assert (refunded, answered) == (2, 1)
    warehouse.rebuild()
    assert differing_tables(refreshed, warehouse.settings.warehouse_path) == {}
    # dbt by hand, without --full-refresh: neither a refresh nor a reason to have every row twice.
    run_dbt(warehouse.dbt_project, "run", ["int_orders_valued", "int_purchase_days_aggregated"])
    assert differing_tables(refreshed, warehouse.settings.warehouse_path) == {}


def test_answers_about_one_contact_are_ranked_together(warehouse: Warehouse) -> None:
    """Nothing new is said of o1 or t1, but of a customer of the one, and of an order that answers about the other name.

    Of the two answers about each the later one counts, before and after.
    """
    csat = {"survey_id": "s", "metric": "csat", "scale_id": "5"}
    about_order = {**csat, "order_id": "o1"}
    about_ticket = {**csat, "touchpoint": "post_service", "ticket_id": "t1"}
    first = {
        "orders": [
            _order_of("o1", "c1", "2025-03-01"),
            _order_of("o2", "c1", "2025-03-02"),
            _order_of("o3", "c2", "2025-03-03"),
        ],
        "crm_tickets": [{"ticket_id": "t1", "customer_id": "c2", "opened_at": "2025-03-04"}],
        "survey_responses": [
            {**about_order, "response_id": "r1", "customer_id": "c1", "score": 5, "answered_at": "2025-03-05"},
            {**about_order, "response_id": "r2", "score": 1, "answered_at": "2025-03-06"},
            {**about_ticket, "response_id": "r3", "order_id": "o3", "score": 5, "answered_at": "2025-03-05"},
            {**about_ticket, "response_id": "r4", "score": 1, "answered_at": "2025-03-06"},
        ],
    }
    then = {
        "orders": [{**_order_of("o3", "c2", "2025-03-03"), "order_amount": 11}],
        "survey_responses": [
            {
                **csat,
                "response_id": "r5",
                "customer_id": "c1",
                "order_id": "o2",
                "score": 5,
                "answered_at": "2025-03-07",
            }
        ],
    }
    for number, delivery in enumerate([first, then]):
        write_delivery(delivery, warehouse.extracts, f"{number}")
        assert (warehouse.refresh() is None) == (number == 0)
        with duckdb.connect(str(warehouse.settings.warehouse_path), read_only=True) as connection:
            counted = connection.execute(
                "select response_id from intermediate.int_survey_answers_attributed "
                "where exclusion_reason is null order by all"
            ).fetchall()
        assert counted == [("r2",), ("r4",)] + [("r5",)] * number
    refreshed = copy_of(warehouse, "refreshed")
    warehouse.rebuild()
    assert differing_tables(refreshed, warehouse.settings.warehouse_path) == {}


def _order_of(order: str, customer: str, day: str) -> dict[str, object]:
    return {
        "order_id": order,
        "customer_id": customer,
        "ordered_at": day,
        "status": "paid",
        "currency": "USD",
        "order_amount": 10,
    }


def test_restating_mends_those_of_whom_something_is_dated_since_and_leaves_the_others_alone(
    warehouse: Warehouse,
) -> None:
    """Somebody changed the warehouse by hand; the lake is whole.

    Of the one customer nothing is dated since, of the other one an order on the very day. Staging is read from the lake
    again and sums are added up from everybody, so they are mended whatever they are dated.
    """
    days = {"o1": ("c1", "2025-01-10"), "o2": ("c2", "2025-02-01"), "o3": ("c2", "2025-09-01")}
    orders = [_order_of(order, customer, day) for order, (customer, day) in days.items()]
    lines = [{"order_id": order, "line_number": 1, "quantity": 1, "unit_price": 10} for order in days]
    write_delivery({"orders": orders, "order_lines": lines}, warehouse.extracts, "0")
    warehouse.refresh()
    whole = copy_of(warehouse, "whole")
    with duckdb.connect(str(warehouse.settings.warehouse_path)) as connection:
        connection.execute("update staging.stg_orders__orders set order_amount = 99 where order_id = 'o3'")
        connection.execute("update staging.stg_orders__order_lines set unit_price = 99 where order_id = 'o2'")
        connection.execute(
            "update intermediate.int_orders_valued set channel = 'by hand' where order_id in ('o1', 'o2')"
        )
        connection.execute("delete from intermediate.int_orders_valued where order_id = 'o3'")
        connection.execute("update intermediate.int_movements_by_month set new_customers = 0")
        connection.execute("update intermediate.int_order_medians_aggregated set median_value = 1")
    differing = differing_tables(whole, warehouse.settings.warehouse_path)
    assert differing["intermediate.int_orders_valued"] == (3, 2)
    assert len(differing) == 5
    assert warehouse.refresh(restate_from=dt.date(2025, 9, 1)) is not None
    assert differing_tables(whole, warehouse.settings.warehouse_path) == {"intermediate.int_orders_valued": (1, 1)}
    with duckdb.connect(str(warehouse.settings.warehouse_path), read_only=True) as connection:
        changed = connection.execute("select order_id from intermediate.int_orders_valued where channel = 'by hand'")
        assert changed.fetchall() == [("o1",)]
