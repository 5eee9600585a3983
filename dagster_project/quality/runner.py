"""Running one suite inside the engine and putting its outcome into plain values.

Belongs here: validation, telling an error from a failure, counts, failing rows. Does not belong here: which suites run
(`gates`), what happens with the results (`history`, `report`).
"""

from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project.quality.engine import BatchSource
from dagster_project.quality.masking import masked_message, masked_row
from dagster_project.quality.results import CheckResult

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation

    from expectations.rules import Suite

SAMPLE_ROWS = 5
SAMPLE_COLUMNS = 10

# Counts only. Values of failing rows are fetched by `_sample`, which masks them; GX would keep them as they are.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True}


def run_suite(
    connection: duckdb.DuckDBPyConnection, batch: BatchSource, suite: "Suite", personal_columns: frozenset[str]
) -> tuple[list[CheckResult], "ExpectationSuiteValidationResult"]:
    """Validate one table: a result for each rule, in the suite's order, and GX's own result for Data Docs."""
    import great_expectations as gx

    gx_suite = gx.ExpectationSuite(name=suite.table, expectations=suite.expectations)
    validation = batch(suite.table).validate(gx_suite, result_format=RESULT_FORMAT)
    found = {result.expectation_config.meta["rule"]: result for result in validation.results}
    results = [
        _check_result(connection, suite, expectation, found[expectation.meta["rule"]], personal_columns)
        for expectation in suite.expectations
    ]
    return results, validation


def could_not_run(description: str, rule: str = "table_can_be_checked") -> CheckResult:
    """The result that stands for a table whose rules could not be run at all."""
    return CheckResult(
        rule=rule,
        description=description,
        severity="critical",
        status="error",
        rows_checked=0,
        rows_failed=0,
        observed="The check could not be run.",
    )


def _check_result(
    connection: duckdb.DuckDBPyConnection,
    suite: "Suite",
    expectation: "Expectation",
    found: "ExpectationValidationResult",
    personal_columns: frozenset[str],
) -> CheckResult:
    meta = expectation.meta
    severity = str(getattr(expectation.severity, "value", expectation.severity))
    problem = _exception_message(found.exception_info)
    if problem is not None:
        return CheckResult(
            rule=meta["rule"],
            description=expectation.description,
            severity=severity,
            status="error",
            rows_checked=0,
            rows_failed=0,
            observed=f"The check could not be run: {masked_message(problem)}",
        )
    checked, failed = _counts(connection, meta, found)
    if "element_count" in found.result:
        # Data Docs show GX's own result: the same counts, so that page and report agree.
        share = 100.0 * failed / checked if checked else 0.0
        found.result.update(element_count=checked, unexpected_count=failed, unexpected_percent=share)
    return CheckResult(
        rule=meta["rule"],
        description=expectation.description,
        severity=severity,
        status="passed" if found.success else "failed",
        rows_checked=checked,
        rows_failed=failed,
        observed=f"{failed:,} of {checked:,}" if "element_count" in found.result else f"{checked:,} rows in the table",
        sample=[] if found.success else _sample(connection, suite, meta, personal_columns),
    )


def _exception_message(exception_info: dict[str, Any]) -> str | None:
    """What GX raised, if it did; it reports one exception, or one a metric that could not be computed."""
    entries = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    raised = [entry["exception_message"] for entry in entries if entry.get("raised_exception")]
    return (raised[0] or "unknown error") if raised else None


def _counts(
    connection: duckdb.DuckDBPyConnection, meta: dict[str, Any], found: "ExpectationValidationResult"
) -> tuple[int, int]:
    if "element_count" not in found.result:
        # A rule about the table as a whole: what was observed is its number of rows.
        return int(found.result["observed_value"]), 0 if found.success else 1
    # GX leaves the count of an empty table open.
    checked, failed = int(found.result["element_count"]), int(found.result["unexpected_count"] or 0)
    if "checked" in meta:
        checked = _scalar(connection, meta["checked"])
    if "failed" in meta and not found.success:
        failed = _scalar(connection, meta["failed"])
    return checked, failed


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0] or 0) if row else 0


def _sample(
    connection: duckdb.DuckDBPyConnection, suite: "Suite", meta: dict[str, Any], personal_columns: frozenset[str]
) -> list[dict[str, str]]:
    """A few failing rows: key columns and the offending ones, in a stable order, masked."""
    if "query" in meta:
        return failing_rows(connection, meta["query"], personal_columns)
    if "broken_when" in meta:
        shown = dict.fromkeys([*suite.key, *meta.get("columns", ())])
        columns = ", ".join(f'"{column}"' for column in shown) or "*"
        query = f"select {columns} from {suite.table} where {meta['broken_when']}"
        return failing_rows(connection, query, personal_columns)
    return []


def failing_rows(
    connection: duckdb.DuckDBPyConnection, query: str, personal_columns: frozenset[str]
) -> list[dict[str, str]]:
    """A few rows of a query that finds failing ones, in a stable order, masked.

    Of wide rows the first columns, where the keys are, and the last, where a query says what is wrong.
    """
    cursor = connection.execute(f"select * from ({query}) order by all limit {SAMPLE_ROWS}")
    names = [description[0] for description in cursor.description]
    shown = names if len(names) <= SAMPLE_COLUMNS else [*names[: SAMPLE_COLUMNS - 1], names[-1]]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [masked_row({name: row[name] for name in shown}, personal_columns) for row in rows]
