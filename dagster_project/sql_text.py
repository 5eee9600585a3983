"""Names and texts inside SQL, quoted so that no value can end its own quotes.

Belongs here: quoting. Does not belong here: queries.
"""

from pathlib import Path


def quote_name(name: str) -> str:
    """A name of a column or table as SQL."""
    return '"' + name.replace('"', '""') + '"'


def quote_name_for_spark(name: str | Path) -> str:
    """A name, or the path of a file that is read by its path, as Spark's SQL."""
    return "`" + str(name).replace("`", "``") + "`"


def quote_text(text: str) -> str:
    """A text as an SQL expression. Control characters are written as chr(): the parser drops some of them."""
    if text.isprintable():
        return quote_literal(text)
    parts = [f"chr({ord(part)})" if not part.isprintable() else quote_literal(part) for part in text]
    return "(" + " || ".join(parts) + ")"


def quote_literal(text: str | Path) -> str:
    """A text as an SQL literal, for statements that take no expression: paths, comments, settings."""
    return "'" + str(text).replace("'", "''") + "'"
