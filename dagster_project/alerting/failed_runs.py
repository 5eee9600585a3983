"""The alert about a run that failed or could not begin.

Belongs here: its words. Does not belong here: reading the events of a run (`job_runner`).
"""

from collections.abc import Callable

from dagster_project.alerting.channels import send_alert
from dagster_project.publishing.releases import current_release
from dagster_project.settings import Settings


def alert_failed_run(
    settings: Settings, job_name: str, findings: list[str], run_id: str | None, report: Callable[[str], None]
) -> bool:
    """Tell that a run failed. `findings` name checks and steps, never values; returns whether it was sent."""
    release = current_release(settings)
    served = f"Readers still see release {release.release_id}." if release else "Nothing is published yet."
    lines = [
        *(f"- {finding}" for finding in findings),
        "",
        served,
        f"Report: {settings.reports_dir / 'index.html'}",
        f"Run: {run_id or 'it did not begin'}",
        "What to do: docs/runbook.md.",
    ]
    return send_alert(settings, f"Customer retention: {job_name} failed", "\n".join(lines), report)
