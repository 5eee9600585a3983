"""Amounts that are unknown because they did not fit: the gate on orders names the order, and why."""

from dataclasses import replace

import pytest

from expectations.intermediate_orders import ORDERS, order_suites

RULES = ("conversion_fits", "value_of_lines_fits", "net_amount_agrees")
WITHOUT_VALUE = "gross_amount = null, net_amount = null, net_amount_after_refunds = null"


@pytest.fixture
def suite():
    """The rules about amounts alone; the others look at more tables."""
    (orders,) = (suite for suite in order_suites() if suite.table == ORDERS)
    return replace(orders, expectations=[one for one in orders.expectations if one.meta["rule"] in RULES])


@pytest.fixture
def orders(connection):
    """One order in the reporting currency, one in another, one without a rate and one of which no value is known."""
    connection.execute(
        f"""
        create table {ORDERS} as
        select
            *, gross_amount as net_amount, gross_amount as net_amount_after_refunds,
            other_amount as discount_amount, other_amount as shipping_amount, other_amount as tax_amount,
            other_amount as refund_amount, date '2026-03-01' as exchange_rate_date
        from (values
            ('own', 'USD', 1, 10, 10, 0),
            ('foreign', 'IRR', 0.00000088496, 100000000, 88.5, 0),
            ('late', 'EUR', null, 10, null, null),
            ('unknown', 'IRR', 0.00000088496, null, null, 0)
        ) as listed
            (order_id, order_currency, exchange_rate, net_amount_in_order_currency, gross_amount, other_amount);
        create table staging.stg_orders__order_lines as select 'own' as order_id;
        """
    )
    return connection


def failed(results):
    return {rule: result.sample for rule, result in results.items() if result.status != "passed"}


def test_orders_that_are_as_they_should_be(orders, check, suite):
    assert failed(check(suite)) == {}


@pytest.mark.parametrize("lost", [WITHOUT_VALUE, "shipping_amount = null"])
def test_an_amount_lost_by_conversion_is_named_with_its_currency_and_date(orders, check, suite, lost):
    orders.execute(f"update {ORDERS} set {lost} where order_id = 'foreign'")
    assert failed(check(suite)) == {
        "conversion_fits": [
            {
                "order_id": "foreign",
                "order_currency": "IRR",
                "exchange_rate": "0.00000088496",
                "exchange_rate_date": "2026-03-01",
                "net_amount_in_order_currency": "100000000",
            }
        ]
    }


def test_an_order_whose_lines_are_worth_too_much_is_named(orders, check, suite):
    orders.execute("insert into staging.stg_orders__order_lines values ('unknown'), ('unknown')")
    assert failed(check(suite)) == {"value_of_lines_fits": [{"order_id": "unknown", "line_count": "2"}]}
