"""A home whose last load refused some rows."""

from pathlib import Path

import pytest

from dagster_project.loading.mapping import Source, load_config
from tests.unit.loading.conftest import Home

MAPPING = """\
name: shop
sources:
  - name: customers
    feed: crm_customers
    files: "customers*.csv"
    columns: {customer_id: Id, created_at: Created, email: Mail, full_name: Name, country: Country}
  - {name: orders, feed: orders, files: "orders*.csv"}
"""
CUSTOMERS = """\
Id,Created,Mail,Name,Country,Nickname
anna,2025-01-01,anna@example.com,Anna A,AE,nini
bert,yesterday,bert@example.com,Bert B,bert@home.example,bertie
,tomorrow,cleo@example.com,Cleo C,OM,cici
dora,2025-01-04,dora@example.com,Dora D,OM,dodo,too much
"""
ORDERS = """\
order_id,customer_id,ordered_at,status,order_amount
1,anna,2025-02-01,paid,10
2,bert,someday,paid,20
3,bert,2025-02-03,paid,much
"""


@pytest.fixture
def shop(tmp_path: Path) -> Home:
    """A home with five refused rows of two feeds; one of them could not be taken apart."""
    home = Home(tmp_path)
    home.map(MAPPING)
    home.put("customers.csv", CUSTOMERS)
    home.put("orders.csv", ORDERS)
    home.load()
    return home


@pytest.fixture
def sources(shop: Home) -> list[Source]:
    return load_config(shop.settings.extracts_config).sources
