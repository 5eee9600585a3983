"""Keeping personal data out of everything a gate writes.

Belongs here: which values are hidden, and how. Does not belong here: where they are shown.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

MASK = "(masked)"
# Long enough for a sentence that says what is wrong with a file and what to do.
LONGEST_VALUE = 300

# A wrongly mapped column can carry an address or a phone number under any name, so values are looked at too. A phone
# number without its plus sign cannot be told from an order number; such columns are caught by their name only.
_LOOKS_PERSONAL = re.compile(r"\S@\S|^\s*(\+|00)\d[\d\s().-]{6,}$")
# From the first quote to the last one: a value may hold quotes itself, and be of any length. What is never closed goes
# to its end; the apostrophe of "doesn't" opens nothing.
_QUOTED_VALUES = re.compile(r"(?:(?<!\w)'|'(?!(?:t|s|re|ve|ll|d|m)\b))(?:.*'(?!\w)|.*$)", re.DOTALL)


def masked_value(column: str, value: object, personal_columns: frozenset[str]) -> str:
    """The value as a steward may see it: masked when its column is personal or it looks personal itself."""
    if value is None:
        return "(empty)"
    if column in personal_columns:
        return MASK
    text = _as_text(value)
    if not isinstance(value, date | int | float | Decimal) and _LOOKS_PERSONAL.search(text):
        return MASK
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    # A rate of 0 is else written as 0E-8.
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def masked_row(row: Mapping[str, object], personal_columns: frozenset[str]) -> dict[str, str]:
    """The row as a steward may see it."""
    return {column: masked_value(column, value, personal_columns) for column, value in row.items()}


def masked_message(message: str) -> str:
    """The first line of an engine's error message without the values it quotes."""
    first_line = message.strip().splitlines()[0] if message.strip() else "unknown error"
    return without_quoted_values(first_line)


def without_quoted_values(text: str) -> str:
    """The text without what stands in single quotes; what is between two quoted values goes too."""
    return _QUOTED_VALUES.sub("'…'", text)
