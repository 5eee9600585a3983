"""What is remembered of every run for the stewards' pages: when, how it ended, what it found, in counts.

Belongs here: the record of a run, reading and writing records, which runs are kept. Does not belong here: single
results and failing rows (`history`, `last_results`), the pages (`report`). A record holds counts and messages, no row.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from dagster_project.loading.durable import publish_file, remove_file, write_text
from dagster_project.settings import Settings

Outcome = Literal["running", "green", "red", "broken off"]

# Of the last month every run is kept, because that is what somebody asks about; then the last run of each day, and
# after half a year the last run of each week. The counts of every check stay in marts.data_quality.
KEEP_EVERY_RUN = timedelta(days=30)
KEEP_ONE_A_DAY = timedelta(days=180)


@dataclass(frozen=True)
class StageCounts:
    """What a run checked in one stage, all tables together: Great Expectations and dbt."""

    tables: int
    rules: int
    critical: int
    warnings: int


@dataclass(frozen=True)
class FeedCounts:
    """What a run loaded for one feed; `files_refused` are those that it could not read."""

    files_loaded: int = 0
    files_refused: int = 0
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0


@dataclass(frozen=True)
class RunRecord:
    """One run of one job. Times are UTC without a zone.

    `outcome` is `running` until the run ends; `broken off` is said of a run that never ended, by the next one. `steps`
    says of every step that began whether it succeeded. `warnings` are those of the load step; what rules found is
    counted in `stages`. `release_id` is the release that readers saw at its end.
    """

    run_id: str
    dataset: str
    job: str
    began_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome = "running"
    is_unchanged: bool = False
    steps: dict[str, bool] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    release_id: str | None = None
    stages: dict[str, StageCounts] = field(default_factory=dict)
    feeds: dict[str, FeedCounts] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took; None where it never ended."""
        return (self.ended_at - self.began_at).total_seconds() if self.ended_at else None


def runs_dir(settings: Settings, dataset: str) -> Path:
    """The folder of a dataset's records."""
    return settings.quality_dir / "runs" / dataset


def record_path(settings: Settings, record: RunRecord) -> Path:
    """Where a record is; names sort by the time at which the runs began."""
    return runs_dir(settings, record.dataset) / f"{record.began_at:%Y%m%dT%H%M%S%f}__{record.run_id}.json"


def write_record(settings: Settings, record: RunRecord) -> None:
    """Keep a record; one of the same run is replaced."""
    text = json.dumps(asdict(record), default=_as_text, ensure_ascii=False)
    publish_file(record_path(settings, record), lambda temporary: write_text(temporary, text))


def read_records(settings: Settings, dataset: str) -> list[RunRecord]:
    """All records of a dataset that are kept, oldest first."""
    paths = sorted(runs_dir(settings, dataset).glob("*.json"))
    return [_from_plain(json.loads(path.read_text(encoding="utf-8"))) for path in paths]


def mark_broken_off(settings: Settings, dataset: str, run_id: str) -> list[RunRecord]:
    """Say of every run before this one that has no end that it was broken off; returns them. Called by the writer."""
    broken_off = [
        replace(record, outcome="broken off")
        for record in read_records(settings, dataset)
        if record.outcome == "running" and record.run_id != run_id
    ]
    for record in broken_off:
        write_record(settings, record)
    return broken_off


def records_to_remove(records: Iterable[RunRecord], now: datetime) -> list[RunRecord]:
    """Those that the rule above no longer keeps: all but the last of a day or of a week, by their age at `now`."""
    kept: dict[object, RunRecord] = {}
    removed = []
    for record in sorted(records, key=lambda one: one.began_at):
        age = now - record.began_at
        if age <= KEEP_EVERY_RUN:
            continue
        day = record.began_at.date()
        place = day if age <= KEEP_ONE_A_DAY else day.isocalendar()[:2]
        if place in kept:
            removed.append(kept[place])
        kept[place] = record
    return removed


def thin_out(settings: Settings, dataset: str, now: datetime) -> list[RunRecord]:
    """Remove the records that are no longer kept; returns those that stay, oldest first."""
    records = read_records(settings, dataset)
    removed = records_to_remove(records, now)
    for record in removed:
        remove_file(record_path(settings, record))
    gone = {record.run_id for record in removed}
    return [record for record in records if record.run_id not in gone]


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a record of a run.")


def _from_plain(values: dict) -> RunRecord:
    ended_at = values["ended_at"]
    return RunRecord(
        **{
            **values,
            "began_at": datetime.fromisoformat(values["began_at"]),
            "ended_at": datetime.fromisoformat(ended_at) if ended_at else None,
            "stages": {stage: StageCounts(**counts) for stage, counts in values["stages"].items()},
            "feeds": {feed: FeedCounts(**counts) for feed, counts in values["feeds"].items()},
        }
    )
