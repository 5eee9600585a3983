"""Erasures that have begun and are not finished yet.

Belongs here: the note that is written before anything is changed and removed when all is done. Does not belong here:
the work. The note holds clear ids, readable by its owner alone: without them a killed erasure could not find what is
left of the person in logs and reports. Until it is done, so does the lake.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster_project.erasing.person import Person
from dagster_project.loading.durable import publish_file, remove_file, write_text
from dagster_project.settings import Settings


@dataclass(frozen=True)
class PendingErasure:
    """One person to erase. `token` is that of the id that was asked for, `rows` the rows found in the lake by feed.

    `records` counts refused records by feed. `is_lake_erased`: what is built from now on holds nothing of the person.
    """

    token: str
    person: Person
    requested_by: str
    requested_at: str
    rows: dict[str, int]
    records: dict[str, int]
    is_lake_erased: bool = False


def write_pending(settings: Settings, erasure: PendingErasure) -> None:
    """Write the note, or replace it."""
    text = json.dumps(asdict(erasure), indent=1, ensure_ascii=False)
    publish_file(_note_path(settings, erasure.token), lambda temporary: write_text(temporary, text))


def read_pending(settings: Settings) -> list[PendingErasure]:
    """Every erasure that is not finished."""
    notes = []
    for path in sorted(_folder(settings).glob("*.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        person = Person(**{name: tuple(values) for name, values in note.pop("person").items()})
        notes.append(PendingErasure(person=person, **note))
    return notes


def remove_pending(settings: Settings, erasure: PendingErasure) -> None:
    """Forget the note: the erasure is done."""
    remove_file(_note_path(settings, erasure.token))


def _folder(settings: Settings) -> Path:
    return settings.lake_dir / "erasures_pending"


def _note_path(settings: Settings, token: str) -> Path:
    return _folder(settings) / f"{token}.json"
