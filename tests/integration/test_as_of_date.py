"""With `as_of_date` set, figures are those of a shop whose extracts end before that day."""

import datetime as dt
from pathlib import Path

import duckdb

from tests.integration.arrivals import FEEDS, Delivery, Row, draw_deliveries, mapping, write_delivery
from tests.integration.refreshes import Warehouse

AS_OF = dt.date(2025, 9, 17)
# A shop with customers whose only version is of later, and with answers of later to invitations from before.
SEED = 12
KEYS = {
    "crm_customers": ("customer_id", "updated_at"),
    "crm_tickets": ("ticket_id",),
    "orders": ("order_id",),
    "order_lines": ("order_id", "line_number"),
    "order_refunds": ("refund_id",),
    "survey_responses": ("response_id",),
    "fx_rates": ("rate_date", "currency"),
}
MOMENTS = {
    "crm_customers": "updated_at",
    "crm_tickets": "opened_at",
    "orders": "ordered_at",
    "order_refunds": "refunded_at",
    "survey_responses": "answered_at",
    "fx_rates": "rate_date",
}


def test_what_happened_on_the_day_or_later_counts_nowhere(tmp_path: Path) -> None:
    """Each record comes once and as it is, because a correction holds whenever it arrives, and says when it came about.

    A merge holds whenever the CRM tells of it, and so does a cost: neither is in these extracts. No answer is about an
    order or ticket of later.
    """
    whole = _without_corrections(draw_deliveries(SEED, 1)[0])
    invited = [row for row in whole["survey_responses"] if _day(row["sent_at"]) < AS_OF]
    assert any(_day(row["answered_at"]) >= AS_OF for row in invited)
    marts = [_marts(tmp_path / name, delivery) for name, delivery in (("whole", whole), ("cut", _until_as_of(whole)))]
    assert marts[0].keys() == marts[1].keys()
    assert {name: len(rows) for name, rows in marts[0].items() if rows != marts[1][name]} == {}


def _without_corrections(delivery: Delivery) -> Delivery:
    records: Delivery = {}
    for feed, rows in delivery.items():
        by_key = {tuple(str(row[column]) for column in KEYS[feed]): row for row in rows}
        records[feed] = [
            {name: value for name, value in row.items() if name not in ("canonical_customer_id", "acquisition_cost")}
            for row in by_key.values()
            if feed not in ("crm_customers", "survey_responses") or row[MOMENTS[feed]]
        ]
    happened = _moments(records)
    for answer in records["survey_responses"]:
        # Of an order and a ticket one may be of later, and which of them dates the answer is not asked here.
        answer["ticket_id"] = answer["ticket_id"] if not answer["order_id"] else ""
        for column in ("order_id", "ticket_id"):
            if happened.get(answer[column], answer["answered_at"]) > answer["answered_at"]:
                answer[column] = ""
    return records


def _moments(delivery: Delivery) -> dict[str, dt.datetime]:
    """When what an answer may be about happened, by the id of the order or ticket."""
    ordered = {row["order_id"]: row["ordered_at"] for row in delivery["orders"]}
    return ordered | {row["ticket_id"]: row["opened_at"] for row in delivery.get("crm_tickets", [])}


def _until_as_of(delivery: Delivery) -> Delivery:
    """What there was to say before the day."""
    cut = {
        feed: [row for row in rows if feed not in MOMENTS or _day(row[MOMENTS[feed]]) < AS_OF]
        for feed, rows in delivery.items()
    }
    cut["crm_customers"] = _known_versions(delivery["crm_customers"])
    cut["survey_responses"] = _known_answers(delivery)
    known = {row["order_id"] for row in cut["orders"]}
    for feed in ("order_lines", "order_refunds"):
        cut[feed] = [row for row in cut[feed] if row["order_id"] in known]
    return {feed: rows for feed, rows in cut.items() if rows}


def _known_versions(versions: list[Row]) -> list[Row]:
    """The versions from before the day, and of a customer created before it the first one, however late it is."""
    known = []
    first_seen = set()
    for version in sorted(versions, key=lambda row: row["updated_at"]):
        is_first = version["customer_id"] not in first_seen
        first_seen.add(version["customer_id"])
        if _day(version["updated_at"]) < AS_OF:
            known.append(version)
        elif is_first and _day(version["created_at"]) < AS_OF:
            # The closing of these extracts is dated as the version is: later, too.
            known.append({**version, "updated_at": version["created_at"], "closed_at": "", "close_reason": ""})
    return known


def _known_answers(delivery: Delivery) -> list[Row]:
    """Who was invited before the day and answered since has not answered; what is about a later order is not known."""
    happened = _moments(delivery)
    known = []
    for row in delivery["survey_responses"]:
        events = [happened[row[column]] for column in ("order_id", "ticket_id") if row[column] in happened]
        if _day(row["sent_at"]) >= AS_OF or any(_day(event) >= AS_OF for event in events):
            continue
        known.append(row if _day(row["answered_at"]) < AS_OF else {**row, "answered_at": "", "score": ""})
    return known


def _day(moment: dt.datetime | dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _marts(folder: Path, delivery: Delivery) -> dict[str, list[Row]]:
    folder.mkdir()
    (folder / "extracts.yml").write_text(mapping("shop", FEEDS, {"as_of_date": AS_OF}))
    warehouse = Warehouse(folder)
    write_delivery(delivery, warehouse.extracts, "0")
    warehouse.refresh()
    with duckdb.connect(str(warehouse.settings.warehouse_path), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts' and table_name not in "
            "('data_quality', 'metric_restatements') order by all"
        ).fetchall()
        return {name: connection.execute(f"select * from marts.{name} order by all").fetchall() for (name,) in tables}
