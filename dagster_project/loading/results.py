"""What a load tells its caller.

Belongs here: the result of a load, file by file. Does not belong here: what is kept for the next load (`ledger`).
"""

from dataclasses import dataclass, field

from dagster_project.loading.ledger import LedgerEntry


@dataclass(frozen=True)
class FileResult:
    """What became of one file for one feed.

    `status`: loaded, unchanged or refused; counts are of the batch named by `batch_id`.
    """

    feed: str
    source_name: str
    source_file: str
    status: str
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    reasons: dict[str, int]
    batch_id: str
    message: str
    columns_unmapped: tuple[str, ...] = ()
    duplicate_rows: int = 0

    @staticmethod
    def of(entry: LedgerEntry) -> "FileResult":
        """The result that a ledger entry stands for."""
        return FileResult(
            feed=entry.feed,
            source_name=entry.source_name,
            source_file=entry.source_file,
            status=entry.status,
            rows_read=entry.rows_read,
            rows_accepted=entry.rows_accepted,
            rows_quarantined=entry.rows_quarantined,
            reasons=entry.reasons,
            batch_id=entry.batch_id,
            message=entry.message,
            columns_unmapped=tuple(entry.columns_unmapped),
            duplicate_rows=entry.duplicate_rows,
        )


@dataclass
class LoadResult:
    """Every file of a load in the order of work. `warnings` tell what no file does: a source found none, refused rows
    cannot be replayed.
    """

    files: list[FileResult] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def for_feed(self, feed: str) -> list[FileResult]:
        """The files of one feed."""
        return [file for file in self.files if file.feed == feed]
