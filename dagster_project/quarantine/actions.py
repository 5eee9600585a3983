"""Who did what with the quarantine: replays, corrections, discards, exports.

Belongs here: the log of what leaves no ledger entry, and telling both in one list. Does not belong here: the actions.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster_project.clock import utc_now
from dagster_project.loading.durable import append_line
from dagster_project.loading.ledger import read_ledger
from dagster_project.quarantine.listing import Selection
from dagster_project.settings import Settings


@dataclass(frozen=True)
class Action:
    """One action: when (UTC, ISO) and by whom, on how many rows, and what it did in words."""

    at: str
    by: str
    action: str
    rows: int
    details: str


def log_path(settings: Settings) -> Path:
    """The log of corrections and exports: one JSON line each, without any value of a row."""
    return settings.warehouse_home / "quarantine_actions.jsonl"


def note_action(settings: Settings, dataset: str, action: str, rows: int, details: str) -> None:
    """Add what the operator has just done to the log."""
    now = utc_now().isoformat(timespec="seconds")
    line = asdict(Action(now, settings.operator, action, rows, details))
    append_line(log_path(settings), {"dataset": dataset, **line})


def read_actions(settings: Settings, dataset: str) -> list[Action]:
    """Everything that was done with the quarantine of a dataset, the oldest first."""
    actions = [
        Action(
            entry.loaded_at,
            entry.requested_by or "unknown",
            "replay" if entry.rows_accepted else "take out",
            entry.rows_accepted + entry.rows_passed_over,
            f"{entry.feed}, {entry.source_file}: {entry.message}",
        )
        for entry in read_ledger(settings, dataset)
        if entry.replayed_from is not None
    ]
    path = log_path(settings)
    # Not splitlines(): it also splits at characters that a file name may hold, and JSON leaves those as they are.
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    actions += [Action(**line) for line in map(json.loads, lines) if line.pop("dataset") == dataset]
    return sorted(actions, key=lambda action: action.at)


def in_words(selection: Selection) -> str:
    """A selection as a line of the log says it."""
    parts = {"feed": selection.feed, "file": selection.source_file, "reason": selection.reason}
    return ", ".join(f"{name} {value}" for name, value in parts.items() if value is not None) or "everything"
