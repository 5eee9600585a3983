"""Telling the stewards' pages of a run: that it began, how far it is, how it ended.

Belongs here: what Dagster's events of a run say for them. Does not belong here: the pages (`quality.report`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from dagster_project.clock import utc_now
from dagster_project.publishing.releases import current_release
from dagster_project.quality.masking import masked_message
from dagster_project.quality.report import begin_report, end_report, write_index
from dagster_project.quality.runs import RunRecord
from dagster_project.run_outcome import describe_failure

if TYPE_CHECKING:
    from dagster_project.defs.session import RunSession

ENDS_WELL = {
    dg.DagsterEventType.STEP_SUCCESS: True,
    dg.DagsterEventType.STEP_FAILURE: False,
    dg.DagsterEventType.STEP_SKIPPED: False,
}


@contextmanager
def reported(context: dg.InitResourceContext, session: "RunSession") -> Iterator[None]:
    """Renew the pages when a run begins and when it ends, however it ends."""
    record = RunRecord(run_id=session.run_id, dataset=session.config.name, job=context.run.job_name, began_at=utc_now())
    with _page_only(context.log):
        begin_report(session.settings, session.config, record)
    try:
        yield
    finally:
        with _page_only(context.log):
            events = [
                entry.dagster_event
                for entry in context.instance.all_logs(
                    session.run_id, of_type={dg.DagsterEventType.STEP_START, *ENDS_WELL}
                )
            ]
            end_report(session.settings, session.config, _ended(record, events, session))


def renew_report(log: dg.DagsterLogManager, session: "RunSession") -> None:
    """Show on the first page what is known by now."""
    with _page_only(log):
        write_index(session.settings, session.config, session.run_id)


@contextmanager
def _page_only(log: dg.DagsterLogManager) -> Iterator[None]:
    """What goes wrong with a page is told and changes nothing else: a run is about figures."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
        log.warning(f"The report for data stewards could not be renewed: {masked_message(str(error))}")


def _ended(record: RunRecord, events: list[dg.DagsterEvent], session: "RunSession") -> RunRecord:
    """The record with what became of each step. A step without an end of its own was broken off, and so was the run."""
    ends = [event for event in events if event.event_type in ENDS_WELL and not _is_interruption(event)]
    steps = {event.step_key: ENDS_WELL[event.event_type] for event in ends}
    is_interrupted = not events or any(event.step_key not in steps for event in events)
    release = current_release(session.settings)
    return replace(
        record,
        ended_at=utc_now(),
        outcome="red" if False in steps.values() else "broken off" if is_interrupted else "green",
        is_unchanged=session.is_unchanged,
        warnings=session.warnings,
        steps=steps,
        problems=[
            problem
            for event in ends
            if event.event_type == dg.DagsterEventType.STEP_FAILURE
            for problem in _without_values(event)
        ],
        release_id=release.release_id if release else None,
    )


def _is_interruption(event: dg.DagsterEvent) -> bool:
    """Whether a failed step was stopped from outside, such as by Ctrl-C; its failure says nothing about the step."""
    is_failure = event.event_type == dg.DagsterEventType.STEP_FAILURE
    return is_failure and event.step_failure_data.error_source.name == "INTERRUPT"


def _without_values(event: dg.DagsterEvent) -> list[str]:
    """The messages of a failed step. Those of the platform hold no value of a row; others may quote one."""
    messages = describe_failure(event)
    is_ours = event.step_failure_data.user_failure_data is not None
    return messages if is_ours else [masked_message(message) for message in messages]
