"""Traffic lights: how something stands, in a colour and in words.

Belongs here: the lights that more than one topic shows. Does not belong here: what they stand beside.
"""

from dataclasses import dataclass

from dagster_project.loading.ledger import LedgerEntry


@dataclass(frozen=True)
class Light:
    """A traffic light: `kind` is good, warning, bad or none, a class of the style sheet; `words` say the same."""

    kind: str
    words: str


NOT_REACHED = Light("none", "not reached")


def light_of(critical: int, warnings: int) -> Light:
    """How something stands about which so many results block and so many only warn."""
    if critical:
        return Light("bad", "blocked")
    return Light("warning", "warnings") if warnings else Light("good", "passed")


def light_of_loading(entries: list[LedgerEntry]) -> Light:
    """How the loading of these files went."""
    if any(entry.status == "refused" for entry in entries):
        return Light("bad", "file refused")
    if any(entry.rows_quarantined for entry in entries):
        return Light("warning", "rows refused")
    return Light("good", "loaded" if entries else "nothing new")
