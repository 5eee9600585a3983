"""What the ledger adds up to, feed by feed.

Belongs here: the sums, and what became of refused rows since. Does not belong here: single files, showing the sums.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.ledger import LedgerEntry


@dataclass(frozen=True)
class FeedTotals:
    """All files of a feed together. `rows_accepted` and `rows_quarantined` are as the files were loaded.

    Since then `rows_replayed` left quarantine into the lake, and `rows_given_up` left it for good: discarded by a
    steward, or passed over by today's `rows_where`. `watermark` is the latest event (ISO, UTC) or None.
    """

    feed: str
    files: int
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    rows_replayed: int
    rows_given_up: int
    watermark: str | None

    @property
    def rows_taken_out(self) -> int:
        """Rows that left quarantine."""
        return self.rows_replayed + self.rows_given_up

    @property
    def rows_in_lake(self) -> int:
        """Rows that the models read."""
        return self.rows_accepted + self.rows_replayed

    @property
    def rows_waiting(self) -> int:
        """Rows that are in quarantine still."""
        return self.rows_quarantined - self.rows_taken_out

    @property
    def is_whole(self) -> bool:
        """Whether every row that was read is accounted for."""
        return self.rows_read == self.rows_accepted + self.rows_quarantined


def feed_totals(entries: Iterable[LedgerEntry]) -> list[FeedTotals]:
    """The sums of every feed of which something was loaded, in the order of the contract."""
    loaded = [entry for entry in entries if entry.status == "loaded"]
    totals = []
    for feed in load_feeds():
        # A batch that was taken out of quarantine is no file: its rows were read with the file that brought them.
        files = [entry for entry in loaded if entry.feed == feed and entry.replayed_from is None]
        taken_out = [entry for entry in loaded if entry.feed == feed and entry.replayed_from is not None]
        if not files:
            continue
        totals.append(
            FeedTotals(
                feed=feed,
                files=len(files),
                rows_read=sum(entry.rows_read for entry in files),
                rows_accepted=sum(entry.rows_accepted for entry in files),
                rows_quarantined=sum(entry.rows_quarantined for entry in files),
                rows_replayed=sum(entry.rows_accepted for entry in taken_out),
                rows_given_up=sum(entry.rows_passed_over for entry in taken_out),
                watermark=max((entry.watermark for entry in (*files, *taken_out) if entry.watermark), default=None),
            )
        )
    return totals
