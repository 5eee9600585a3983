"""How long Dagster remembers: runs older than 90 days are taken out of its history.

Belongs here: removing them. Does not belong here: what is kept for good (ledger, check results, audit lines).
"""

import datetime as dt
import shutil

import dagster as dg

from dagster_project.settings import Settings

# A quarter, so that a failure can be compared with the quarter's end before it.
DAYS_TO_KEEP = 90
# A long outage leaves many; a run should not have to clear them all.
MOST_RUNS_AT_ONCE = 100
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def forget_old_runs(instance: dg.DagsterInstance, settings: Settings, now: dt.datetime) -> int:
    """Remove ended runs, their events and their output that are older than DAYS_TO_KEEP; returns how many."""
    old = dg.RunsFilter(statuses=ENDED, created_before=now - dt.timedelta(days=DAYS_TO_KEEP))
    records = instance.get_run_records(old, limit=MOST_RUNS_AT_ONCE, ascending=True)
    for record in records:
        run_id = record.dagster_run.run_id
        instance.delete_run(run_id)
        # Dagster empties the file of a run's events, but leaves it and the run's output.
        for path in (settings.dagster_home / "history" / "runs").glob(f"{run_id}.db*"):
            path.unlink(missing_ok=True)
        shutil.rmtree(settings.dagster_home / "storage" / run_id, ignore_errors=True)
    return len(records)
