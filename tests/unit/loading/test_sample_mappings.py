"""The mappings that users copy: each is valid, and the one for invoice lines does what docs/extracts.md says."""

# Moments in the lake are naive and mean UTC; digits and marks of other scripts are what is tested.
# ruff: noqa: DTZ001

import datetime as dt
from pathlib import Path

import pytest

from dagster_project.loading.mapping import load_config
from dagster_project.settings import PROJECT_ROOT

MAPPINGS = PROJECT_ROOT / "sample" / "mappings"
GOOD = PROJECT_ROOT / "tests" / "extracts" / "good"


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yml")), ids=lambda path: path.name)
def test_sample_mapping_is_valid(path: Path):
    assert load_config(path).sources


def test_the_first_example_of_the_docs_is_valid_and_loads(home):
    text = (PROJECT_ROOT / "docs" / "extracts.md").read_text(encoding="utf-8")
    home.map(text.split("```yaml\n")[1].split("```")[0])
    csv = text.split("written by a German till:\n\n")[1].split("\n\n")[0]
    home.put("orders_2024.csv", "\n".join(line.strip() for line in csv.splitlines()))
    home.load()
    assert home.rows("orders", "order_id, ordered_at, status, order_amount::DOUBLE, currency") == [
        ("1001", dt.datetime(2024, 5, 31, 12, 5), "paid", 1249.9, "EUR"),
        ("1002", dt.datetime(2024, 5, 31, 12, 30), "cancelled", 15.0, "EUR"),
    ]


def test_invoice_lines(home):
    home.put("invoices.csv", (GOOD / "invoice_lines" / "invoices.csv").read_bytes())
    home.map((MAPPINGS / "invoice_lines.yml").read_text(encoding="utf-8"))
    home.load()
    assert home.rows("orders", "order_id, customer_id, status, ordered_at, currency") == [
        ("536365", "17850", "completed", dt.datetime(2010, 12, 1, 8, 26), "GBP"),
        ("536365", "17850", "completed", dt.datetime(2010, 12, 1, 8, 26), "GBP"),
        ("536366", None, "completed", dt.datetime(2010, 12, 1, 8, 28), "GBP"),
        ("C536379", "14527", "cancelled", dt.datetime(2010, 12, 1, 9, 41), "GBP"),
        ("536380", "17809", "completed", dt.datetime(2010, 12, 13, 9, 41), "GBP"),
    ]
    assert home.rows("order_lines", "order_id, line_number, quantity::INT, unit_price::DOUBLE") == [
        ("536365", 1, 6, 2.55),
        ("536365", 2, 2, 3.39),
        ("536366", 1, 6, 1.85),
        ("C536379", 1, 1, 27.5),
    ]
    assert home.quarantined("order_lines") == [(5, ["below_minimum:quantity"])]
    assert home.rows("crm_customers", "customer_id, country") == [
        ("17850", "United Kingdom"),
        ("17850", "United Kingdom"),
        ("14527", "United Kingdom"),
        ("17809", "United Kingdom"),
    ]
    assert home.quarantined("orders") == []
    # The invoice without a customer number is about no customer; it is in orders all the same.
    assert home.quarantined("crm_customers") == []


def test_invoices_that_are_exported_again_with_other_rows_keep_their_line_numbers(home):
    lines = (GOOD / "invoice_lines" / "invoices.csv").read_text(encoding="utf-8").splitlines()
    home.map((MAPPINGS / "invoice_lines.yml").read_text(encoding="utf-8"))
    home.put("january.csv", "\n".join(lines))
    home.put("february.csv", "\n".join([lines[0], lines[3], *lines[1:3]]))
    home.load()
    keys = "order_id, line_number, product_id"
    assert set(home.rows("order_lines", keys)) == {
        ("536365", 1, "85123A"),
        ("536365", 2, "71053"),
        ("536366", 1, "22633"),
        ("C536379", 1, "D"),
    }


def test_a_quarantined_line_is_replayed_under_its_number_of_the_file(home):
    lines = ["Invoice,StockCode,Quantity,Price", "A,x,1,5", "B,y,1,5", "A,z,two,5", ",v,1,5", "A,w,3,5"]
    home.put("a.csv", "\n".join(lines))
    mapping = (
        "name: shop\nsources:\n  - name: lines\n    feed: order_lines\n    files: a.csv\n"
        "    columns: {order_id: Invoice, line_number: source_row_number_in_order, product_id: StockCode, "
        "quantity: Quantity, unit_price: Price}\n"
    )
    home.map(mapping)
    home.load()
    assert home.quarantined("order_lines") == [
        (3, ["not_a_number:quantity"]),
        (4, ["missing:order_id", "missing:line_number"]),
    ]
    home.map(mapping + "    value_maps: {quantity: {two: '2'}}\n")
    home.replay()
    assert sorted(home.rows("order_lines", "order_id, line_number, product_id")) == [
        ("A", 1, "x"),
        ("A", 2, "z"),
        ("A", 3, "w"),
        ("B", 1, "y"),
    ]


def test_lines_refused_before_the_mapping_numbered_them_are_not_numbered_among_themselves(home):
    home.put("a.csv", "Invoice,Quantity,Price\nA,1,5\nA,two,5\n")
    mapping = (
        "name: shop\nsources:\n  - name: lines\n    feed: order_lines\n    files: a.csv\n"
        "    columns: {{order_id: Invoice, line_number: {{sql: {}}}, quantity: Quantity, unit_price: Price}}\n"
    )
    home.map(mapping.format("source_row_number"))
    home.load()
    home.map(mapping.format("source_row_number_in_order") + "    value_maps: {quantity: {two: '2'}}\n")
    (outcome,) = home.replay().files
    assert outcome.status == "refused"
    assert "source_row_number_in_order" in outcome.message
    assert home.rows("order_lines", "line_number") == [(1,)]
