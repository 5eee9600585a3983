"""Names and texts inside SQL, quoted so that no value can end its own quotes.

Belongs here: quoting. Does not belong here: queries.
"""


def quote_name(name: str) -> str:
    """A column or table name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as an SQL literal. Control characters are written as chr(): the parser drops some of them."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    parts = [f"chr({ord(part)})" if not part.isprintable() else quote_text(part) for part in text]
    return "(" + " || ".join(parts) + ")"
