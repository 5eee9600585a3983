"""What the marts gate compares with: the row counts of the release that dashboards read now, as `facts.released_marts`.

Belongs here: reading those counts. Does not belong here: releases themselves (`publishing`).
"""

import json

import duckdb

from dagster_project.settings import Settings


def attach_released_marts(connection: duckdb.DuckDBPyConnection, settings: Settings, dataset: str) -> None:
    """Create `facts.released_marts` (mart, row_count); empty when nothing was published or it was another dataset."""
    connection.execute("create table facts.released_marts (mart varchar, row_count bigint)")
    details_path = settings.published_dir / "current" / "release.json"
    if not details_path.exists():
        return
    details = json.loads(details_path.read_text(encoding="utf-8"))
    if details["inputs"]["dataset"] != dataset:
        return
    rows = [(name, facts["rows"]) for name, facts in details["marts"].items()]
    if rows:
        connection.executemany("insert into facts.released_marts values (?, ?)", rows)
