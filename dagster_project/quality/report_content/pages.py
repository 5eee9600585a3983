"""What each page holds, as plain values for its template.

Belongs here: which topics a page has. Does not belong here: the topics themselves (one module each beside this one),
files of pages (`report`), how they look (the templates and `pictures`).
"""

from typing import Any

from dagster_project.clock import utc_now
from dagster_project.loading.feed_totals import feed_totals
from dagster_project.loading.ledger import LedgerEntry, read_ledger
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.publishing.releases import current_release
from dagster_project.publishing.restatements import recent_restatements
from dagster_project.quality.report_content.feeds import feed_rows
from dagster_project.quality.report_content.files import (
    column_use,
    entries_of_run,
    file_row,
    files_worth_a_look,
    rows_taken_out,
)
from dagster_project.quality.report_content.quarantine import commands, refused_by_reason
from dagster_project.quality.report_content.runs import pictures_of_runs, run_counts
from dagster_project.quality.report_content.stages import stages_and_findings
from dagster_project.quality.runs import RunRecord
from dagster_project.quarantine.actions import read_actions
from dagster_project.settings import Settings

RUNS_LISTED = 10
ACTIONS_SHOWN = 10
RESTATEMENTS_SHOWN = 3
FIGURES_SHOWN = 8


def index_content(settings: Settings, config: ExtractsConfig, records: list[RunRecord]) -> dict[str, Any]:
    """Everything on the first page: the last of the runs, and what is known of the steps that it did not reach."""
    entries = read_ledger(settings, config.name)
    record = records[-1] if records else None
    release = current_release(settings)
    pages = _pages_of_runs(settings, config.name)
    content = {
        "dataset": config.name,
        "written_at": utc_now(),
        "record": record,
        "last_ended": next((one for one in reversed(records) if one.outcome != "running"), None),
        "release": release.details if release else None,
        "is_release_of_dataset": release is not None and release.inputs.dataset == config.name,
        "feeds": feed_rows(settings, config, record, records, entries),
        "column_use": column_use(entries),
        "totals": feed_totals(entries),
        "quarantine": refused_by_reason(settings, config),
        "quarantine_actions": list(reversed(read_actions(settings, config.name)[-ACTIONS_SHOWN:])),
        "commands": commands(settings),
        "files": files_worth_a_look(entries, record),
        "file_count": len(entries),
        "restatements": recent_restatements(settings, config.name, RESTATEMENTS_SHOWN, FIGURES_SHOWN),
        "pictures": pictures_of_runs(records, pages),
        "pages": pages,
        "lists": {path.stem for path in settings.reports_dir.glob(f"{config.name}/*.html")},
        "records": list(reversed(records[-RUNS_LISTED:])),
        "record_count": len(records),
        "counts": {one.run_id: run_counts(one) for one in records[-RUNS_LISTED:]},
        "other_datasets": sorted(
            page.parent.name for page in settings.reports_dir.glob("*/runs.html") if page.parent.name != config.name
        ),
    }
    return {**content, **stages_and_findings(settings, config.name, record, entries, release, of_run_only=False)}


def run_content(settings: Settings, record: RunRecord) -> dict[str, Any]:
    """The page of one run: what it reached and found, nothing of other runs."""
    entries = read_ledger(settings, record.dataset)
    return {
        "dataset": record.dataset,
        "record": record,
        "counts": run_counts(record),
        "files": [file_row(entry) for entry in entries_of_run(entries, record)],
        **stages_and_findings(settings, record.dataset, record, entries, current_release(settings), of_run_only=True),
    }


def runs_content(settings: Settings, dataset: str, records: list[RunRecord]) -> dict[str, Any]:
    """The list of all runs, newest first."""
    return {
        "dataset": dataset,
        "records": list(reversed(records)),
        "counts": {record.run_id: run_counts(record) for record in records},
        "pages": _pages_of_runs(settings, dataset),
    }


def files_content(dataset: str, entries: list[LedgerEntry]) -> dict[str, Any]:
    """The list of all files, newest first, and what they add up to."""
    taken_out = rows_taken_out(entries)
    return {
        "dataset": dataset,
        "files": [file_row(entry, taken_out) for entry in reversed(entries)],
        "totals": feed_totals(entries),
    }


def _pages_of_runs(settings: Settings, dataset: str) -> set[str]:
    """The runs that have a page: not those that go on, nor those whose page an erasure has taken away."""
    return {page.stem for page in settings.reports_dir.glob(f"{dataset}/runs/*.html")}
