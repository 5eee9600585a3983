"""Whether readers see old figures although nothing has failed, judged by the clock.

Belongs here: finding it, and the alert. Does not belong here: when it is looked at (the command line and
`defs.alerts` do).
"""

import datetime as dt
from collections.abc import Callable

from dagster_project.alerting.channels import send_alert
from dagster_project.loading.ledger import LedgerEntry, read_ledger
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.publishing.releases import current_release
from dagster_project.quality.freshness import source_freshness
from dagster_project.quality.last_results import read_last_results
from dagster_project.settings import Settings

NOTHING_LOADED = "No refresh has loaded anything yet. Start one: run the job daily_refresh."


def find_stale_data(settings: Settings, config: ExtractsConfig, now: dt.datetime) -> list[str]:
    """What is stale at `now` (UTC without a zone), a sentence each; empty where all is fresh.

    Three things: no refresh has run (for long, or ever), what is loaded has not come out, a source is late.
    """
    allowed = dt.timedelta(hours=settings.marts_fresh_hours)
    entries = read_ledger(settings, config.name)
    findings = []
    # Missing before the first run, and where its samples named somebody who was erased.
    last_look = read_last_results(settings, config.name, "raw")
    if last_look is None and not entries:
        findings.append(NOTHING_LOADED)
    if last_look is not None and now - last_look.checked_at > allowed:
        findings.append(
            f"No refresh has run since {last_look.checked_at:%Y-%m-%d %H:%M} UTC. Is the schedule still running?"
        )
    waiting_since = _waiting_since(settings, config, entries)
    if waiting_since is not None and now - waiting_since > allowed:
        findings.append(
            f"Data loaded at {waiting_since:%Y-%m-%d %H:%M} UTC are not published yet; readers see the release before."
        )
    findings += [one.in_words() for one in source_freshness(entries, config.sources, now) if one.is_late]
    return findings


def alert_stale_data(settings: Settings, dataset: str, findings: list[str], report: Callable[[str], None]) -> bool:
    """Tell what `find_stale_data` has found; returns whether it was sent."""
    lines = [*(f"- {finding}" for finding in findings), "", "What to do: docs/runbook.md, 'Alerts'."]
    return send_alert(settings, f"Customer retention: stale data in {dataset}", "\n".join(lines), report)


def _waiting_since(settings: Settings, config: ExtractsConfig, entries: list[LedgerEntry]) -> dt.datetime | None:
    """When the oldest batch was loaded that the current release does not hold."""
    release = current_release(settings)
    is_of_dataset = release is not None and release.inputs.dataset == config.name
    published = release.details["last_load_sequence"] if is_of_dataset else 0
    waiting = [entry for entry in entries if entry.status == "loaded" and entry.load_sequence > published]
    return min((dt.datetime.fromisoformat(entry.loaded_at) for entry in waiting), default=None)
