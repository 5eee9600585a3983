"""The ledger: one entry for every extract file ever seen. Writing an entry is what commits a batch.

Belongs here: the entry, reading and writing entries, file names derived from them. Does not belong here: the batches
themselves (`batches`), the decision to load (`loader`).
"""

import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

from dagster_project.loading.durable import publish_file, write_text
from dagster_project.settings import Settings

CONTRACT_SEQUENCE = 0


@dataclass(frozen=True)
class LedgerEntry:
    """What became of one extract file for one feed.

    `status` is loaded or refused; a refused file has no batch and is tried again at every run. `watermark` is the
    latest event in the accepted rows (ISO, UTC) or null. `rows_passed_over` are records that the source's `rows_where`
    says are not about the feed; `rows_read` counts the others. `replayed_from` names the batch whose quarantined rows
    this batch took in; those that left it without being loaded (`rows_passed_over`, or discarded by a steward) are
    listed in `rows_taken_out` as ranges of row numbers. `requested_by` is who asked for such a batch. `is_snapshot`:
    the file is a full dump, which takes away what it no longer holds. `also_delivered_as` names further files that
    brought the same dump. `columns_unmapped` are the file's columns that nothing reads, `columns_lacking` those of the
    contract that it fills nothing into; None in entries of before this was noted.
    """

    dataset: str
    feed: str
    source_name: str
    source_file: str
    content_sha256: str
    bytes: int
    status: str
    message: str
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    reasons: dict[str, int]
    load_sequence: int
    batch_id: str
    loaded_at: str
    watermark: str | None
    columns_unmapped: list[str] = field(default_factory=list)
    columns_lacking: list[str] | None = None
    duplicate_rows: int = 0
    rows_passed_over: int = 0
    replayed_from: str | None = None
    rows_taken_out: list[tuple[int, int]] = field(default_factory=list)
    requested_by: str | None = None
    is_snapshot: bool = False
    also_delivered_as: list[str] = field(default_factory=list)

    @property
    def file_names(self) -> tuple[str, ...]:
        """Every name under which the content was delivered, as far as that is kept."""
        return self.source_file, *self.also_delivered_as


def batch_stem(dataset: str, load_sequence: int, content_sha256: str) -> str:
    """The name, without suffix, that a batch has in raw, quarantine and ledger."""
    return f"{dataset}__{load_sequence:08d}__{content_sha256[:16]}"


def contract_stem(dataset: str) -> str:
    """The name of the batch without rows that every feed has, so that a pattern over its folder never finds nothing."""
    return f"{dataset}__{CONTRACT_SEQUENCE:08d}__contract"


def entry_path(settings: Settings, feed: str, batch_id: str) -> Path:
    """Where the entry of a batch is, or would be."""
    return settings.ledger_dir / feed / f"{batch_id}.json"


def read_ledger(settings: Settings, dataset: str) -> list[LedgerEntry]:
    """Every entry of a dataset in load order; empty where nothing was ever loaded."""
    entries = []
    for path in settings.ledger_dir.glob(f"*/{dataset}__*.json"):
        status = path.stat()
        entries.append(_read_entry(path, status.st_ino, status.st_size, status.st_mtime_ns))
    return sorted(entries, key=lambda entry: (entry.load_sequence, entry.feed))


@lru_cache(maxsize=200_000)
def _read_entry(path: Path, _inode: int, _size: int, _changed_at: int) -> LedgerEntry:
    """An entry, read once by a process: a run asks for the ledger a dozen times, and years of daily files are many."""
    return LedgerEntry(**json.loads(path.read_text(encoding="utf-8")))


def write_entry(settings: Settings, entry: LedgerEntry) -> None:
    """Write an entry so that it is there whole or not at all, also after a crash."""
    target = entry_path(settings, entry.feed, entry.batch_id)
    text = json.dumps(asdict(entry), indent=1, sort_keys=True, ensure_ascii=False)
    publish_file(target, lambda temporary: write_text(temporary, text))


def next_load_sequence(settings: Settings) -> int:
    """The first free sequence of the home: one more than the largest that any dataset committed."""
    return 1 + max((sequence_of(path) for path in settings.ledger_dir.glob("*/*.json")), default=CONTRACT_SEQUENCE)


def sequence_of(path: Path) -> int:
    """The load sequence in the name of a batch's file."""
    return int(path.stem.split("__")[1])
