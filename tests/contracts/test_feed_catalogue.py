"""The feeds and their columns, as people's mappings rely on them.

The catalogue below is written down and not derived: a renamed or dropped column, another key and a column that becomes
required have to fail. More columns that nobody has to deliver are welcome.
"""

import pytest

from dagster_project.loading.contracts import load_feeds

# `!` is the key, `*` another column that has to be filled.
CATALOGUE = {
    "crm_customers": "customer_id! created_at* updated_at canonical_customer_id email phone full_name birth_date "
    "country region city segment acquisition_channel acquisition_cost status closed_at close_reason email_consent "
    "sms_consent",
    "crm_tickets": "ticket_id! customer_id* opened_at* closed_at channel category status",
    "orders": "order_id! customer_id ordered_at* status* channel currency order_amount discount_amount shipping_amount "
    "tax_amount",
    "order_lines": "order_id! line_number! product_id category quantity* unit_price* discount_amount shipping_amount "
    "tax_amount unit_cost",
    "order_refunds": "refund_id! order_id* refunded_at* amount*",
    "survey_responses": "response_id! survey_id customer_id order_id ticket_id metric touchpoint scale_id score "
    "sent_at answered_at comment",
    "fx_rates": "rate_date! currency! rate*",
}
PERSONAL = {
    "crm_customers": {"email", "phone", "full_name", "birth_date"},
    "survey_responses": {"comment"},
}


def test_the_feeds_are_those_of_the_catalogue() -> None:
    assert list(load_feeds()) == list(CATALOGUE)


@pytest.mark.parametrize("feed", CATALOGUE)
def test_every_promised_column_is_there_and_no_more_have_to_be_delivered(feed: str) -> None:
    contract = load_feeds()[feed]
    promised = {entry.rstrip("!*"): entry for entry in CATALOGUE[feed].split()}
    assert [name for name in promised if name not in contract.columns] == []
    assert contract.key == tuple(name for name, entry in promised.items() if entry.endswith("!"))
    required = {column.name for column in contract.columns.values() if column.required and not column.key}
    assert required == {name for name, entry in promised.items() if entry.endswith("*")}


@pytest.mark.parametrize("feed", CATALOGUE)
def test_what_is_personal_is_marked(feed: str) -> None:
    marked = {column.name for column in load_feeds()[feed].columns.values() if column.personal}
    assert marked == PERSONAL.get(feed, set())


def test_a_survey_asks_for_the_promised_metrics() -> None:
    assert load_feeds()["survey_responses"].columns["metric"].values == ("csat", "nps", "ces")
