"""The jobs, and the schedule of the daily one. This page reads as the menu of what can be run.

Belongs here: what a job runs and when. Does not belong here: the steps.
"""

from typing import Any

import dagster as dg

from dagster_project.defs.gates import STAGES, gate_keys
from dagster_project.defs.layers import read_manifest
from dagster_project.defs.progress import CONSOLE_CONFIG, console
from dagster_project.defs.release import RELEASE_KEY
from dagster_project.defs.session import ERASE_TAG, REBUILD_TAG, REPLAY_TAG
from dagster_project.settings import Settings, SettingsError, load_settings, schedule_problem

EVERYTHING = dg.AssetSelection.all()
# A run that died or found another one writing is tried again by Dagster's daemon; a failed step is not.
RETRY_TAGS = {"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "false"}


def definitions() -> dg.Definitions:
    """All jobs and the daily schedule."""
    settings = load_settings()
    manifest = read_manifest(settings)
    all_gates = dg.AssetSelection.checks(*(key for stage in STAGES for key in gate_keys(manifest, stage)))
    jobs = [
        _job(
            "daily_refresh",
            EVERYTHING,
            "Loads new extracts and, if anything has changed, builds, checks and publishes.",
            RETRY_TAGS,
        ),
        _job(
            "full_rebuild",
            EVERYTHING,
            "Like daily_refresh, but builds everything again although nothing has changed.",
            {REBUILD_TAG: "true"},
        ),
        _job("validate_only", all_gates, "Runs the gates over what is built; builds and publishes nothing."),
        _job(
            "replay_quarantine",
            EVERYTHING,
            "Reads quarantined rows again with today's mapping, then goes on like daily_refresh.",
            {REPLAY_TAG: "true"},
        ),
        _job(
            "erase_customer",
            EVERYTHING,
            "Erases one person from lake, warehouse, releases, reports and logs; figures stay. Loads no new extracts.",
            {ERASE_TAG: "true", REBUILD_TAG: "true"},
        ),
        _job(
            "publish_release",
            all_gates | dg.AssetSelection.assets(RELEASE_KEY),
            "Checks what is built and publishes it; for use after a release step that failed.",
        ),
    ]
    return dg.Definitions(jobs=jobs, schedules=[_daily(settings)], loggers={"console": console})


def _job(name: str, selection: dg.AssetSelection, description: str, tags: dict[str, str] | None = None) -> Any:  # noqa: ANN401  (Dagster does not export the type)
    return dg.define_asset_job(name, selection=selection, description=description, tags=tags, config=CONSOLE_CONFIG)


def _daily(settings: Settings) -> dg.ScheduleDefinition:
    try:
        return dg.ScheduleDefinition(
            name="daily_refresh_schedule",
            job_name="daily_refresh",
            cron_schedule=settings.refresh_schedule,
            execution_timezone=settings.refresh_time_zone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(schedule_problem(settings.refresh_schedule)) from error
