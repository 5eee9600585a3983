"""Alerts while Dagster's daemon runs: about runs that it started, and about data that have become stale.

Belongs here: when to look. Does not belong here: what is told and how (`alerting`). Runs that were started on the
command line tell about themselves (`job_runner`), so that they do so without a daemon.
"""

import json
import time

import dagster as dg

from dagster_project.alerting.failed_runs import alert_failed_run
from dagster_project.alerting.stale_data import NOTHING_LOADED, alert_stale_data, find_stale_data
from dagster_project.clock import utc_now
from dagster_project.job_runner import STARTED_BY_TAG
from dagster_project.loading.mapping import MappingError, load_config
from dagster_project.run_outcome import findings_of_run
from dagster_project.settings import load_settings

SECONDS_BETWEEN_LOOKS = 30 * 60
# What stays stale is told again after a day.
SECONDS_UNTIL_REMINDER = 24 * 3600


def definitions() -> dg.Definitions:
    """The two sensors."""
    return dg.Definitions(sensors=[failed_runs, stale_data])


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Sends an alert about every failed run, to the channels that the environment sets.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Tell about a failed run, unless it tells about itself."""
    run = context.dagster_run
    if STARTED_BY_TAG in run.tags:
        return dg.SkipReason("a run of the command line tells about itself")
    findings = findings_of_run(context.instance, run.run_id)
    alert_failed_run(load_settings(), run.job_name, findings, run.run_id, context.log.warning)
    return None


@dg.sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    description="Sends an alert when no refresh runs, when loaded data do not come out, or when a source is late.",
)
def stale_data(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Tell what has become stale; the same findings again only after a day."""
    settings = load_settings()
    try:
        config = load_config(settings.extracts_config)
    except MappingError:
        return dg.SensorResult(skip_reason=dg.SkipReason("the mapping cannot be read; the next run says why"))
    # The first refresh may not have had its turn yet, or be at its first file; one that fails is told.
    findings = [one for one in find_stale_data(settings, config, utc_now()) if one != NOTHING_LOADED]
    told = json.loads(context.cursor or "{}")
    if not findings:
        return dg.SensorResult(skip_reason=dg.SkipReason("all data are fresh"), cursor="{}")
    if findings == told.get("findings") and time.time() - told["at"] < SECONDS_UNTIL_REMINDER:
        return dg.SensorResult(skip_reason=dg.SkipReason("stale data, told already"), cursor=context.cursor)
    is_sent = alert_stale_data(settings, config.name, findings, context.log.warning)
    cursor = json.dumps({"findings": findings, "at": time.time()}) if is_sent else context.cursor
    return dg.SensorResult(skip_reason=dg.SkipReason(" ".join(findings)), cursor=cursor)
