"""What the suite of orders finds in single rows."""

from expectations.intermediate_orders import ORDERS, order_suites
from expectations.rules import Suite


def test_orders_without_a_customer_are_counted_and_block_nothing(connection, check):
    connection.execute(
        f"create table {ORDERS} as from (values ('1', null, date '2026-01-31'), ('2', 'anonymous', date '2026-01-31'), "
        "('3', 'status_cancelled', date '2026-01-31')) as orders (order_id, exclusion_reason, ordered_date)"
    )
    (orders,) = [suite for suite in order_suites() if suite.table == ORDERS]
    rule = [one for one in orders.expectations if one.meta["rule"] == "customer_known"]
    result = check(Suite(ORDERS, orders.key, rule))["customer_known"]
    assert (result.status, result.severity, result.rows_failed, result.rows_checked) == ("failed", "warning", 1, 3)
    assert result.sample == [{"order_id": "2", "ordered_date": "2026-01-31"}]
