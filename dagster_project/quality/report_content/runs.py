"""Runs in figures and as pictures.

Belongs here: what a run comes to, and how the last ones compare. Does not belong here: keeping and thinning out the
records (`dagster_project.quality.runs`).
"""

from collections import defaultdict
from dataclasses import replace

from dagster_project.loading.ledger import read_ledger
from dagster_project.quality.pictures import Bar
from dagster_project.quality.report_content.files import entries_of_run
from dagster_project.quality.report_content.stages import STAGES, read_known, tables_of
from dagster_project.quality.report_content.words import count_words, duration_words, moment_words
from dagster_project.quality.runs import FeedCounts, RunRecord, StageCounts
from dagster_project.settings import Settings

RUNS_PICTURED = 60


def with_counts(settings: Settings, record: RunRecord) -> RunRecord:
    """The record with what the run checked and loaded."""
    known, stages = read_known(settings, record.dataset), {}
    for stage, (_, _, steps) in STAGES.items():
        tables = [table for table in tables_of(settings, known, steps, record) if table.is_of_run]
        if tables:
            stages[stage] = StageCounts(
                tables=len(tables),
                rules=sum(len(table.results) for table in tables),
                critical=sum(table.critical for table in tables),
                warnings=sum(table.warnings for table in tables),
            )
    feeds: dict[str, FeedCounts] = defaultdict(FeedCounts)
    for entry in entries_of_run(read_ledger(settings, record.dataset), record):
        counts = feeds[entry.feed]
        feeds[entry.feed] = FeedCounts(
            files_loaded=counts.files_loaded + (entry.status == "loaded"),
            files_refused=counts.files_refused + (entry.status == "refused"),
            rows_read=counts.rows_read + entry.rows_read,
            rows_accepted=counts.rows_accepted + entry.rows_accepted,
            rows_quarantined=counts.rows_quarantined + entry.rows_quarantined,
        )
    return replace(record, stages=stages, feeds=dict(feeds))


def run_counts(record: RunRecord) -> dict[str, int]:
    """A run in figures, all feeds and stages together."""
    feeds, stages = record.feeds.values(), record.stages.values()
    return {
        "files_loaded": sum(feed.files_loaded for feed in feeds),
        "files_refused": sum(feed.files_refused for feed in feeds),
        "rows_read": sum(feed.rows_read for feed in feeds),
        "rows_accepted": sum(feed.rows_accepted for feed in feeds),
        "rows_quarantined": sum(feed.rows_quarantined for feed in feeds),
        "rules": sum(stage.rules for stage in stages),
        "critical": sum(stage.critical for stage in stages),
        "warnings": sum(stage.warnings for stage in stages),
    }


def pictures_of_runs(records: list[RunRecord], pages: set[str]) -> dict[str, list[Bar]]:
    """The last runs as bars: how they ended and how long they took, what they loaded, what they found."""
    last = records[-RUNS_PICTURED:]
    runs, rows, findings = [], [], []
    for record in last:
        when, counts = f"{moment_words(record.began_at)} {record.job}", run_counts(record)
        link = f"{record.dataset}/runs/{record.run_id}.html" if record.run_id in pages else ""
        outcome = "unchanged" if record.outcome == "green" and record.is_unchanged else record.outcome
        took = f", {duration_words(record.seconds)}" if record.seconds is not None else ""
        runs.append(Bar(((outcome.replace(" ", "-"), max(record.seconds or 1, 1)),), f"{when}: {outcome}{took}", link))
        rows.append(
            Bar(
                (("accepted", counts["rows_accepted"]), ("quarantined", counts["rows_quarantined"])),
                f"{when}: {counts['rows_accepted']:,} rows accepted, {counts['rows_quarantined']:,} quarantined",
                link,
            )
        )
        findings.append(
            Bar(
                (("red", counts["critical"]), ("warned", counts["warnings"])),
                f"{when}: {counts['critical']} critical, {count_words(counts['warnings'], 'warning')}",
                link,
            )
        )
    return {"runs": runs, "rows": rows, "findings": findings}
