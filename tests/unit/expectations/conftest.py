"""An engine in memory with tables made by the test, and a way to run expectations on it."""

from collections.abc import Callable, Iterator

import duckdb
import pytest

from dagster_project.quality.engine import batch_source
from dagster_project.quality.importing import import_great_expectations
from dagster_project.quality.results import CheckResult
from dagster_project.quality.runner import run_suite
from dagster_project.quality.scope import count_rows

import_great_expectations()

from expectations.rules import Suite  # noqa: E402  (it imports Great Expectations itself)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as facts")
        connection.execute("create table facts.released_marts (mart varchar, row_count bigint)")
        for schema in ("raw", "staging", "intermediate", "marts", "reference"):
            connection.execute(f"create schema {schema}")
        yield connection


@pytest.fixture
def check(connection: duckdb.DuckDBPyConnection) -> Callable[[Suite], dict[str, CheckResult]]:
    """Run a suite on the connection's tables; results by rule."""

    def run(suite: Suite) -> dict[str, CheckResult]:
        results, _ = run_suite(
            connection, batch_source(connection), suite, frozenset({"email"}), count_rows(connection, suite.table)
        )
        return {result.rule: result for result in results}

    return run
