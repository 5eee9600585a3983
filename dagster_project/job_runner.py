"""Running one job in this process.

Belongs here: Dagster's home and history, starting a job. Does not belong here: the command line (`__main__`), the jobs
themselves (`defs`), and what a run's events say of it (`run_outcome`).
"""

import json
import os
import shutil
from collections.abc import Callable

import dagster as dg
from dagster._core.utils import make_new_run_id

from dagster_project.alerting.failed_runs import alert_failed_run
from dagster_project.loading.durable import make_folder
from dagster_project.run_lock import wait_for_turn
from dagster_project.run_outcome import JobOutcome, describe_outcome, findings_of_run, steps_not_run
from dagster_project.settings import Settings
from dagster_project.storage_errors import lasting_problem

INSTANCE_CONFIG = """\
# Written at every start; what may be changed is in the environment (.env.example).
event_log_storage:
  module: dagster_project.run_history
  class: RunHistory
  config:
    base_dir: {events}
telemetry:
  enabled: false
freshness:
  enabled: true
# No window that asks for an e-mail address.
nux:
  enabled: false
# The writer lock allows one run at a time; the queue keeps the others waiting instead of failing.
concurrency:
  runs:
    max_concurrent_runs: 1
run_retries:
  enabled: true
  max_retries: 0
  retry_on_asset_or_op_failure: false
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: 7
"""


# Marks runs that tell about themselves when they fail.
STARTED_BY_TAG = "customer_retention/started_by"


class UnknownJobError(Exception):
    """There is no job of that name; the message lists the jobs."""


def prepare_dagster_home(settings: Settings) -> None:
    """Make the folder of Dagster's run history and point this process, and those it starts, at it."""
    make_folder(settings.dagster_home)
    # Written as JSON, which YAML reads whatever characters a path holds.
    config = INSTANCE_CONFIG.format(events=json.dumps(str(settings.dagster_home / "history" / "runs")))
    path = settings.dagster_home / "dagster.yaml"
    # Only where it differs: another process may be reading it.
    if not path.exists() or path.read_text(encoding="utf-8") != config:
        path.write_text(config, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


def run_job(settings: Settings, job_name: str, announce: Callable[[str], None]) -> JobOutcome:
    """Run a job to its end; the run is kept in Dagster's history. Raises UnknownJobError.

    A disk that is full or read-only is an outcome too: Dagster raises where its history cannot be written.
    """
    run_id = make_new_run_id()
    try:
        prepare_dagster_home(settings)
        definitions = _load_definitions()
        known = [job.name for job in definitions.jobs or []]
        if job_name not in known:
            raise UnknownJobError(f"There is no job '{job_name}'. Jobs: {', '.join(sorted(known))}.")
        job = definitions.resolve_job_def(job_name)
        announce(f"Job {job_name}")
        with _open_history(settings) as instance:
            tags = {STARTED_BY_TAG: "the command line"}
            result = job.execute_in_process(instance=instance, raise_on_error=False, run_id=run_id, tags=tags)
            outcome = describe_outcome(result)
            if outcome.problems:
                findings = findings_of_run(instance, run_id) or [
                    f"Step {name} did not run" for name in steps_not_run(result)
                ]
                alert_failed_run(settings, job_name, findings, run_id, announce)
            return outcome
    except Exception as error:
        problem = lasting_problem(error)
        if problem is None:
            raise
        told = f"The run was broken off. {problem}\n{_advice(settings)}"
        alert_failed_run(settings, job_name, [told], run_id, announce)
        return JobOutcome(run_id, [told])


def _open_history(settings: Settings) -> dg.DagsterInstance:
    """Dagster's history; its tables are made where they are missing, which two processes must not do at once."""
    with wait_for_turn(settings.dagster_home / "start.lock"):
        instance = dg.DagsterInstance.get()
        instance.get_runs_count()
        instance.all_instigator_state()
        return instance


def _advice(settings: Settings) -> str:
    home = settings.warehouse_home
    free = f"{shutil.disk_usage(home).free / 1e6:,.0f} MB are free there" if home.exists() else "it is not there yet"
    return f"Make room in {home} ({free}), or give this user the right to write there; then start again."


def close_killed_runs(instance: dg.DagsterInstance, own_run_id: str | None = None) -> None:
    """Say in Dagster's history that runs which seem to go on were killed. The caller holds the writer lock.

    Whoever holds it is the only run that works; Dagster's queue would wait for the others for ever.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])):
        if run.run_id != own_run_id:
            instance.report_run_failed(run, "The process of this run ended without a word: it was killed.")


def _load_definitions() -> dg.Definitions:
    from dagster_project.definitions import defs

    return defs()
