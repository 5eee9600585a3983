"""How a run ended, in plain words.

Belongs here: reading the events of a run, for the person who started it and for people who may not see rows. Does not
belong here: running a job (`job_runner`), sending what was found (`alerting`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.execution.plan.objects import StepFailureData
from dagster._utils.error import SerializableErrorInfo

from dagster_project.user_errors import USER_ERRORS


@dataclass(frozen=True)
class JobOutcome:
    """How a run ended. `problems` is empty exactly when it is green; `warnings` do not change that."""

    run_id: str
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


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
    not_run = steps_not_run(result)
    if not_run and (len(not_run) < len(result.job_def.nodes_in_topological_order) or not problems):
        problems.append(f"Not run because of that: {', '.join(not_run)}.")
    if not result.success and not problems:
        problems.append("The run failed; Dagster's page (make dev) shows its events.")
    return JobOutcome(result.run_id, problems, warnings)


def steps_not_run(result: dg.ExecuteInProcessResult) -> list[str]:
    """Steps that did not end: Dagster may call a run a success although some were skipped."""
    ended = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)
    steps_ended = {event.step_key for event in result.all_events if event.event_type in ended}
    return [node.name for node in result.job_def.nodes_in_topological_order if node.name not in steps_ended]


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
            reasons = _reasons(event.step_failure_data, _safe_reason)
            findings += [f"Step {event.step_key}: {reason}" for reason in reasons]
        elif not findings:
            findings.append(_safe_reason(event.job_failure_data.error) or "The run ended before it could say why.")
    return findings


def _reasons(failure: StepFailureData, in_words: Callable[[SerializableErrorInfo | None], str]) -> list[str]:
    """Why a step failed; none where it is a failed check, which tells by itself."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return [failure.user_failure_data.description]
    if failure.error and "AssetCheckFailedError" in (failure.error.cls_name or ""):
        return []
    return [in_words(failure.error) or "failed"]


def _safe_reason(error: SerializableErrorInfo | None) -> str:
    """The message of an error of our own, otherwise only the kind of the error that began it all."""
    if error is None:
        return ""
    first = _first_cause(error)
    if first.cls_name in [known.__name__ for known in USER_ERRORS]:
        return _innermost_message(first)
    return f"{first.cls_name} (the run's events say more)"


def _first_cause(error: SerializableErrorInfo) -> SerializableErrorInfo:
    while error.cause is not None:
        error = error.cause
    return error


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
    return [f"Step {event.step_key}: {reason}" for reason in _reasons(event.step_failure_data, _innermost_message)]


def _innermost_message(error: SerializableErrorInfo | None) -> str:
    """The message of the error that began it all, without its class's module."""
    if error is None:
        return ""
    error = _first_cause(error)
    message = error.message.strip()
    prefix, separator, rest = message.partition(": ")
    is_class_name = separator and " " not in prefix and prefix.rsplit(".", 1)[-1] == error.cls_name
    return rest if is_class_name else message
