"""Running one suite inside the engine and putting its outcome into plain values.

Belongs here: validation, telling an error from a failure, counts, failing rows. Does not belong here: which suites run
(`gates`), what happens with the results (`history`, `report`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_project.quality.engine import BatchSource, Connection
from dagster_project.quality.masking import masked_message, masked_row
from dagster_project.quality.results import CheckResult
from dagster_project.quality.scope import RowsTakenIn

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation

    from expectations.rules import Suite

SAMPLE_ROWS = 5
SAMPLE_COLUMNS = 10

# Counts only. Values of failing rows are fetched by `_sample`, which masks them; GX would keep them as they are.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True}


@dataclass(frozen=True)
class _Question:
    """A rule as it is asked: of the `count` rows of `relation`, or across tables by a query of its own.

    `is_narrow`: only what a refresh has changed is looked at.
    """

    expectation: "Expectation"
    relation: str
    count: int
    is_narrow: bool = False


def run_suite(
    connection: Connection,
    batch: BatchSource,
    suite: "Suite",
    personal_columns: frozenset[str],
    rows: int,
    taken_in: RowsTakenIn | None = None,
) -> tuple[list[CheckResult], "ExpectationSuiteValidationResult"]:
    """Validate one table of `rows`: a result for each rule, in the suite's order, and GX's own result for Data Docs.

    With `taken_in`, rules that held for all other rows are asked only of those.
    """
    import great_expectations as gx

    relation, questions = _questions(suite, rows, taken_in)
    gx_suite = gx.ExpectationSuite(name=suite.table, expectations=[question.expectation for question in questions])
    validation = batch(relation).validate(gx_suite, result_format=RESULT_FORMAT)
    found = {result.expectation_config.meta["rule"]: result for result in validation.results}
    results = [
        _check_result(connection, suite, question, found[question.expectation.meta["rule"]], personal_columns)
        for question in questions
    ]
    return results, validation


def _questions(suite: "Suite", rows: int, taken_in: RowsTakenIn | None) -> tuple[str, list[_Question]]:
    """The relation that GX is to look at for rules about single rows, and every rule as it is asked.

    These rules are counted in one query, so all of them look at the rows taken in, or all at the whole table.
    """
    from expectations.rules import is_about_single_rows, narrowed

    if taken_in is None:
        return suite.table, [_Question(expectation, suite.table, rows) for expectation in suite.expectations]
    single = {rule.meta["rule"] for rule in suite.expectations if is_about_single_rows(rule)}
    relation = taken_in.relation if single <= taken_in.rules_that_held else suite.table

    def asked(expectation: "Expectation") -> _Question:
        rule = expectation.meta["rule"]
        if rule in single:
            is_narrow = relation == taken_in.relation
            return _Question(expectation, relation, taken_in.count if is_narrow else rows, is_narrow=is_narrow)
        if "after_refresh" in expectation.meta and rule in taken_in.rules_that_held:
            narrow = narrowed(expectation, taken_in.built_load_sequence)
            return _Question(narrow, relation, taken_in.count, is_narrow=True)
        return _Question(expectation, relation, rows)

    return relation, [asked(expectation) for expectation in suite.expectations]


def could_not_run(description: str) -> CheckResult:
    """The result that stands for a table whose rules could not be run at all."""
    return CheckResult(
        rule="table_can_be_checked",
        description=description,
        severity="critical",
        status="error",
        rows_checked=0,
        rows_failed=0,
        observed="The check could not be run.",
    )


def _check_result(
    connection: Connection,
    suite: "Suite",
    question: _Question,
    found: "ExpectationValidationResult",
    personal_columns: frozenset[str],
) -> CheckResult:
    from expectations.rules import percent_failed

    expectation = question.expectation
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
    checked, failed = _counts(connection, question, found)
    # Data Docs show GX's own result: the same counts, so that page and report agree.
    found.result.update(
        element_count=checked, unexpected_count=failed, unexpected_percent=percent_failed(failed, checked)
    )
    return CheckResult(
        rule=meta["rule"],
        description=expectation.description,
        severity=severity,
        status="passed" if found.success else "failed",
        rows_checked=checked,
        rows_failed=failed,
        observed=f"{failed:,} of {checked:,}" + (" rows that this refresh took in" if question.is_narrow else ""),
        is_narrow=question.is_narrow,
        sample=[] if found.success else _sample(connection, suite.key, question, personal_columns),
    )


def _exception_message(exception_info: dict[str, Any]) -> str | None:
    """What GX raised, if it did; it reports one exception, or one a metric that could not be computed."""
    entries = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    raised = [entry["exception_message"] for entry in entries if entry.get("raised_exception")]
    return (raised[0] or "unknown error") if raised else None


def _counts(connection: Connection, question: _Question, found: "ExpectationValidationResult") -> tuple[int, int]:
    meta = question.expectation.meta
    # GX leaves the count of an empty table open.
    failed = int(found.result["unexpected_count"] or 0)
    checked = _scalar(connection, meta["checked"]) if "checked" in meta else question.count
    if "failed" in meta and not found.success:
        failed = _scalar(connection, meta["failed"])
    return checked, failed


def _scalar(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0] or 0) if row else 0


def _sample(
    connection: Connection, key: Sequence[str], question: _Question, personal_columns: frozenset[str]
) -> list[dict[str, str]]:
    """A few failing rows: key columns and the offending ones, in a stable order, masked."""
    meta = question.expectation.meta
    query = meta.get("query")
    if query is None:
        shown = dict.fromkeys([*key, *meta.get("columns", ())])
        columns = ", ".join(f'"{column}"' for column in shown) or "*"
        query = f"select {columns} from {question.relation} where {meta['broken_when']}"
    return failing_rows(connection, query, personal_columns)


def failing_rows(connection: Connection, query: str, personal_columns: frozenset[str]) -> list[dict[str, str]]:
    """A few rows of a query that finds failing ones, in a stable order, masked.

    Of wide rows the first columns, where the keys are, and the last, where a query says what is wrong.
    """
    cursor = connection.execute(f"select * from ({query}) order by all limit {SAMPLE_ROWS}")
    names = [description[0] for description in cursor.description]
    shown = names if len(names) <= SAMPLE_COLUMNS else [*names[: SAMPLE_COLUMNS - 1], names[-1]]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [masked_row({name: row[name] for name in shown}, personal_columns) for row in rows]
