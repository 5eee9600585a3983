"""The vocabulary of the suites: how one rule becomes one Great Expectations expectation.

Belongs here: the two expectation classes of ours, the helpers that build expectations, the shape of a suite. Does not
belong here: any rule about a particular table (the stage modules); that the key of a table made by dbt is unique and
complete, which its dbt test `unique_combination` finds out.

Two classes are ours because GX would ask the engine far more than needed. `ExpectNoRowToBreakRule` is counted
together with all other rules of its table in one query (GX's own multi-column expectations are one to three queries
each). `ExpectQueryToFindNothing` runs its SQL once; the parent class runs it twice, for the count and for rows we do
not keep.
"""

# GX calls these methods by name with arguments of its own.
# ruff: noqa: ANN001, ANN202, ANN401, ARG002, N805

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import great_expectations.expectations as gxe
from great_expectations.compatibility import pydantic
from great_expectations.compatibility.pyspark import functions as spark_functions
from great_expectations.compatibility.sqlalchemy import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SparkDFExecutionEngine, SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, Expectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

Severity = Literal["critical", "warning"]

# Stands in the SQL of rules for the last load sequence that the tables held before a refresh.
BUILT_LOAD_SEQUENCE = "{built_load_sequence}"


@dataclass(frozen=True)
class Suite:
    """All rules of one table. `key` names the columns that identify a row, shown with every failing row."""

    table: str
    key: tuple[str, ...]
    expectations: list[Expectation]


class RowsThatBreakRule(TableMetricProvider):
    """Metric: how many rows satisfy the SQL condition `broken_when`; computed in the table's one bundled query."""

    metric_name = "table.rows_that_break_rule"
    value_keys = ("broken_when",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(cls, execution_engine, metric_domain_kwargs, metric_value_kwargs, metrics, runtime_configuration):
        condition = metric_value_kwargs["broken_when"]
        return sa.literal_column(f"count(case when {condition} then 1 end)"), metric_domain_kwargs, {}

    @metric_partial(
        engine=SparkDFExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _spark(cls, execution_engine, metric_domain_kwargs, metric_value_kwargs, metrics, runtime_configuration):
        condition = metric_value_kwargs["broken_when"]
        return spark_functions.expr(f"count(case when {condition} then 1 end)"), metric_domain_kwargs, {}


class ExpectNoRowToBreakRule(BatchExpectation):
    """Passes when no row satisfies the SQL condition `broken_when`; a condition that is NULL breaks nothing."""

    broken_when: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.rows_that_break_rule", "table.row_count")
    success_keys: ClassVar[tuple[str, ...]] = ("broken_when",)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "row_condition", "condition_parser")

    def _validate(self, metrics: dict, runtime_configuration: Any = None, execution_engine: Any = None) -> dict:
        return _counted(metrics["table.rows_that_break_rule"], metrics["table.row_count"])


class ExpectQueryToFindNothing(gxe.UnexpectedRowsExpectation):
    """Passes when the query, which selects what breaks the rule, returns no row."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count", "table.row_count")

    @pydantic.validator("unexpected_rows_query", allow_reuse=True)
    def _validate_query(cls, query: str) -> str:
        # Replaces the parent's check, which asks for GX's {batch} placeholder: our tables are named, never sliced.
        return query

    def _validate(self, metrics: dict, runtime_configuration: Any = None, execution_engine: Any = None) -> dict:
        return _counted(metrics["unexpected_rows_query.row_count"], metrics["table.row_count"])


def _counted(failed: int, checked: int) -> dict:
    return {
        "success": failed == 0,
        "result": {
            "observed_value": failed,
            "element_count": checked,
            "unexpected_count": failed,
            "unexpected_percent": percent_failed(failed, checked),
            "partial_unexpected_list": [],
        },
    }


def percent_failed(failed: int, checked: int) -> float:
    """The share that GX is told, which takes none beyond 100.

    A query across tables may find more than the rows checked: what is lost, what a refresh did not take in.
    """
    return min(100.0 * failed / checked, 100.0) if checked else 0.0


def holds(
    rule: str, description: str, *, broken_when: str, columns: Sequence[str] = (), severity: Severity = "critical"
) -> Expectation:
    """A rule about each row by itself. `broken_when` is SQL, true for a row that breaks it; `columns`: what to show."""
    return ExpectNoRowToBreakRule(
        broken_when=broken_when,
        description=description,
        severity=severity,
        meta=_meta(rule, columns=columns, broken_when=broken_when),
    )


def finds_nothing(
    rule: str,
    description: str,
    *,
    query: str,
    after_refresh: str | None = None,
    checked: str | None = None,
    failed: str | None = None,
    counts_after_refresh: tuple[str, str] | None = None,
    severity: Severity = "critical",
) -> Expectation:
    """A rule across rows or tables. `query` selects what breaks it: keys and offending columns only, they are shown
    to stewards.

    `after_refresh` finds what a refresh of the table can have broken, if nothing was broken before: it looks at what
    was taken in and given up (`taken_in`, `given_up`) and at batches after BUILT_LOAD_SEQUENCE. It is asked only then
    (`dagster_project.quality.scope`). `checked` and `failed` are scalar queries for the two counts where they are not
    the table's rows and the query's rows; `counts_after_refresh` are both, where they are not the rows taken in and
    those that `after_refresh` finds.
    """
    return ExpectQueryToFindNothing(
        unexpected_rows_query=query,
        description=description,
        severity=severity,
        meta=_meta(
            rule,
            query=query,
            after_refresh=after_refresh,
            checked=checked,
            failed=failed,
            counts_after_refresh=counts_after_refresh,
        ),
    )


def taken_in(table: str) -> str:
    """Where the rows are that the last refresh put into the table."""
    return f"refresh.{table.partition('.')[2]}__after"


def with_those_taken_in(table: str, column: str) -> str:
    """SQL: the table's rows of every value of the column of which the last refresh put in a row.

    A row that the refresh ought to have replaced and left behind is among them.
    """
    return f"(select * from {table} where {column} in (select {column} from {taken_in(table)}))"


def given_up(table: str) -> str:
    """Where the rows are that the last refresh took out of the table, as they were."""
    return f"refresh.{table.partition('.')[2]}__before"


def narrowed(expectation: Expectation, built_load_sequence: int) -> Expectation:
    """The rule as a query about what a refresh has changed; `built_load_sequence` is the last one before it."""
    query = expectation.meta["after_refresh"].replace(BUILT_LOAD_SEQUENCE, str(built_load_sequence))
    checked, failed = expectation.meta.get("counts_after_refresh", (None, None))
    meta = _meta(expectation.meta["rule"], query=query, checked=checked, failed=failed)
    return expectation.copy(update={"unexpected_rows_query": query, "meta": meta})


def is_about_single_rows(expectation: Expectation) -> bool:
    """Whether the rule can be asked of some rows of a table without the others."""
    return not isinstance(expectation, ExpectQueryToFindNothing)


def filled(column: str, description: str, *, severity: Severity = "critical") -> Expectation:
    """The column is never NULL."""
    return gxe.ExpectColumnValuesToNotBeNull(
        column=column,
        description=description,
        severity=severity,
        meta=_meta(f"{column}_filled", columns=[column], broken_when=f'"{column}" is null'),
    )


def between(
    column: str,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    severity: Severity = "critical",
) -> Expectation:
    """Every value lies within the limits, limits included; NULL passes."""
    limits = [(f'"{column}" < {minimum}', minimum), (f'"{column}" > {maximum}', maximum)]
    return gxe.ExpectColumnValuesToBeBetween(
        column=column,
        min_value=minimum,
        max_value=maximum,
        description=description,
        severity=severity,
        meta=_meta(
            f"{column}_in_range",
            columns=[column],
            broken_when=" or ".join(condition for condition, limit in limits if limit is not None),
        ),
    )


def one_of(column: str, description: str, values: Sequence[str], *, severity: Severity = "critical") -> Expectation:
    """Every value is one of the list; NULL passes."""
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return gxe.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=list(values),
        description=description,
        severity=severity,
        meta=_meta(f"{column}_known", columns=[column], broken_when=f'"{column}" not in ({listed})'),
    )


def not_empty(table: str, description: str) -> Expectation:
    """The table has at least one row."""
    return finds_nothing(
        "table_not_empty",
        description,
        query=f"select 'no row' as found where not exists (select 1 from {table})",
    )


def keyed_suite(table: str, key: Sequence[str], *expectations: Expectation) -> Suite:
    """The suite of a table whose rows are told apart by the columns of the key."""
    return Suite(table=table, key=tuple(key), expectations=list(expectations))


def _meta(rule: str, **facts: Any) -> dict[str, Any]:
    return {"rule": rule, **{name: value for name, value in facts.items() if value}}
