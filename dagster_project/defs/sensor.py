"""The sensor: a refresh starts when new or changed extract files have settled.

Belongs here: noticing files. Does not belong here: reading them.
"""

import json

import dagster as dg

from dagster_project.loading.extract_files import describe_folder
from dagster_project.settings import load_settings

SECONDS_BETWEEN_LOOKS = 60


def definitions() -> dg.Definitions:
    """The sensor for extract files."""
    return dg.Definitions(sensors=[settled_extracts])


@dg.sensor(
    job_name="daily_refresh",
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts daily_refresh when extract files are new or changed and two looks in a row saw them alike.",
)
def settled_extracts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Compare the folder with the last look; ask for a run when it stands still and differs from the last run's."""
    settings = load_settings()
    remembered = json.loads(context.cursor or "{}")
    seen = describe_folder(settings.extracts_dir)
    has_settled = seen == remembered.get("seen")
    is_new = seen != remembered.get("requested")
    if not has_settled or not is_new:
        reason = "no new or changed extract files" if has_settled else "extract files are new or still changing"
        cursor = json.dumps({**remembered, "seen": seen})
        return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=cursor)
    # Dagster starts nothing for a key that it knows, and a folder can come back to what it was.
    number = remembered.get("number", 0) + 1
    cursor = json.dumps({"seen": seen, "requested": seen, "number": number})
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{number}-{seen}")], cursor=cursor)
