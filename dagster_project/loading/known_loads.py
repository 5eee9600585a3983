"""What the ledger knows, found by the questions the loader asks for every file.

Belongs here: finding earlier loads and refusals without going through all entries. Does not belong here: reading and
writing entries (`ledger`).
"""

from dagster_project.loading.ledger import LedgerEntry


class KnownLoads:
    """The entries of a dataset in load order. Batches that replayed quarantined rows are no loads of their file."""

    def __init__(self, entries: list[LedgerEntry]) -> None:
        self._by_content: dict[tuple[str, str, str], LedgerEntry] = {}
        self._latest_of_file: dict[tuple[str, str, str], LedgerEntry] = {}
        self._newest: dict[tuple[str, str], LedgerEntry] = {}
        self._refused: dict[tuple[str, str, str], list[LedgerEntry]] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: LedgerEntry) -> None:
        """Take in an entry that was just written."""
        source = (entry.feed, entry.source_name)
        if entry.status == "refused":
            known = self._refused.setdefault((*source, entry.source_file), [])
            known[:] = [*(other for other in known if other.batch_id != entry.batch_id), entry]
        elif entry.replayed_from is None:
            self._by_content[(*source, entry.content_sha256)] = entry
            for name in entry.file_names:
                _put_later(self._latest_of_file, (*source, name), entry)
            _put_later(self._newest, source, entry)

    def with_content(self, feed: str, source_name: str, content_sha256: str) -> LedgerEntry | None:
        """The latest load of this content by a source, under whatever file name."""
        return self._by_content.get((feed, source_name, content_sha256))

    def of_file(self, feed: str, source_name: str, source_file: str) -> LedgerEntry | None:
        """What a file brought last to a source; None for a name that is new."""
        return self._latest_of_file.get((feed, source_name, source_file))

    def newest(self, feed: str, source_name: str) -> LedgerEntry | None:
        """The latest load of a source, of any file."""
        return self._newest.get((feed, source_name))

    def refusals(self, feed: str, source_name: str, source_file: str) -> list[LedgerEntry]:
        """Earlier refusals of a file."""
        return list(self._refused.get((feed, source_name, source_file), ()))

    def all_refusals(self) -> list[LedgerEntry]:
        """Every refusal that is known."""
        return [entry for entries in self._refused.values() for entry in entries]

    def forget(self, refusal: LedgerEntry) -> None:
        """Drop a refusal whose entry was removed."""
        self._refused[(refusal.feed, refusal.source_name, refusal.source_file)].remove(refusal)


def _put_later(entries: dict[tuple[str, ...], LedgerEntry], key: tuple[str, ...], entry: LedgerEntry) -> None:
    """Keep the entry that was loaded later; one that was written anew takes the place of itself."""
    known = entries.get(key)
    if known is None or known.load_sequence <= entry.load_sequence:
        entries[key] = entry
