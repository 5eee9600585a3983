"""The last results of every step that checks tables, with their masked samples: what the stewards' page is made of.

Belongs here: keeping and reading them. Does not belong here: counts of all runs (`runs`), every result of every run
(`history`), the page (`report`).

A step is a gate (`raw`, `staging`, `intermediate`, `marts`) or the dbt tests of a layer (`dbt_staging` and so on). Each
has one file, replaced by the next run that gets so far; so after a run that stopped early, what is known of the later
steps is still there, and says of which run it is.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_project.loading.durable import publish_file, write_text
from dagster_project.quality.results import SuiteResult, from_plain, to_plain
from dagster_project.settings import Settings


@dataclass(frozen=True)
class LastResults:
    """What the last run that got so far found in one step; `checked_at` is UTC without a zone.

    `inputs` names the extracts and definitions of the tables that were checked (`publishing.inputs.BuildInputs` as
    JSON); None where whoever checked did not say.
    """

    step: str
    run_id: str
    checked_at: datetime
    suites: list[SuiteResult]
    inputs: dict[str, Any] | None = None


def keep_last_results(
    settings: Settings,
    dataset: str,
    step: str,
    run_id: str,
    checked_at: datetime,
    suites: Sequence[SuiteResult],
    inputs: dict[str, Any] | None = None,
) -> None:
    """Replace what is kept of a step."""
    content = {
        "run_id": run_id,
        "checked_at": checked_at.isoformat(),
        "inputs": inputs,
        "suites": [to_plain(suite) for suite in suites],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    publish_file(_path(settings, dataset, step), lambda temporary: write_text(temporary, text))


def read_last_results(settings: Settings, dataset: str, step: str) -> LastResults | None:
    """What is kept of a step; None when it was never run."""
    path = _path(settings, dataset, step)
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return LastResults(
        step=step,
        run_id=content["run_id"],
        checked_at=datetime.fromisoformat(content["checked_at"]),
        suites=[from_plain(suite) for suite in content["suites"]],
        inputs=content.get("inputs"),
    )


def _path(settings: Settings, dataset: str, step: str) -> Path:
    return settings.quality_dir / "gates" / f"{dataset}__{step}.json"
