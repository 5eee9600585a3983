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
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.utils import make_new_run_id
from dagster._utils.error import SerializableErrorInfo

from dagster_project.alerting.failed_runs import alert_failed_run
from dagster_project.loading.durable import make_folder
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


@dataclass(frozen=True)
class JobOutcome:
    """How a run ended. `problems` is empty exactly when it is green; `warnings` do not change that."""

    run_id: str
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


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
                    f"Step {name} did not run" for name in _not_run(result)
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


def findings_of_run(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """What failed in a run, for people who may not see rows: names of checks and rules, messages of our own.

    An error that was not foreseen is told by its kind alone, because its message may quote a value.
    """
    findings = []
    wanted = {
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.RUN_FAILURE,
    }
    for entry in instance.all_logs(run_id, of_type=wanted):
        event = entry.dagster_event
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
                rules = check.metadata["rules_broken"].value if "rules_broken" in check.metadata else check.check_name
                findings.append(f"Check on {'.'.join(check.asset_key.path)}: {rules}")
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            findings += [f"Step {event.step_key}: {reason}" for reason in _safe_reasons(event.step_failure_data)]
        elif not findings:
            findings.append(_safe_reason(event.job_failure_data.error) or "The run ended before it could say why.")
    return findings


def _safe_reasons(failure: StepFailureData) -> list[str]:
    if failure.user_failure_data and failure.user_failure_data.description:
        return [failure.user_failure_data.description]
    if failure.error and "AssetCheckFailedError" in (failure.error.cls_name or ""):
        return []
    return [_safe_reason(failure.error) or "failed"]


def _safe_reason(error: SerializableErrorInfo | None) -> str:
    """The message of an error of our own, otherwise only the kind of the error that began it all."""
    # Imported here: the command line needs it after a failure only.
    from dagster_project.defs.session import USER_ERRORS

    if error is None:
        return ""
    while error.cause is not None:
        error = error.cause
    if error.cls_name in [known.__name__ for known in USER_ERRORS]:
        return _innermost_message(error)
    return f"{error.cls_name} (the run's events say more)"


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
    not_run = _not_run(result)
    if not_run and (len(not_run) < len(result.job_def.nodes_in_topological_order) or not problems):
        problems.append(f"Not run because of that: {', '.join(not_run)}.")
    if not result.success and not problems:
        problems.append("The run failed; Dagster's page (make dev) shows its events.")
    return JobOutcome(result.run_id, problems, warnings)


def _not_run(result: dg.ExecuteInProcessResult) -> list[str]:
    """Steps that did not end: Dagster may call a run a success although some were skipped."""
    ended = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)
    steps_ended = {event.step_key for event in result.all_events if event.event_type in ended}
    return [node.name for node in result.job_def.nodes_in_topological_order if node.name not in steps_ended]


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
