"""Whether a build may be a refresh: tables brought up to date from new batches, instead of built from all of them.

Belongs here: the decision. Does not belong here: how tables are brought up to date (`dbt/macros/refresh.sql`).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from dagster_project.publishing.inputs import BuildInputs, version_of_batches

# Their models keep every version that was ever delivered, so a new full dump takes nothing away.
FEEDS_WITH_HISTORY = ("crm_customers",)


@dataclass(frozen=True)
class Refresh:
    """How tables are brought up to date: from the batches after `built_load_sequence`, the last one that they hold.

    With `restate_from`, staging is read from the whole lake again and everything about customers of whom anything is
    dated that day or later is worked out anew, although nothing new was delivered.
    """

    built_load_sequence: int
    restate_from: dt.date | None = None


class Batch(Protocol):
    """The part of a ledger entry that decides whether its rows can be added to what is built."""

    feed: str
    status: str
    batch_id: str
    load_sequence: int
    loaded_at: str
    is_snapshot: bool
    replayed_from: str | None


def choose_refresh(
    built: BuildInputs | None, now: BuildInputs, ledger: Iterable[Batch], restate_from: dt.date | None = None
) -> Refresh | None:
    """A refresh, if what came since the last build can be added to the tables; None: build from nothing.

    `built` is what the whole build in the warehouse was made from, None if there is none. Tables can be refreshed if
    they were made by the same definitions, every batch in them still stands, and all that came since are additions.
    Rows replayed from quarantine are none: they take the place in the order of loads that they would have had. Nor is a
    full dump, which takes away what it no longer holds.
    """
    if built is None or (built.dataset, built.definition_version) != (now.dataset, now.definition_version):
        return None
    loaded = [entry for entry in ledger if entry.status == "loaded"]
    earlier = [entry for entry in loaded if entry.load_sequence <= built.load_sequence]
    later = [entry for entry in loaded if entry.load_sequence > built.load_sequence]
    if version_of_batches(earlier) != built.data_version:
        return None
    is_addition = all(
        entry.replayed_from is None and (not entry.is_snapshot or entry.feed in FEEDS_WITH_HISTORY) for entry in later
    )
    return Refresh(built.load_sequence, restate_from) if is_addition else None
