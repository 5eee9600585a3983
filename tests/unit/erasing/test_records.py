"""Refused records: those of the person go, those of others stay and can still be replayed."""

import duckdb

from tests.unit.erasing.conftest import erase
from tests.unit.loading.conftest import Home

HEADER = "order_id,customer_id,ordered_at,status,order_amount\n"


def records(home: Home, feed: str = "orders") -> list[tuple]:
    files = f"{home.settings.quarantine_dir}/{feed}/*.parquet"
    query = f"SELECT _source_row, raw_record IS NOT NULL, reasons FROM '{files}' ORDER BY _batch_id, _source_row"
    return duckdb.connect().execute(query).fetchall()


def test_the_record_goes_its_reason_and_count_stay(shop: Home) -> None:
    shop.put("orders2.csv", HEADER + "5,anna,never,paid,1\n6,bert,never,paid,2\n2,,never,paid,3\n")
    shop.load()
    erase(shop, "anna")
    reason = ["not_a_timestamp:ordered_at"]
    # Row 3 names no customer, but an order of hers.
    assert records(shop) == [(1, False, reason), (2, True, reason), (3, False, reason)]


def test_a_line_that_was_never_taken_apart_is_searched(shop: Home) -> None:
    shop.put("orders2.csv", HEADER + "5,anna,2025-01-01,paid,44,one,too,many\n6,bert,2025-01-01,paid,44,one,too,many\n")
    shop.load()
    erase(shop, "anna")
    assert [kept for _, kept, _ in records(shop)] == [False, True]


def test_an_amount_is_not_taken_for_an_id(shop: Home) -> None:
    shop.put("customers2.csv", "customer_id,created_at\n17,2025-01-01\n")
    shop.put("orders2.csv", HEADER + "5,bert,never,paid,17\n6,17,never,paid,1\n")
    shop.load()
    erase(shop, "17")
    assert [kept for _, kept, _ in records(shop)] == [True, False]


def test_the_number_of_a_line_within_its_order_is_not_taken_for_an_id(shop: Home) -> None:
    columns = "{order_id: order_id, line_number: source_row_number_in_order, quantity: quantity, unit_price: price}"
    mapping = (shop.root / "extracts.yml").read_text()
    shop.map(f'{mapping}  - {{name: lines, feed: order_lines, files: "lines*.csv", columns: {columns}}}\n')
    shop.put("customers2.csv", "customer_id,created_at\n1,2025-01-01\n")
    shop.put("lines1.csv", "order_id,quantity,price\n7,many,2\n")
    shop.load()
    erase(shop, "1")
    assert [kept for _, kept, _ in records(shop, "order_lines")] == [True]


def test_a_record_without_an_id_is_found_by_its_address(shop: Home) -> None:
    shop.put(
        "customers2.csv", "customer_id,created_at,email\n,2025-01-01,ANNA@example.com\n,2025-01-01,b@example.com\n"
    )
    shop.load()
    erase(shop, "anna")
    assert [kept for _, kept, _ in records(shop, "crm_customers")] == [False, True]


def test_an_id_that_the_mapping_makes_is_found(shop: Home) -> None:
    columns = (
        "{order_id: order_id, customer_id: {sql: lower(\"Member\") || '-old'}, ordered_at: ordered_at, status: status}"
    )
    mapping = (shop.root / "extracts.yml").read_text()
    shop.map(f'{mapping}  - {{name: till, feed: orders, files: "till*.csv", columns: {columns}}}\n')
    header = "order_id,MEMBER,ordered_at,status\n"
    shop.put("till1.csv", header + "5,ANNA,never,paid\n6,BERT,never,paid\n")
    shop.load()
    (begun,) = erase(shop, "anna")
    assert begun.records == {"orders": 1}
    # What comes later is looked at in the same way.
    shop.put("till2.csv", header + "7,BERT,never,paid\n8,Anna,never,paid\n")
    shop.load()
    assert [kept for _, kept, _ in records(shop)] == [False, True, True, False]


def test_records_without_the_columns_of_an_expression_are_compared_as_they_are(shop: Home) -> None:
    shop.put("orders2.csv", HEADER + "5,anna,never,paid,44\n6,bert,never,paid,44\n")
    shop.load()
    mapping = (shop.root / "extracts.yml").read_text()
    columns = '{order_id: order_id, customer_id: {sql: lower("Member")}, ordered_at: ordered_at, status: status}'
    shop.map(mapping.replace('files: "orders*.csv"', f'files: "orders*.csv", columns: {columns}'))
    erase(shop, "anna")
    assert [kept for _, kept, _ in records(shop)] == [False, True]


def test_refused_rows_that_come_after_the_erasure_are_not_kept_either(shop: Home) -> None:
    erase(shop, "anna")
    shop.put("orders2.csv", HEADER + "5,anna,never,paid,1\n6,bert,never,paid,2\n")
    result = shop.load()
    assert [kept for _, kept, _ in records(shop)] == [False, True]
    assert [(file.rows_read, file.rows_quarantined) for file in result.files if file.status == "loaded"] == [(2, 2)]


def test_rows_of_others_are_still_replayed(shop: Home) -> None:
    shop.put("orders2.csv", HEADER + "5,anna,01/02/2025,paid,1\n6,bert,01/02/2025,paid,2\n")
    shop.load()
    erase(shop, "anna")
    mapping = (shop.root / "extracts.yml").read_text()
    shop.map(mapping.replace('files: "orders*.csv"', 'files: "orders*.csv", timestamp_formats: ["%d/%m/%Y"]'))
    shop.replay()
    assert shop.rows("orders", "order_id, customer_id")[-1] == ("6", "bert")
    assert [(row, kept) for row, kept, _ in records(shop)] == [(1, False)]
