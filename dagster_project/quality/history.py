"""Every result of every check of every run, kept as Parquet: what `marts.data_quality` is made of.

Belongs here: writing these files. Does not belong here: running checks, showing results (`last_results`, `report`).
"""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.loading.durable import publish_file
from dagster_project.quality.results import SuiteResult
from dagster_project.settings import Settings

# name, type: the columns of a result file, in order.
COLUMNS = (
    ("run_id", "VARCHAR"),
    ("dataset", "VARCHAR"),
    ("rule", "VARCHAR"),
    ("engine", "VARCHAR"),
    ("severity", "VARCHAR"),
    ("rows_checked", "BIGINT"),
    ("rows_failed", "BIGINT"),
    ("status", "VARCHAR"),
    ("description", "VARCHAR"),
    ("report_link", "VARCHAR"),
    ("checked_at", "TIMESTAMP"),
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class ResultRow:
    """One rule on one table in one run: a row of `marts.data_quality`.

    `dataset` is the full name of the table that was checked, `engine` great_expectations or dbt; `checked_at` is UTC
    without a zone.
    """

    run_id: str
    dataset: str
    rule: str
    engine: str
    severity: str
    rows_checked: int
    rows_failed: int
    status: str
    description: str
    report_link: str
    checked_at: datetime


def results_dir(settings: Settings) -> Path:
    """The folder of the result files."""
    return settings.quality_dir / "results"


def record_results(settings: Settings, dataset: str, stage: str, rows: Sequence[ResultRow]) -> Path | None:
    """Keep the results of one step of a run; writing the same run and stage again replaces them.

    `dataset` is the name in `extracts.yml`; `stage` names the step, for example `raw` or `dbt_staging`. All
    rows belong to one run. Returns the file, or None when there is nothing to keep. Raises ValueError for rows of
    several runs.
    """
    if not rows:
        return None
    run_ids = {row.run_id for row in rows}
    if len(run_ids) > 1:
        raise ValueError(f"Results of one step belong to one run; got {sorted(run_ids)}.")
    for name in (dataset, stage, *run_ids):
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{name}' cannot be part of a file name.")
    path = results_dir(settings) / f"{dataset}__{run_ids.pop()}__{stage}.parquet"
    _write(path, rows)
    return path


def ensure_contract_file(settings: Settings, dataset: str) -> Path:
    """Make sure that the file with no rows exists, so that reading the results never fails for want of files."""
    path = results_dir(settings) / f"{dataset}__contract.parquet"
    if not path.exists():
        _write(path, [])
    return path


def result_rows(
    suite: SuiteResult, run_id: str, checked_at: datetime, engine: str = "great_expectations"
) -> list[ResultRow]:
    """The rows that keep one suite's results."""
    return [
        ResultRow(
            run_id=run_id,
            dataset=suite.table,
            rule=result.rule,
            engine=engine,
            severity=result.severity,
            rows_checked=result.rows_checked,
            rows_failed=result.rows_failed,
            status=result.status,
            description=result.description,
            report_link=suite.report_link,
            checked_at=checked_at,
        )
        for result in suite.results
    ]


def _write(path: Path, rows: Sequence[ResultRow]) -> None:
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in COLUMNS)
    with duckdb.connect() as connection:
        connection.execute(f"create table results ({declared})")
        if rows:
            places = ", ".join("?" for _ in COLUMNS)
            connection.executemany(f"insert into results values ({places})", [astuple(row) for row in rows])
        publish_file(path, lambda temporary: connection.execute("copy results to ? (format parquet)", [str(temporary)]))
