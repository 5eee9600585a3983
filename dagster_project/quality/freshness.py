"""How fresh the extracts are: what each source usually brings when, and whether it is late now.

Belongs here: comparing the ledger with the clock. Does not belong here: the rule of the gate (`expectations/raw.py`),
telling people (`alerting`). Figures never depend on the clock; whether data still arrive can be told by nothing else.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import median

from dagster_project.loading.ledger import LedgerEntry
from dagster_project.loading.mapping import NEVER_EXPECTED, Source

# Since 2026-11. Half as long again as usual is late in every rhythm, be it a day or a month. Two days more are for
# shops whose exports rest on weekends. Under five gaps there is no "usual" yet. To be reviewed when real deliveries of
# half a year have been seen.
LATE_AFTER_USUAL_GAPS = 1.5
WEEKEND = dt.timedelta(days=2)
GAPS_NEEDED = 5
GAPS_LOOKED_AT = 14


@dataclass(frozen=True)
class SourceFreshness:
    """One source of the mapping at one moment.

    `newest` (UTC) is its latest event, for feeds without events its latest load, None where nothing came yet. `allowed`
    is how old that may be; None where nobody can say.
    """

    feed: str
    source_name: str
    newest: dt.datetime | None
    allowed: dt.timedelta | None
    is_late: bool

    def in_words(self) -> str:
        """What is late, for people."""
        if self.newest is None:
            return f"{self.source_name} ({self.feed}) has never brought anything."
        return (
            f"{self.source_name} ({self.feed}) has brought nothing newer than {self.newest:%Y-%m-%d %H:%M} UTC; "
            f"something newer was expected within {span_in_words(self.allowed)}."
        )


def source_freshness(
    entries: Iterable[LedgerEntry], sources: Iterable[Source], now: dt.datetime
) -> list[SourceFreshness]:
    """Every source of the mapping, in its order. `now` is UTC without a zone, as the ledger's times are."""
    moments: dict[tuple[str, str], list[dt.datetime]] = {}
    for entry in entries:
        if entry.status == "loaded" and entry.replayed_from is None:
            moment = dt.datetime.fromisoformat(entry.watermark or entry.loaded_at)
            moments.setdefault((entry.feed, entry.source_name), []).append(moment)
    return [_freshness(source, moments.get((source.feed, source.name), []), now) for source in sources]


def span_in_words(span: dt.timedelta) -> str:
    """A span in whole days or hours."""
    hours = round(span / dt.timedelta(hours=1))
    return f"{hours / 24:.3g} days" if hours >= 48 else f"{hours} hours"


def _freshness(source: Source, moments: list[dt.datetime], now: dt.datetime) -> SourceFreshness:
    # A delivery of old rows brings nothing newer, so it says nothing about the rhythm.
    progress = list(dict.fromkeys(accumulate(moments, max)))
    newest = progress[-1] if progress else None
    gaps = [after - before for before, after in pairwise(progress)][-GAPS_LOOKED_AT:]
    if source.expect_every is not None:
        allowed = source.expect_every
    elif len(gaps) >= GAPS_NEEDED:
        allowed = LATE_AFTER_USUAL_GAPS * median(gaps) + WEEKEND
    else:
        allowed = NEVER_EXPECTED
    if allowed == NEVER_EXPECTED:
        return SourceFreshness(source.feed, source.name, newest, None, is_late=False)
    return SourceFreshness(source.feed, source.name, newest, allowed, newest is None or now - newest > allowed)
