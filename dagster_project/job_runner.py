"""Running one job in this process, and saying in plain words how it ended.

Belongs here: Dagster's home, starting a job, reading its events. Does not belong here: the command line (`__main__`)
and the jobs themselves (`defs`).
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.utils import make_new_run_id

from dagster_project.run_lock import wait_for_turn
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


class UnknownJobError(Exception):
    """There is no job of that name; the message lists the jobs."""


@dataclass(frozen=True)
class JobOutcome:
    """How a run ended. `problems` is empty exactly when it is green; `warnings` do not change that."""

    run_id: str
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def prepare_dagster_home(settings: Settings) -> None:
    """Make the folder of Dagster's run history and point this process, and those it starts, at it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
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
            return describe_outcome(job.execute_in_process(instance=instance, raise_on_error=False, run_id=run_id))
    except Exception as error:
        problem = lasting_problem(error)
        if problem is None:
            raise
        return JobOutcome(run_id, [f"The run was broken off. {problem}\n{_advice(settings)}"])


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


def describe_outcome(result: dg.ExecuteInProcessResult) -> JobOutcome:
    """Read the events of a run: failed checks first, then failed and skipped steps. Skipped means not green."""
    events = result.all_events
    problems, warnings = [], []
    for event in events:
        if (
            event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
            and not event.asset_check_evaluation_data.passed
        ):
            evaluation = event.asset_check_evaluation_data
            is_problem = evaluation.severity == dg.AssetCheckSeverity.ERROR
            (problems if is_problem else warnings).append(_describe_check(evaluation))
    for event in events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            problems += describe_failure(event)
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not problems:
            problems.append(_innermost_message(event.job_failure_data.error) or event.message)
    # Dagster may call a run a success although steps of it were skipped, so what ran is compared with what should have.
    ended = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)
    steps_ended = {event.step_key for event in events if event.event_type in ended}
    not_run = [node.name for node in result.job_def.nodes_in_topological_order if node.name not in steps_ended]
    if not_run and (steps_ended or not problems):
        problems.append(f"Not run because of that: {', '.join(not_run)}.")
    if not result.success and not problems:
        problems.append("The run failed; Dagster's page (make dev) shows its events.")
    return JobOutcome(result.run_id, problems, warnings)


def _load_definitions() -> dg.Definitions:
    from dagster_project.definitions import defs

    return defs()


def _describe_check(evaluation: dg.AssetCheckEvaluation) -> str:
    table = ".".join(evaluation.asset_key.path)
    lines = [f"Check '{evaluation.check_name}' on {table}:"]
    if "summary" in evaluation.metadata:
        lines += [f"  {line}" for line in str(evaluation.metadata["summary"].value).splitlines()]
    if "report" in evaluation.metadata:
        lines.append(f"  details: {evaluation.metadata['report'].value}")
    return "\n".join(lines)


def describe_failure(event: dg.DagsterEvent) -> list[str]:
    """Why a step failed, in messages; none where it is a failed check, which tells by itself."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return [f"Step {event.step_key}: {data.user_failure_data.description}"]
    if data.error and "AssetCheckFailedError" in (data.error.cls_name or ""):
        return []
    return [f"Step {event.step_key}: {_innermost_message(data.error) or 'failed'}"]


def _innermost_message(error: object) -> str:
    """The message of the error that began it all, without its class's module."""
    if error is None:
        return ""
    while error.cause is not None:
        error = error.cause
    message = error.message.strip()
    prefix, separator, rest = message.partition(": ")
    is_class_name = separator and " " not in prefix and prefix.rsplit(".", 1)[-1] == error.cls_name
    return rest if is_class_name else message
