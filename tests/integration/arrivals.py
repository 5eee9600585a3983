"""Made-up histories of a small shop, and how their records arrive: late, repeated, corrected, out of order.

Belongs here: drawing what happened and how it is delivered. Does not belong here: loading it, and what is expected.
"""

import csv
import random
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2025, 1, 6)  # noqa: DTZ001  (as it stands in the files)
DAYS = 420
Row = dict[str, Any]
Delivery = dict[str, list[Row]]


def draw_deliveries(seed: int, count: int) -> list[Delivery]:
    """What a shop sends in `count` deliveries: of each feed the rows in the order in which they stand in the file.

    Every record and every correction of it goes into a delivery of its own choice, so a correction may come first; some
    rows come twice.
    """
    draw = random.Random(seed)  # noqa: S311  (drawn cases, no secret)
    deliveries: list[Delivery] = [defaultdict(list) for _ in range(count)]
    for feed, row in _history(draw):
        for number in {draw.randrange(count) for _ in range(draw.choice([1, 1, 1, 2]))}:
            deliveries[number][feed].append(row)
    for delivery in deliveries:
        for rows in delivery.values():
            draw.shuffle(rows)
    return deliveries


def draw_answers_alone(seed: int) -> Delivery:
    """A delivery of nothing but answers and a ticket of customers whom `draw_deliveries` knows."""
    draw = random.Random(seed)  # noqa: S311  (drawn cases, no secret)
    people = [f"c{number}" for number in range(5)]
    orders = [f"o{number}" for number in range(15)]
    return {
        "survey_responses": [_answer(draw, f"late{number}", people, orders, ["late"]) for number in range(4)],
        "crm_tickets": [_ticket(draw, "late", people)],
    }


def write_delivery(delivery: Delivery, folder: Path, name: str) -> None:
    """One CSV file a feed, `<feed>/<name>.csv`."""
    for feed, rows in delivery.items():
        path = folder / feed / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, sorted({column for row in rows for column in row}))
            writer.writeheader()
            writer.writerows(rows)


def mapping(name: str, feeds: list[str], reporting: Row | None = None) -> str:
    """The extracts.yml of such a shop, with these variables of reporting."""
    variables = {"reporting_currency": "USD", **(reporting or {})}
    lines = "".join(f"  {variable}: {value}\n" for variable, value in variables.items())
    sources = "".join(f"  - {{name: {feed}, feed: {feed}, files: '{feed}/*.csv'}}\n" for feed in feeds)
    return f"name: {name}\nreporting:\n{lines}sources:\n{sources}"


FEEDS = ["crm_customers", "crm_tickets", "orders", "order_lines", "order_refunds", "survey_responses", "fx_rates"]


def _history(draw: random.Random) -> list[tuple[str, Row]]:
    people = [f"c{number}" for number in range(draw.randint(5, 9))]
    orders = [f"o{number}" for number in range(draw.randint(15, 45))]
    records: list[tuple[str, Row]] = [("orders", _order(draw, "o_first", people))]
    for order in orders:
        records += [("orders", _order(draw, order, people)) for _ in range(draw.choice([1, 1, 2]))]
        for line in range(1, draw.choice([0, 0, 1, 2]) + 1):
            records += [("order_lines", _line(draw, order, line)) for _ in range(draw.choice([1, 1, 2]))]
    for number in range(draw.randint(3, 10)):
        # A correction may give the refund to another order.
        records += [("order_refunds", _refund(draw, f"r{number}", orders)) for _ in range(draw.choice([1, 2]))]
    for person in people:
        records += [("crm_customers", _version(draw, person, people)) for _ in range(draw.randint(0, 4))]
    tickets = [f"t{number}" for number in range(draw.randint(0, 5))]
    for ticket in tickets:
        # A correction may give the ticket to somebody else.
        records += [("crm_tickets", _ticket(draw, ticket, people)) for _ in range(draw.choice([1, 2]))]
    for number in range(draw.randint(2, 12)):
        answer = _answer(draw, f"a{number}", people, orders, tickets)
        records += [("survey_responses", answer)] * draw.choice([1, 2])
    for day in range(0, DAYS, draw.choice([1, 3])):
        # Days without a rate, and rates that are corrected.
        records += [("fx_rates", _rate(draw, day)) for _ in range(draw.choice([0, 1, 1, 1, 2]))]
    return records


def _moment(draw: random.Random) -> datetime:
    return START + timedelta(days=draw.randrange(DAYS), hours=draw.choice([0, 0, 9, 23]))


def _long_ago(draw: random.Random) -> datetime:
    """Years before all orders: further back than the calendar of a shop reaches that knows nothing as old."""
    return START - timedelta(days=draw.randrange(500, 1500))


def _order(draw: random.Random, order: str, people: list[str]) -> Row:
    return {
        "order_id": order,
        "customer_id": draw.choice([*people, *people, ""]),
        "ordered_at": _moment(draw),
        "status": draw.choice(["paid", "paid", "paid", "paid", "cancelled"]),
        "currency": draw.choice(["USD", "USD", "EUR"]),
        "order_amount": draw.choice([0, 10, 10, 25, 40.5, ""]),
        "discount_amount": draw.choice([0, 0, 5]),
        "shipping_amount": draw.choice([0, 3]),
    }


def _line(draw: random.Random, order: str, line: int) -> Row:
    return {
        "order_id": order,
        "line_number": line,
        "category": draw.choice(["shoes", "shoes", "gift_card"]),
        "quantity": draw.choice([1, 2]),
        "unit_price": draw.choice([5, 12.5]),
        "unit_cost": draw.choice([2, ""]),
    }


def _refund(draw: random.Random, refund: str, orders: list[str]) -> Row:
    return {
        "refund_id": refund,
        "order_id": draw.choice(orders),
        "refunded_at": _moment(draw),
        "amount": draw.choice([1, 5, 10, 25, 40]),
    }


def _version(draw: random.Random, person: str, people: list[str]) -> Row:
    recently = START - timedelta(days=30) + timedelta(days=draw.randrange(90))
    created = recently if draw.random() < 0.9 else _long_ago(draw)
    changed = max(created, _moment(draw))
    # Some versions came about with the customer; some do not say when, and hold since the creation.
    updated = draw.choice([changed, changed, created, ""])
    closed = (updated or changed) if draw.random() < 0.3 else None
    return {
        "customer_id": person,
        "created_at": created,
        "updated_at": updated,
        "canonical_customer_id": draw.choice([*people[:4], *[""] * 8]),
        "country": draw.choice(["AE", "OM"]),
        "segment": draw.choice(["gold", "basic", ""]),
        "acquisition_cost": draw.choice([1, 2, ""]),
        "closed_at": closed or "",
        "close_reason": draw.choice(["price", ""]) if closed else "",
    }


def _ticket(draw: random.Random, ticket: str, people: list[str]) -> Row:
    return {"ticket_id": ticket, "customer_id": draw.choice(people), "opened_at": _moment(draw)}


def _answer(draw: random.Random, answer: str, people: list[str], orders: list[str], tickets: list[str]) -> Row:
    answered = _moment(draw) if draw.random() < 0.9 else _long_ago(draw)
    # About an order, about a ticket, or about neither; who gave it often follows from that alone.
    subject = draw.choice(
        [*[("order_id", order) for order in orders], *[("ticket_id", ticket) for ticket in tickets] * 3]
    )
    about = dict([subject]) if draw.random() < 0.9 else {}
    if draw.random() < 0.2:
        about["ticket_id"] = draw.choice(tickets)
    is_dated = draw.random() < 0.9
    return {
        "response_id": answer,
        "survey_id": draw.choice(["s1", "s2"]),
        "customer_id": draw.choice([*people, *[""] * len(people)]),
        "order_id": about.get("order_id", ""),
        "ticket_id": about.get("ticket_id", ""),
        "metric": "csat",
        "scale_id": "5",
        "score": draw.choice([1, 3, 4, 5, ""]),
        "touchpoint": draw.choice(["post_service", "", ""]),
        "sent_at": min(START, answered) if is_dated else "",
        "answered_at": answered if is_dated else "",
    }


def _rate(draw: random.Random, day: int) -> Row:
    return {
        "rate_date": (START + timedelta(days=day)).date(),
        "currency": "EUR",
        # One has more decimals than the fast way of converting takes.
        "rate": draw.choice([1.05, 1.1, "1.234567891234"]),
    }
