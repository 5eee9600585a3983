"""The gates: validate the tables of one stage and keep the results.

Belongs here: the order of these steps. Does not belong here: each step itself, or the decision what a failure blocks
(`defs`).
"""

import importlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dagster_project.clock import utc_now
from dagster_project.loading.contracts import personal_columns
from dagster_project.loading.mapping import Source
from dagster_project.publishing.inputs import BuildInputs
from dagster_project.quality import data_docs, history
from dagster_project.quality.engine import BatchSource, Connection, batch_source, open_engine, table_exists
from dagster_project.quality.importing import import_great_expectations
from dagster_project.quality.last_results import LastResults, keep_last_results, read_last_results
from dagster_project.quality.masking import masked_message
from dagster_project.quality.raw_lake import attach_raw_lake
from dagster_project.quality.released import attach_released_marts
from dagster_project.quality.results import STAGES, CheckResult, Stage, SuiteResult
from dagster_project.quality.runner import could_not_run, run_suite
from dagster_project.quality.scope import Refreshed, count_rows, rows_taken_in
from dagster_project.settings import Settings

if TYPE_CHECKING:
    from expectations.rules import Suite


def run_gate(
    settings: Settings,
    dataset: str,
    stage: Stage,
    run_id: str,
    tables: Sequence[str] | None = None,
    sources: Sequence[Source] = (),
    inputs: BuildInputs | None = None,
    refreshed: Refreshed | None = None,
) -> list[SuiteResult]:
    """Validate every table of a stage (or those of `tables`, named `<schema>.<table>`) and return one result a table.

    `sources` are those of the mapping: the raw gate asks whether they are late. `inputs` names what the tables were
    made of, and `refreshed` what was brought up to date instead of built: of these tables only what came is looked at,
    where that is enough (`scope`).
    Results are kept for `marts.data_quality` and for the stewards' pages, and Data Docs pages are written before this
    returns, also when something failed. The warehouse is open only while the gate runs. Raises EngineError
    when the gate cannot run at all, ValueError for a stage or table without a suite.
    """
    import_great_expectations(with_spark=settings.dbt_target == "spark")
    suites = suites_of(stage, tables)
    last = read_last_results(settings, dataset, stage)
    with _open(settings, stage) as connection:
        if stage == "raw":
            attach_raw_lake(connection, settings, dataset, sources, utc_now())
        else:
            attach_released_marts(connection, settings, dataset)
        batch = batch_source(connection)
        results = [_run(connection, batch, suite, settings, dataset, run_id, refreshed, last) for suite in suites]
    checked_at = utc_now()
    rows = [row for suite in results for row in history.result_rows(suite, run_id, checked_at)]
    history.record_results(settings, dataset, stage, rows)
    keep_last_results(
        settings, dataset, stage, run_id, checked_at, results, inputs.as_json() if inputs is not None else None
    )
    return results


def suites_of(stage: Stage, tables: Sequence[str] | None = None) -> list["Suite"]:
    """The suites of a stage in the module's order; imports GX. Raises ValueError for an unknown stage or table."""
    if stage not in STAGES:
        raise ValueError(f"There is no gate for '{stage}'; stages are: {', '.join(STAGES)}.")
    import_great_expectations()
    suites: list[Suite] = importlib.import_module(f"expectations.{stage}").suites()
    if tables is None:
        return suites
    unknown = sorted(set(tables) - {suite.table for suite in suites})
    if unknown:
        raise ValueError(f"No suite in expectations/{stage}.py for: {', '.join(unknown)}.")
    return [suite for suite in suites if suite.table in tables]


def _open(settings: Settings, stage: Stage) -> AbstractContextManager[Connection]:
    return open_engine(settings, None if stage == "raw" else settings.warehouse_path)


def _run(
    connection: Connection,
    batch: BatchSource,
    suite: "Suite",
    settings: Settings,
    dataset: str,
    run_id: str,
    refreshed: Refreshed | None,
    last: LastResults | None,
) -> SuiteResult:
    """One table; whatever goes wrong with it becomes an error result, so that the other tables are still checked."""
    page = data_docs.page_path(settings, dataset, run_id, suite.table)
    results: list[CheckResult]
    if not table_exists(connection, suite.table):
        results = [could_not_run(f"Table {suite.table} does not exist: it was not built before its gate ran.")]
        return SuiteResult(suite.table, suite.table, results, report_link="")
    try:
        rows = count_rows(connection, suite.table)
        taken_in = rows_taken_in(connection, suite.table, rows, refreshed, last)
        results, validation = run_suite(connection, batch, suite, personal_columns(), rows, taken_in)
        data_docs.write_page(settings, dataset, run_id, suite.table, validation)
    except Exception as error:  # noqa: BLE001 - GX raises many kinds, and none may hide the other tables' results
        reason = f"The rules of {suite.table} could not be run: {masked_message(str(error))}"
        return SuiteResult(suite.table, suite.table, [could_not_run(reason)], report_link="")
    return SuiteResult(
        table=suite.table,
        suite=suite.table,
        results=results,
        report_link=page.relative_to(settings.warehouse_home).as_posix(),
        rows=rows,
    )
