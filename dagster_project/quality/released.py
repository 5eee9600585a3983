"""What the marts gate compares with: the row counts of the release that dashboards read now, as `facts.released_marts`.

Belongs here: reading those counts. Does not belong here: releases themselves (`publishing`).
"""

import json

from dagster_project.quality.engine import Connection, put_facts
from dagster_project.settings import Settings


def attach_released_marts(connection: Connection, settings: Settings, dataset: str) -> None:
    """Create `facts.released_marts` (mart, row_count); empty when nothing was published or it was another dataset."""
    put_facts(
        connection,
        settings,
        "released_marts",
        {"mart": "varchar", "row_count": "bigint"},
        _released_rows(settings, dataset),
    )


def _released_rows(settings: Settings, dataset: str) -> list[tuple[str, int]]:
    details_path = settings.published_dir / "current" / "release.json"
    if not details_path.exists():
        return []
    details = json.loads(details_path.read_text(encoding="utf-8"))
    if details["inputs"]["dataset"] != dataset:
        return []
    return [(name, facts["rows"]) for name, facts in details["marts"].items()]
