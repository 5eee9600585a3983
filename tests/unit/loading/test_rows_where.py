"""Rows that are not about a feed: passed over and counted, neither loaded nor quarantined."""

from dagster_project.loading.ledger import read_ledger

INVOICES = "Invoice,Customer ID,Country,Date\n1,17,France,2024-05-31\n2,,France,2024-05-31\n3, ,Spain,2024-06-01\n"
CUSTOMERS = """
name: shop
sources:
  - name: customers
    feed: crm_customers
    files: "*.csv"
    rows_where: "trim(\\"Customer ID\\") <> ''"
    columns: {customer_id: Customer ID, country: Country, created_at: Date}
"""


def test_rows_that_are_not_about_the_feed_are_passed_over(home):
    home.put("a.csv", INVOICES)
    home.map(CUSTOMERS)
    (file,) = home.load().files
    assert (file.rows_read, file.rows_accepted, file.rows_quarantined) == (1, 1, 0)
    assert "2 more were passed over by rows_where" in file.message
    (entry,) = read_ledger(home.settings, "shop")
    assert entry.rows_passed_over == 2


def test_files_read_together_are_counted_apart(home):
    home.put("a.csv", INVOICES)
    home.put("b.csv", INVOICES.replace("17", "18").replace("3, ,", "3,19,"))
    home.map(CUSTOMERS)
    home.load()
    assert [entry.rows_passed_over for entry in read_ledger(home.settings, "shop")] == [2, 1]


def test_a_row_on_which_the_condition_fails_is_quarantined_until_it_is_mended(home):
    home.put(
        "a.csv",
        "Invoice,Amount,Country,Date\n1,5,France,2024-05-31\n2,5 EUR,Spain,2024-05-31\n"
        "3,-1,,2024-05-31\n4,,,2024-05-31\n",
    )
    mapping = CUSTOMERS.replace("Customer ID, country", "Invoice, country")
    home.map(mapping.replace("trim(\\\"Customer ID\\\") <> ''", "CAST(Amount AS INTEGER) > 0"))
    (file,) = home.load().files
    assert (file.rows_read, file.rows_accepted, file.rows_quarantined) == (2, 1, 1)
    assert "2 more were passed over by rows_where" in file.message
    assert home.quarantined("crm_customers") == [(2, ["expression_failed:rows_where"])]
    assert home.replay().files[0].status == "unchanged"
    home.map(mapping.replace("trim(\\\"Customer ID\\\") <> ''", "CAST(split_part(Amount, ' ', 1) AS INTEGER) > 0"))
    home.replay()
    assert home.rows("crm_customers", "customer_id") == [("1",), ("2",)]
    assert home.quarantined("crm_customers") == []


def test_a_column_that_only_the_condition_names_must_be_there(home):
    home.put("a.csv", "Invoice,Country,Date\n1,France,2024-05-31\n")
    home.map(CUSTOMERS.replace("customer_id: Customer ID", "customer_id: Invoice"))
    (file,) = home.load().files
    assert file.status == "refused"
    assert "Customer ID" in file.message


def test_a_condition_that_is_no_condition_refuses_the_file(home):
    home.put("a.csv", INVOICES)
    home.map(CUSTOMERS.replace("trim(\\\"Customer ID\\\") <> ''", "Country"))
    (file,) = home.load().files
    assert file.status == "refused"
    assert "expression" in file.message
