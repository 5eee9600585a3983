"""What a case of bad input is: a file, how it is mapped, and what must become of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

ORDERS = "order_id,ordered_at,status,order_amount,channel\n"
LINES = "order_id,line_number,quantity,unit_price\n"
CUSTOMERS = "customer_id,created_at,updated_at,closed_at,canonical_customer_id,email\n"
REFUNDS = "refund_id,order_id,refunded_at,amount\n"
TICKETS = "ticket_id,customer_id,opened_at,closed_at\n"
ANSWERS = "response_id,metric,scale_id,score,answered_at\n"
RATES = "rate_date,currency,rate\n"


@dataclass(frozen=True)
class Case:
    """One file and its expected outcome.

    `content` is the file (text is written as UTF-8) or makes it; None where the test puts something else in its place.
    `options` are further keys of the source. `read` and `accepted` count rows, `reasons` the codes of the quarantined
    ones; `message` is a piece of what the user is told. `values`: a column of the accepted rows and what it must hold,
    in order of the rows.
    `judged_later`: the check after the load whose business the case is, where the loader rightly accepts it.
    """

    name: str
    content: str | bytes | Callable[[], bytes] | None
    read: int = 0
    accepted: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    message: str = ""
    status: str = "loaded"
    feed: str = "orders"
    suffix: str = ".csv"
    options: dict[str, object] = field(default_factory=dict)
    values: tuple[str, list] | None = None
    judged_later: str = ""


def refused(name: str, content: str | bytes | Callable[[], bytes] | None, message: str, **more: object) -> Case:
    """A case whose file is refused as a whole."""
    return Case(name, content, message=message, status="refused", **more)
