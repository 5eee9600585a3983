"""The stages of a run: the tables of each, what every rule found there, and the light that follows.

Belongs here: the last results of gates and dbt tests, by stage and table, and what was not passed. Does not belong
here: rows of files (`files`), one feed through all stages (`feeds`), runs as a whole (`runs`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster_project.loading.ledger import LedgerEntry
from dagster_project.publishing.releases import Release
from dagster_project.quality.last_results import LastResults, read_last_results
from dagster_project.quality.report_content.files import entries_of_run
from dagster_project.quality.report_content.lights import NOT_REACHED, Light, light_of, light_of_loading
from dagster_project.quality.report_content.words import count_words
from dagster_project.quality.results import CheckResult
from dagster_project.quality.runs import RunRecord
from dagster_project.settings import Settings

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
GATE_ENGINE = "Great Expectations"
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
        return light_of(self.critical, self.warnings)


def light_of_tables(tables: list[Table]) -> Light:
    """How several tables stand together."""
    return light_of(sum(table.critical for table in tables), sum(table.warnings for table in tables))


def stages_and_findings(
    settings: Settings,
    dataset: str,
    record: RunRecord | None,
    entries: list[LedgerEntry],
    release: Release | None,
    *,
    of_run_only: bool,
) -> dict[str, Any]:
    """Every stage with its tables and light, and what did not pass: that of the run first, what blocks before the rest.

    `of_run_only` leaves out what is known from earlier runs.
    """
    known = read_known(settings, dataset)
    stages, findings = [], []
    for stage, (title, _, steps) in STAGES.items():
        tables = tables_of(settings, known, steps, record)
        of_run = [table for table in tables if table.is_of_run]
        shown = of_run if of_run_only else tables
        stages.append(
            {
                "name": stage,
                "title": title,
                "tables": shown,
                "is_of_run": bool(of_run),
                "last_known": light_of_tables(tables),
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


def tables_of(settings: Settings, known: Known, steps: Sequence[str], record: RunRecord | None) -> list[Table]:
    """The tables of a stage with the newest results of each step, by name."""
    tables: dict[str, Table] = {}
    for last in (known[step] for step in steps if step in known):
        engine = "dbt" if last.step.startswith("dbt_") else GATE_ENGINE
        is_of_run = record is not None and last.run_id == record.run_id
        for suite in last.suites:
            table = tables.setdefault(suite.table, Table(suite.table))
            table.found += [Found(engine, result, is_of_run) for result in suite.results]
            page = settings.warehouse_home / suite.report_link
            if suite.report_link and page.exists():
                table.link = page.relative_to(settings.reports_dir).as_posix()
    return sorted(tables.values(), key=lambda table: table.name)


def read_known(settings: Settings, dataset: str) -> Known:
    """The last results of every step that has any."""
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
    if stage == "load" and (True in ended or entries_of_run(entries, record)):
        return light_of_loading(entries_of_run(entries, record))
    # The tests of dbt alone do not make it: a run may have been killed before the gate.
    is_through_gate = any(one.is_of_run and one.engine == GATE_ENGINE for table in of_run for one in table.found)
    if all(ended) or is_through_gate:
        return Light("good", "published") if stage == "release" else light_of(0, warnings)
    return {"running": Light("none", "not yet"), "green": Light("none", "not in this job")}.get(
        record.outcome, NOT_REACHED
    )


def _stage_words(
    stage: str, record: RunRecord | None, of_run: list[Table], entries: list[LedgerEntry], release: Release | None
) -> str:
    if stage == "release":
        return f"served: {release.release_id}" if release else "nothing published yet"
    if record is None:
        return ""
    if stage == "load":
        loaded = [entry for entry in entries_of_run(entries, record) if entry.status == "loaded"]
        return f"{count_words(len(loaded), 'file')}, {count_words(sum(entry.rows_read for entry in loaded), 'row')}"
    if not of_run:
        return ""
    return f"{count_words(sum(len(table.results) for table in of_run), 'rule')} on {count_words(len(of_run), 'table')}"
