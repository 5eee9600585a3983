"""Whether the warehouse holds one whole build, and of what.

Belongs here: the note beside the warehouse that a build is complete. dbt commits table by table, so a killed run leaves
tables of two builds side by side; without the note nothing is published. Does not belong here: deciding to build.
"""

import json
from pathlib import Path

from dagster_project.settings import Settings


def mark_build_begun(settings: Settings) -> None:
    """From now on the warehouse holds no whole build. A file without content, left by a kill, is removed."""
    _note_path(settings).unlink(missing_ok=True)
    # Killed in the moment between making the file and writing to it; the engine would not take it for a database.
    if settings.warehouse_path.exists() and settings.warehouse_path.stat().st_size == 0:
        settings.warehouse_path.unlink()


def mark_build_complete(settings: Settings, inputs: dict[str, str]) -> None:
    """The warehouse holds a whole build made from these inputs."""
    path = _note_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(inputs), encoding="utf-8")
    unfinished.replace(path)


def read_complete_build(settings: Settings) -> dict[str, str] | None:
    """What the whole build in the warehouse was made from; None if there is none."""
    path = _note_path(settings)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _note_path(settings: Settings) -> Path:
    # Each engine has a warehouse of its own, and either may hold a build that the other has not.
    folder = settings.dbt_dir if settings.dbt_target == "duckdb" else settings.spark_dir
    return folder / "complete_build.json"
