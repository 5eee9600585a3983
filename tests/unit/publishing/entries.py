"""Entries of the ledger, as far as a release looks at them."""

from dagster_project.loading.ledger import LedgerEntry


def entry(load_sequence: int, **facts: object) -> LedgerEntry:
    """What the ledger says of a file of orders, or of rows of it that left quarantine."""
    given = {"dataset": "sample", "feed": "orders", "source_name": "orders", "source_file": "orders.csv", "bytes": 1}
    given |= {"content_sha256": "", "status": "loaded", "message": "", "reasons": {}, "watermark": None}
    given |= {"rows_read": 0, "rows_accepted": 0, "rows_quarantined": 0, "loaded_at": "2026-01-03T04:00:00"}
    return LedgerEntry(**{**given, "load_sequence": load_sequence, "batch_id": f"batch{load_sequence}", **facts})
