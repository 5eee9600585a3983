"""Whether the warehouse holds one whole build, and of what.

Belongs here: the note beside the warehouse that a build is complete. dbt commits table by table, so a killed run leaves
tables of two builds side by side; without the note nothing is published. Does not belong here: deciding to build.
"""

import json
from pathlib import Path

from dagster_project.loading.durable import publish_file, remove_file, write_text
from dagster_project.settings import Settings


def mark_build_begun(settings: Settings) -> None:
    """From now on the warehouse holds no whole build. A file without content, left by a kill, is removed."""
    # Durably: back after a power cut, the note would call tables of two builds whole.
    remove_file(_note_path(settings))
    # Killed in the moment between making the file and writing to it; the engine would not take it for a database.
    if settings.warehouse_path.exists() and settings.warehouse_path.stat().st_size == 0:
        settings.warehouse_path.unlink()


def mark_build_complete(settings: Settings, inputs: dict[str, object]) -> None:
    """The warehouse holds a whole build made from these inputs."""
    publish_file(_note_path(settings), lambda temporary: write_text(temporary, json.dumps(inputs)))


def read_complete_build(settings: Settings) -> dict[str, object] | None:
    """What the whole build in the warehouse was made from; None if there is none, or nobody can tell."""
    path = _note_path(settings)
    if settings.dbt_target == "duckdb" and not settings.warehouse_path.exists():
        # Somebody has deleted it, and not the note.
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except ValueError:
        # Damaged, by the disk say: the warehouse is built anew instead of every run stopping here.
        return None


def _note_path(settings: Settings) -> Path:
    # Each engine has a warehouse of its own, and either may hold a build that the other has not.
    folder = settings.dbt_dir if settings.dbt_target == "duckdb" else settings.spark_dir
    return folder / "complete_build.json"
