"""Rows that no contract accepts, one for each kind of fault, so that a data steward sees a quarantine at work.

Belongs here: the text of each row, in its feed's own format, and the reason for which it must be refused. They are the
same at every size and concern nobody: their ids occur nowhere else. Does not belong here: how rows are checked.
"""

from typing import NamedTuple


class BadRow(NamedTuple):
    """One line of a file, without its end, and the reasons that a loader must give."""

    text: str
    reasons: tuple[str, ...]


BAD_ROWS: dict[str, tuple[BadRow, ...]] = {
    "orders": (
        BadRow(",C0000001,2025-06-01 10:00:00,DELIVERED,web,USD,20.0,,4.5,1.0", ("missing:order_id",)),
        BadRow("BAD-1,C0000001,yesterday,DELIVERED,web,USD,20.0,,4.5,1.0", ("not_a_timestamp:ordered_at",)),
        BadRow("BAD-2,C0000001,2025-02-30 10:00:00,DELIVERED,web,USD,20.0,,4.5,1.0", ("not_a_timestamp:ordered_at",)),
        BadRow("BAD-3,C0000001,2099-01-01 10:00:00,DELIVERED,web,USD,20.0,,4.5,1.0", ("in_the_future:ordered_at",)),
        BadRow(
            "BAD-4,C0000001,2025-06-01 10:00:00,DELIVERED,web,DOLLARS,20.0,,4.5,1.0", ("unknown_currency:currency",)
        ),
        BadRow("BAD-5,C0000001,2025-06-01 10:00:00,DELIVERED,web,USD,twenty,,4.5,1.0", ("not_a_number:order_amount",)),
        BadRow(
            "BAD-6,C0000001,2025-06-01 10:00:00,DELIVERED,web,USD,20.0,-5.0,4.5,1.0", ("below_minimum:discount_amount",)
        ),
        BadRow("BAD-7,C0000001,2025-06-01 10:00:00,DELIVERED,web,USD,20.0,,4.5,1.0,one,more", ("too_many_values",)),
    ),
    "order_lines": (
        BadRow("BAD-8,1,P0001,home,-2,10.0,,,5.0", ("below_minimum:quantity",)),
        BadRow("BAD-9,1,P0001,home,,10.0,,,5.0", ("missing:quantity",)),
    ),
    "order_refunds": (BadRow("BAD-10;A1000;2025-06-01 10:00:00;-3,50", ("below_minimum:amount",)),),
    "crm_customers": (
        BadRow(
            "BAD-11,2025-06-01T10:00:00Z,2025-06-01T10:00:00Z,,,,,,AE,AE-1,Sampletown 1,standard,web,5.0,closed,"
            "2025-05-01T10:00:00Z,price,true,true",
            ("closed_before_created:closed_at",),
        ),
    ),
    "survey_responses": (
        BadRow(
            "BAD-12,purchase,C0000001,A1000,,csat,post_purchase,1-5,9,2025-06-01T10:00:00+04:00,2025-06-01T11:00:00+04:00,",
            ("off_scale:score",),
        ),
    ),
}
