"""The page that data stewards start from: `reports/index.html`, renewed after every gate.

Belongs here: gathering what the page shows, and writing it. Does not belong here: checks, Data Docs pages, anything
that knows Dagster. All values reach the page through Jinja2 with automatic escaping.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader

from dagster_project.loading.durable import publish_file, write_text
from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.reasons import explain
from dagster_project.quality.data_docs import TEMPLATES_DIR
from dagster_project.quality.history import latest_run_results
from dagster_project.quality.results import STAGES, Stage, SuiteResult, from_plain, to_plain
from dagster_project.settings import Settings


def remember_gate(
    settings: Settings,
    dataset: str,
    stage: Stage,
    run_id: str,
    checked_at: datetime,
    suites: Sequence[SuiteResult],
) -> None:
    """Keep the last results of a stage with their masked samples, for the page that later gates write again."""
    content = {
        "run_id": run_id,
        "checked_at": checked_at.isoformat(sep=" ", timespec="seconds"),
        "suites": [to_plain(suite) for suite in suites],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    publish_file(_gate_path(settings, dataset, stage), lambda temporary: write_text(temporary, text))


def write_report(settings: Settings, dataset: str) -> Path:
    """Write `reports/index.html` from what the gates, the loader and dbt left behind; returns its path."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    gates = _gates(settings, dataset)
    last_gate = max(gates, key=lambda gate: gate["checked_at"], default=None)
    page = environment.get_template("report.html").render(
        dataset=dataset,
        style=(TEMPLATES_DIR / "style.css").read_text(encoding="utf-8"),
        last_gate=last_gate,
        blocking=sum(
            len(table["suite"].critical_failures)
            for gate in gates
            if last_gate and gate["run_id"] == last_gate["run_id"]
            for table in gate["tables"]
        ),
        stages=[_stage(stage, gates, last_gate) for stage in STAGES],
        other_findings=[
            row
            for row in latest_run_results(settings, dataset)
            if row.engine != "great_expectations" and row.status != "passed"
        ],
        files=read_ledger(settings, dataset),
        quarantine=_quarantine(settings, dataset),
    )
    path = settings.reports_dir / "index.html"
    publish_file(path, lambda temporary: write_text(temporary, page))
    return path


def _gate_path(settings: Settings, dataset: str, stage: Stage) -> Path:
    return settings.quality_dir / "gates" / f"{dataset}__{stage}.json"


def _gates(settings: Settings, dataset: str) -> list[dict[str, Any]]:
    """The last gate of each stage that ever ran, with its tables."""
    gates = []
    for stage in STAGES:
        path = _gate_path(settings, dataset, stage)
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            tables = [_table(settings, from_plain(suite)) for suite in content.pop("suites")]
            gates.append({"stage": stage, "tables": tables, **content})
    return gates


def _table(settings: Settings, suite: SuiteResult) -> dict[str, Any]:
    problems = [result for result in suite.results if result.status != "passed"]
    if suite.critical_failures:
        light, words = "bad", "blocked"
    elif problems:
        light, words = "warning", "passed with warnings"
    else:
        light, words = "good", "passed"
    # The page lies in the reports folder, links are kept relative to the warehouse home.
    page = settings.warehouse_home / suite.report_link
    link = page.relative_to(settings.reports_dir).as_posix() if suite.report_link and page.exists() else ""
    return {"suite": suite, "problems": problems, "light": light, "words": words, "link": link}


def _stage(stage: Stage, gates: list[dict[str, Any]], last_gate: dict[str, Any] | None) -> dict[str, Any]:
    """A stage as the page shows it: was it reached by the last run, and what did its last gate find."""
    gate = next((gate for gate in gates if gate["stage"] == stage), None)
    is_of_last_run = bool(gate and last_gate and gate["run_id"] == last_gate["run_id"])
    return {"name": stage, "gate": gate, "is_of_last_run": is_of_last_run}


def _quarantine(settings: Settings, dataset: str) -> list[dict[str, Any]]:
    """Quarantined rows by feed, file and reason, most frequent first; a row with two reasons counts under both."""
    if not any(settings.quarantine_dir.glob(f"*/{dataset}__*.parquet")):
        return []
    pattern = str(settings.quarantine_dir / "*" / f"{dataset}__*.parquet")
    with duckdb.connect() as connection:
        rows = connection.execute(
            """
            with reasons as (
                select parse_path(filename)[-2] as feed, _source_file, _source_row, unnest(reasons) as reason
                from read_parquet(?, filename = true)
            )
            select feed, _source_file, reason, count(*), list_sort(min(_source_row, 5))
            from reasons
            group by feed, _source_file, reason
            order by feed, _source_file, count(*) desc, reason
            """,
            [pattern],
        ).fetchall()
    return [
        {
            "feed": feed,
            "source_file": source_file,
            "reason": reason,
            "explanation": explain(reason),
            "row_count": row_count,
            "records": ", ".join(f"{record:,}" for record in records) + (" ..." if row_count > len(records) else ""),
        }
        for feed, source_file, reason, row_count, records in rows
    ]
