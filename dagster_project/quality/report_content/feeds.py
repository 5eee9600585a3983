"""One row a feed: how it stands in every step, how fresh it is, and what came lately.

Belongs here: what is about a single feed. Does not belong here: its files (`files`), stages as a whole (`stages`).
"""

from datetime import datetime, timedelta
from typing import Any

from dagster_project.clock import utc_now
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.ledger import LedgerEntry
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.quality.pictures import Bar
from dagster_project.quality.report_content.files import entries_of_run
from dagster_project.quality.report_content.lights import Light, light_of_loading
from dagster_project.quality.report_content.stages import STAGES, light_of_tables, read_known, tables_of
from dagster_project.quality.report_content.words import moment_words
from dagster_project.quality.runs import RunRecord
from dagster_project.settings import Settings
from dagster_project.transforming.catalog import feeds_of_staging_tables

# Rules of the raw gate that are about whether data come as they should.
# What it means where one does not hold.
NOT_AS_USUAL = {
    "keeps_up_with_other_feeds": "behind other feeds",
    "arrives_in_time": "overdue",
    "volume_as_usual": "unusual volume",
}


def feed_rows(
    settings: Settings,
    config: ExtractsConfig,
    record: RunRecord | None,
    records: list[RunRecord],
    entries: list[LedgerEntry],
) -> list[dict[str, Any]]:
    """One row a feed: its lights in the steps that are about a single feed, freshness, and what came lately."""
    known = read_known(settings, config.name)
    raw = {table.name: table for table in tables_of(settings, known, STAGES["raw"][2], record)}
    staging = tables_of(settings, known, STAGES["staging"][2], record)
    feeds_of = feeds_of_staging_tables(settings.dbt_dir / config.name / "manifest.json")
    now = utc_now()
    # Before its end a run's load is known to be over by the gate behind it.
    is_loaded = record is not None and ("load" in record.steps or any(table.is_of_run for table in raw.values()))
    newest_event = max((entry.watermark for entry in entries if entry.watermark), default=None)
    rows = []
    for feed in load_feeds():
        of_feed = [entry for entry in entries if entry.feed == feed]
        loaded = [entry for entry in of_feed if entry.status == "loaded"]
        deliveries = [entry for entry in loaded if not entry.replayed_from]
        newest = max(deliveries, key=lambda entry: entry.load_sequence, default=None)
        event = max((entry.watermark for entry in loaded if entry.watermark), default=None)
        gate = raw.get(f"raw.{feed}")
        tables = [table for table in staging if feed in feeds_of.get(table.name, ())]
        late = [
            Light("bad" if result.is_critical_failure else "warning", NOT_AS_USUAL[result.rule])
            for result in (gate.results if gate else [])
            if result.rule in NOT_AS_USUAL and result.status != "passed"
        ]
        rows.append(
            {
                "name": feed,
                "is_delivered": bool(of_feed),
                "load": light_of_loading(entries_of_run(of_feed, record)) if is_loaded else None,
                "gate": gate,
                "staging": light_of_tables(tables) if tables else None,
                "is_staging_of_run": any(table.is_of_run for table in tables),
                "event": datetime.fromisoformat(event) if event else None,
                "days_behind": (_days_between(event, newest_event) if event and newest_event else None),
                "age": now - datetime.fromisoformat(event) if event else None,
                "newest": newest,
                "newest_age": now - datetime.fromisoformat(newest.loaded_at) if newest else None,
                "late": late,
                "bars": _feed_bars(feed, records),
            }
        )
    return rows


def _days_between(earlier: str, later: str) -> int:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)) // timedelta(days=1)


def _feed_bars(feed: str, records: list[RunRecord]) -> list[Bar]:
    loads = [(record, record.feeds[feed]) for record in records if feed in record.feeds][-30:]
    return [
        Bar(
            (("accepted", counts.rows_accepted), ("quarantined", counts.rows_quarantined)),
            f"{moment_words(record.began_at)}: {counts.rows_accepted:,} accepted, {counts.rows_quarantined:,} "
            "quarantined",
        )
        for record, counts in loads
    ]
