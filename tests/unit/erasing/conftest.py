"""A warehouse home with a shop of a few customers, loaded by the real loader."""

from pathlib import Path

import pytest

from dagster_project.erasing.erasure import begin_erasure, erase_from_sources
from dagster_project.erasing.pending import PendingErasure
from dagster_project.loading.mapping import load_config
from tests.unit.loading.conftest import Home

MAPPING = """\
name: shop
sources:
  - {name: customers, feed: crm_customers, files: "customers*.csv"}
  - {name: orders, feed: orders, files: "orders*.csv"}
  - {name: tickets, feed: crm_tickets, files: "tickets*.csv"}
  - {name: answers, feed: survey_responses, files: "answers*.csv"}
"""
CUSTOMERS = """\
customer_id,created_at,canonical_customer_id,email,full_name,birth_date,country
anna,2025-01-01,,anna@example.com,Anna A,1980-01-01,AE
anna-old,2025-01-02,anna,old@example.com,Anna O,1980-01-01,AE
anna-older,2025-01-03,anna-old,,,,AE
bert,2025-01-04,,bert@example.com,Bert B,1970-01-01,OM
"""
ORDERS = """\
order_id,customer_id,ordered_at,status,order_amount
1,anna,2025-02-01,paid,10
2,anna-old,2025-02-02,paid,20
3,bert,2025-02-03,paid,30
"""
TICKETS = "ticket_id,customer_id,opened_at\n1,bert,2025-02-04\n9,anna,2025-02-05\n"
ANSWERS = """\
response_id,customer_id,order_id,ticket_id,metric,score,answered_at,comment
1,anna,,,nps,9,2025-02-06,of anna
2,,2,,nps,8,2025-02-06,on her order
3,,,9,nps,7,2025-02-06,on her ticket
4,bert,,,nps,6,2025-02-06,of bert
5,,,1,nps,5,2025-02-06,on the ticket of bert
"""


@pytest.fixture
def shop(tmp_path: Path) -> Home:
    """A home into which four files were loaded."""
    home = Home(tmp_path)
    home.map(MAPPING)
    for name, text in (("customers", CUSTOMERS), ("orders", ORDERS), ("tickets", TICKETS), ("answers", ANSWERS)):
        home.put(f"{name}.csv", text)
    home.load()
    return home


def erase(home: Home, customer_id: str) -> list[PendingErasure]:
    """The part of an erasure that comes before building."""
    config = load_config(home.settings.extracts_config)
    begin_erasure(home.settings, config, customer_id)
    return erase_from_sources(home.settings, config)
