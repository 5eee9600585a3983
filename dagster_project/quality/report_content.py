"""What the stewards' pages say, as plain values for the templates.

Belongs here: gathering and putting into words. Does not belong here: files of pages (`report`), how they look (the
templates and `pictures`).
"""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.ledger import LedgerEntry, read_ledger
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.publishing.releases import Release, current_release
from dagster_project.publishing.restatements import recent_restatements
from dagster_project.quality.history import utc_now
from dagster_project.quality.last_results import LastResults, read_last_results
from dagster_project.quality.pictures import Bar
from dagster_project.quality.results import CheckResult
from dagster_project.quality.runs import FeedCounts, RunRecord, StageCounts
from dagster_project.quarantine.actions import read_actions
from dagster_project.quarantine.listing import RefusedGroup, refused_groups
from dagster_project.settings import Settings, load_settings
from dagster_project.transforming.catalog import feeds_of_staging_tables

# The stages of a run as a steward sees them, in order: title, the steps behind each, whose results belong to it.
STAGES = {
    "load": ("Load", ("load",), ()),
    "raw": ("Raw gate", ("gate_raw",), ("raw",)),
    "staging": ("Staging", ("build_staging", "gate_staging"), ("dbt_staging", "staging")),
    "intermediate": ("Intermediate", ("build_intermediate", "gate_intermediate"), ("dbt_intermediate", "intermediate")),
    "marts": ("Marts", ("build_marts", "gate_marts", "build_quality"), ("dbt_marts", "marts", "dbt_quality")),
    "release": ("Release", ("published__release",), ()),
}
# Steps that do nothing when nothing is new; loading and its gate always look.
STAGES_LEFT_OUT_WHEN_UNCHANGED = ("staging", "intermediate", "marts", "release")
# Rules of the raw gate that are about whether data come as they should.
DELIVERY_RULES = ("keeps_up_with_other_feeds", "arrives_in_time", "volume_as_usual")
COMMANDS = {
    "refresh": ("run",),
    "replay": ("run", "JOB=replay_quarantine"),
    "export": ("quarantine", 'DO="export refused.csv"'),
    "correct": ("quarantine", 'DO="correct refused.csv"'),
    "discard": ("quarantine", 'DO="discard --file ..."'),
}

RUNS_PICTURED = 60
RUNS_LISTED = 10
FILES_LISTED = 40
EXAMPLES_SHOWN = 2
ACTIONS_SHOWN = 10
RESTATEMENTS_SHOWN = 3
FIGURES_SHOWN = 8


@dataclass(frozen=True)
class Light:
    """A traffic light: `kind` is good, warning, bad or none, a class of the style sheet; `words` say the same."""

    kind: str
    words: str


NOT_REACHED = Light("none", "not reached")
# The last results of each step.
Known = dict[str, LastResults]


@dataclass(frozen=True)
class Found:
    """One result, who found it, and whether it is of the run that the page is about."""

    engine: str
    result: CheckResult
    is_of_run: bool


@dataclass
class Table:
    """One table of a stage: what all rules about it found, Great Expectations and dbt together."""

    name: str
    found: list[Found] = field(default_factory=list)
    link: str = ""

    @property
    def is_of_run(self) -> bool:
        """Whether the run that the page is about has checked it."""
        return any(one.is_of_run for one in self.found)

    @property
    def results(self) -> list[CheckResult]:
        """What the run found, or, where it did not get so far, what is known from earlier ones."""
        return [one.result for one in self.found if one.is_of_run or not self.is_of_run]

    @property
    def critical(self) -> int:
        """Results that block."""
        return sum(result.is_critical_failure for result in self.results)

    @property
    def warnings(self) -> int:
        """Failed rules that do not block."""
        return sum(result.status == "failed" and not result.is_critical_failure for result in self.results)

    @property
    def narrow(self) -> int:
        """Rules that looked only at the rows which a refresh took in, because they held for all others before."""
        return sum(result.is_narrow for result in self.results)

    @property
    def light(self) -> Light:
        """How the table stands."""
        return _light(self.critical, self.warnings)


def index_content(settings: Settings, config: ExtractsConfig, records: list[RunRecord]) -> dict[str, Any]:
    """Everything on the first page: the newest run, and what is known of the steps that it did not reach."""
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
        "feeds": _feed_rows(settings, config, record, records, entries),
        "totals": _feed_totals(entries),
        "quarantine": _quarantine(settings, config),
        "quarantine_actions": list(reversed(read_actions(settings, config.name)[-ACTIONS_SHOWN:])),
        "commands": commands(settings),
        "files": _files_worth_a_look(entries, record),
        "file_count": len(entries),
        "restatements": recent_restatements(settings, config.name, RESTATEMENTS_SHOWN, FIGURES_SHOWN),
        "pictures": _pictures(records, pages),
        "pages": pages,
        "lists": {path.stem for path in settings.reports_dir.glob(f"{config.name}/*.html")},
        "records": list(reversed(records[-RUNS_LISTED:])),
        "record_count": len(records),
        "counts": {one.run_id: run_counts(one) for one in records[-RUNS_LISTED:]},
        "other_datasets": sorted(
            page.parent.name for page in settings.reports_dir.glob("*/runs.html") if page.parent.name != config.name
        ),
    }
    return {**content, **_stages_and_findings(settings, config.name, record, entries, release, of_run_only=False)}


def run_content(settings: Settings, record: RunRecord) -> dict[str, Any]:
    """The page of one run: what it reached and found, nothing of other runs."""
    entries = read_ledger(settings, record.dataset)
    return {
        "dataset": record.dataset,
        "record": record,
        "counts": run_counts(record),
        "files": [_file_row(entry) for entry in _entries_of_run(entries, record)],
        **_stages_and_findings(settings, record.dataset, record, entries, current_release(settings), of_run_only=True),
    }


def runs_content(settings: Settings, dataset: str, records: list[RunRecord]) -> dict[str, Any]:
    """The list of all runs, newest first."""
    return {
        "dataset": dataset,
        "records": list(reversed(records)),
        "counts": {record.run_id: run_counts(record) for record in records},
        "pages": _pages_of_runs(settings, dataset),
    }


def _pages_of_runs(settings: Settings, dataset: str) -> set[str]:
    """The runs that have a page: not those that go on, nor those whose page an erasure has taken away."""
    return {page.stem for page in settings.reports_dir.glob(f"{dataset}/runs/*.html")}


def files_content(dataset: str, entries: list[LedgerEntry]) -> dict[str, Any]:
    """The list of all files, newest first, and what they add up to."""
    return {
        "dataset": dataset,
        "files": [_file_row(entry, _taken_out(entries)) for entry in reversed(entries)],
        "totals": _feed_totals(entries),
    }


def with_counts(settings: Settings, record: RunRecord) -> RunRecord:
    """The record with what the run checked and loaded."""
    known, stages = _read_known(settings, record.dataset), {}
    for stage, (_, _, steps) in STAGES.items():
        tables = [table for table in _tables(settings, known, steps, record) if table.is_of_run]
        if tables:
            stages[stage] = StageCounts(
                tables=len(tables),
                rules=sum(len(table.results) for table in tables),
                critical=sum(table.critical for table in tables),
                warnings=sum(table.warnings for table in tables),
            )
    feeds: dict[str, FeedCounts] = defaultdict(FeedCounts)
    for entry in _entries_of_run(read_ledger(settings, record.dataset), record):
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


def commands(settings: Settings) -> dict[str, str]:
    """The lines that a steward may need, for this home and these extracts, ready to be copied."""
    defaults = load_settings({})
    places = {
        "EXTRACTS": (settings.extracts_dir, defaults.extracts_dir),
        "CONFIG": (settings.extracts_config, defaults.extracts_config),
        "WAREHOUSE_HOME": (settings.warehouse_home, defaults.warehouse_home),
    }
    given = [f"{name}={shlex.quote(str(path))}" for name, (path, default) in places.items() if path != default]
    return {name: " ".join(["make", *words, *given]) for name, words in COMMANDS.items()}


def moment_words(moment: datetime | str | None) -> str:
    """A time as a page shows it: to the minute, UTC."""
    if not moment:
        return "never"
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return f"{moment:%Y-%m-%d %H:%M}"


def duration_words(seconds: float | None) -> str:
    """A length of time: 42 s, 3 min 05 s, 1 h 02 min."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _light(critical: int, warnings: int) -> Light:
    if critical:
        return Light("bad", "blocked")
    return Light("warning", "warnings") if warnings else Light("good", "passed")


def _stages_and_findings(
    settings: Settings,
    dataset: str,
    record: RunRecord | None,
    entries: list[LedgerEntry],
    release: Release | None,
    *,
    of_run_only: bool,
) -> dict[str, Any]:
    known = _read_known(settings, dataset)
    stages, findings = [], []
    for stage, (title, _, steps) in STAGES.items():
        tables = _tables(settings, known, steps, record)
        of_run = [table for table in tables if table.is_of_run]
        shown = of_run if of_run_only else tables
        stages.append(
            {
                "name": stage,
                "title": title,
                "tables": shown,
                "is_of_run": bool(of_run),
                "last_known": _light(sum(t.critical for t in tables), sum(t.warnings for t in tables)),
                "checked_at": max((known[step].checked_at for step in steps if step in known), default=None),
                "light": _stage_light(stage, record, of_run, entries),
                "words": _stage_words(stage, record, of_run, entries, release),
            }
        )
        findings += [
            {"stage": title, "table": table, "engine": one.engine, "result": one.result, "is_of_run": one.is_of_run}
            for table in shown
            for one in table.found
            if one.result.status != "passed" and (one.is_of_run or not of_run_only)
        ]
    findings.sort(key=lambda finding: (not finding["is_of_run"], not finding["result"].is_critical_failure))
    return {
        "stages": stages,
        "findings": findings,
        "blocking": sum(one["is_of_run"] and one["result"].is_critical_failure for one in findings),
        "warnings": sum(one["is_of_run"] and not one["result"].is_critical_failure for one in findings),
    }


def _tables(settings: Settings, known: Known, steps: Sequence[str], record: RunRecord | None) -> list[Table]:
    """The tables of a stage with the newest results of each step, by name."""
    tables: dict[str, Table] = {}
    for last in (known[step] for step in steps if step in known):
        engine = "dbt" if last.step.startswith("dbt_") else "Great Expectations"
        is_of_run = record is not None and last.run_id == record.run_id
        for suite in last.suites:
            table = tables.setdefault(suite.table, Table(suite.table))
            table.found += [Found(engine, result, is_of_run) for result in suite.results]
            page = settings.warehouse_home / suite.report_link
            if suite.report_link and page.exists():
                table.link = page.relative_to(settings.reports_dir).as_posix()
    return sorted(tables.values(), key=lambda table: table.name)


def _read_known(settings: Settings, dataset: str) -> Known:
    steps = [step for _, _, steps in STAGES.values() for step in steps]
    return {step: last for step in steps if (last := read_last_results(settings, dataset, step))}


def _stage_light(stage: str, record: RunRecord | None, of_run: list[Table], entries: list[LedgerEntry]) -> Light:
    """How a stage stands in a run; what an earlier run found there is not its light."""
    if record is None:
        return NOT_REACHED
    critical, warnings = sum(table.critical for table in of_run), sum(table.warnings for table in of_run)
    ended = [record.steps.get(step) for step in STAGES[stage][1]]
    if critical or False in ended:
        return Light("bad", "blocked" if critical else "failed")
    if True in ended and record.is_unchanged and stage in STAGES_LEFT_OUT_WHEN_UNCHANGED:
        return Light("good", "unchanged")
    if stage == "load" and (True in ended or _entries_of_run(entries, record)):
        return _load_light(_entries_of_run(entries, record))
    if of_run or all(ended):
        return Light("good", "published") if stage == "release" else _light(0, warnings)
    return {"running": Light("none", "not yet"), "green": Light("none", "not in this job")}.get(
        record.outcome, NOT_REACHED
    )


def _load_light(entries: list[LedgerEntry]) -> Light:
    if any(entry.status == "refused" for entry in entries):
        return Light("bad", "file refused")
    if any(entry.rows_quarantined for entry in entries):
        return Light("warning", "rows refused")
    return Light("good", "loaded" if entries else "nothing new")


def _stage_words(
    stage: str, record: RunRecord | None, of_run: list[Table], entries: list[LedgerEntry], release: Release | None
) -> str:
    if stage == "release":
        return f"served: {release.release_id}" if release else "nothing published yet"
    if record is None:
        return ""
    if stage == "load":
        loaded = [entry for entry in _entries_of_run(entries, record) if entry.status == "loaded"]
        return f"{_count(len(loaded), 'file')}, {_count(sum(entry.rows_read for entry in loaded), 'row')}"
    if not of_run:
        return ""
    return f"{_count(sum(len(table.results) for table in of_run), 'rule')} on {_count(len(of_run), 'table')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _entries_of_run(entries: Iterable[LedgerEntry], record: RunRecord) -> list[LedgerEntry]:
    """What a run loaded or refused. The ledger keeps whole seconds, so the run's own are cut to them."""
    began_at = record.began_at.replace(microsecond=0)
    return [
        entry
        for entry in entries
        if began_at <= datetime.fromisoformat(entry.loaded_at)
        and (record.ended_at is None or datetime.fromisoformat(entry.loaded_at) <= record.ended_at)
    ]


def _taken_out(entries: Iterable[LedgerEntry]) -> Counter[tuple[str, str]]:
    """Rows that left quarantine, by a replay or a discard; by feed and the batch they were refused in."""
    rows: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.replayed_from:
            rows[(entry.feed, entry.replayed_from)] += entry.rows_accepted + entry.rows_passed_over
    return rows


def _file_row(entry: LedgerEntry, taken_out: Counter[tuple[str, str]] | None = None) -> dict[str, Any]:
    is_whole = entry.rows_read == entry.rows_accepted + entry.rows_quarantined
    if entry.status == "refused":
        light = Light("bad", "refused")
    elif not is_whole:
        light = Light("bad", "does not add up")
    else:
        light = Light("warning" if entry.rows_quarantined else "good", "loaded")
    return {
        "entry": entry,
        "light": light,
        "is_whole": is_whole,
        "rows_taken_out": (taken_out or {}).get((entry.feed, entry.batch_id), 0),
        "loaded_at": datetime.fromisoformat(entry.loaded_at),
    }


def _files_worth_a_look(entries: list[LedgerEntry], record: RunRecord | None) -> list[dict[str, Any]]:
    """Those of the last run, and those with refused rows; the newest first."""
    of_run = {id(entry) for entry in _entries_of_run(entries, record)} if record else set()
    taken_out = _taken_out(entries)
    worth = [entry for entry in entries if entry.status == "refused" or entry.rows_quarantined or id(entry) in of_run]
    worth.sort(key=lambda entry: (entry.status == "refused", entry.rows_quarantined > 0, entry.load_sequence))
    return [_file_row(entry, taken_out) for entry in reversed(worth[-FILES_LISTED:])]


def _feed_totals(entries: Iterable[LedgerEntry]) -> list[dict[str, Any]]:
    """Rows read, accepted and quarantined by feed, in the order of the contract."""
    entries = list(entries)
    taken_out = _taken_out(entries)
    totals = []
    for feed in load_feeds():
        # A replay reads what a file brought in once more; only files count here.
        loaded = [e for e in entries if e.feed == feed and e.status == "loaded" and not e.replayed_from]
        if loaded:
            read, accepted = sum(e.rows_read for e in loaded), sum(e.rows_accepted for e in loaded)
            quarantined = sum(e.rows_quarantined for e in loaded)
            totals.append(
                {
                    "feed": feed,
                    "files": len(loaded),
                    "rows_read": read,
                    "rows_accepted": accepted,
                    "rows_quarantined": quarantined,
                    "rows_taken_out": sum(count for (name, _), count in taken_out.items() if name == feed),
                    "is_whole": read == accepted + quarantined,
                }
            )
    return totals


def _feed_rows(
    settings: Settings,
    config: ExtractsConfig,
    record: RunRecord | None,
    records: list[RunRecord],
    entries: list[LedgerEntry],
) -> list[dict[str, Any]]:
    """One row a feed: its lights in the steps that are about a single feed, freshness, and what came lately."""
    known = _read_known(settings, config.name)
    raw = {table.name: table for table in _tables(settings, known, STAGES["raw"][2], record)}
    staging = _tables(settings, known, STAGES["staging"][2], record)
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
            result
            for result in (gate.results if gate else [])
            if result.rule in DELIVERY_RULES and result.status != "passed"
        ]
        rows.append(
            {
                "name": feed,
                "is_delivered": bool(of_feed),
                "load": _load_light(_entries_of_run(of_feed, record)) if is_loaded else None,
                "gate": gate,
                "staging": _light(sum(t.critical for t in tables), sum(t.warnings for t in tables)) if tables else None,
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


def _pictures(records: list[RunRecord], pages: set[str]) -> dict[str, list[Bar]]:
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
                f"{when}: {counts['critical']} critical, {_count(counts['warnings'], 'warning')}",
                link,
            )
        )
    return {"runs": runs, "rows": rows, "findings": findings}


def _quarantine(settings: Settings, config: ExtractsConfig) -> list[dict[str, Any]]:
    """Refused rows by feed and reason, most frequent first; a row with two reasons counts under both."""
    by_reason: dict[tuple[str, str], list[RefusedGroup]] = defaultdict(list)
    for group in refused_groups(settings, config.name, config.sources):
        by_reason[(group.feed, group.reason)].append(group)
    rows = []
    for (feed, reason), groups in by_reason.items():
        # File names usually carry the day, so the last is the newest.
        newest = max(groups, key=lambda group: group.source_file)
        rows.append(
            {
                "feed": feed,
                "reason": reason,
                "explanation": newest.explanation,
                "row_count": sum(group.row_count for group in groups),
                "files": sorted({group.source_file for group in groups}),
                "newest_file": newest.source_file,
                "examples": [
                    {"row": row, "values": _offending_first(record, reason, newest, config)}
                    for row, record in zip(newest.first_rows, newest.examples, strict=False)
                ][:EXAMPLES_SHOWN],
            }
        )
    order = list(load_feeds())
    return sorted(rows, key=lambda row: (order.index(row["feed"]), -row["row_count"], row["reason"]))


def _offending_first(
    record: dict[str, str], reason: str, group: RefusedGroup, config: ExtractsConfig
) -> list[tuple[str, str, bool]]:
    """The columns of a refused record as (name, value, whether the reason is about it), those it is about first."""
    column = reason.partition(":")[2]
    names = {column.lower()}
    for source in config.sources:
        if source.feed == group.feed and source.columns and column in source.columns:
            names.add(source.columns[column].text.lower())
    values = [(name, value, name.lower() in names) for name, value in record.items()]
    return sorted(values, key=lambda value: not value[2])
