"""Times, lengths of time, counts and names in words.

Belongs here: how a value is written, whatever page it is on. Does not belong here: what is said about it.
"""

from collections.abc import Sequence
from datetime import datetime

from dagster_project.quality.masking import masked_value

NAMES_SHOWN = 12


def moment_words(moment: datetime | str | None) -> str:
    """A time as a page shows it: to the minute, UTC."""
    if not moment:
        return "never"
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return f"{moment:%Y-%m-%d %H:%M}"


def duration_words(seconds: float | None) -> str:
    """A length of time: 42 s, 3 min 05 s, 1 h 02 min."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def names_words(names: Sequence[str]) -> str:
    """Names in a line, at most a dozen; one that looks like a person's is masked, as in a file without a header."""
    shown = [masked_value(name, name, frozenset()) for name in names[:NAMES_SHOWN]]
    more = [f"and {len(names) - NAMES_SHOWN:,} more"] if len(names) > NAMES_SHOWN else []
    return ", ".join([*shown, *more])


def count_words(number: int, noun: str) -> str:
    """A number of things: 1 file, 2,000 files."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
