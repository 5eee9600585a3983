"""The list of everybody who was erased: tokens only, no clear id.

Belongs here: reading the list and adding to it. Does not belong here: applying it (`rows`, `records`).
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dagster_project.loading.durable import publish_file, write_text
from dagster_project.settings import Settings


@dataclass(frozen=True)
class Tokens:
    """Tokens of ids that belong to erased people, by what they are ids of.

    `orders` and `tickets` find answers that name no customer; `contacts` (e-mail, phone) find refused records that do
    not.
    """

    customers: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    tickets: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()

    def joined_with(self, other: "Tokens") -> "Tokens":
        """All tokens of both."""
        return Tokens(*(getattr(self, field.name) | getattr(other, field.name) for field in fields(Tokens)))


def list_path(settings: Settings) -> Path:
    """Where the list is."""
    return settings.lake_dir / "erasure_list.json"


def read_erasure_list(settings: Settings) -> Tokens:
    """Every token on the list; empty where nobody was ever erased."""
    path = list_path(settings)
    if not path.exists():
        return Tokens()
    return Tokens(**{kind: frozenset(tokens) for kind, tokens in json.loads(path.read_text(encoding="utf-8")).items()})


def add_to_erasure_list(settings: Settings, tokens: Tokens) -> None:
    """Add tokens; the list is there whole or as before."""
    known = read_erasure_list(settings)
    wanted = known.joined_with(tokens)
    if wanted != known:
        text = json.dumps({kind: sorted(values) for kind, values in asdict(wanted).items()}, indent=1)
        publish_file(list_path(settings), lambda temporary: write_text(temporary, text))
