"""What a model could get wrong, done to the tables of a finished run: the gates name it.

Every rule of staging, intermediate and marts has a change that breaks it (`broken_tables`, `broken_marts`); a rule that
nothing breaks would prove nothing.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.mapping import load_config
from dagster_project.quality.engine import batch_source
from dagster_project.quality.gates import suites_of
from dagster_project.quality.importing import import_great_expectations
from dagster_project.quality.released import attach_released_marts
from dagster_project.quality.results import STAGES, CheckResult
from dagster_project.quality.runner import run_suite
from dagster_project.quality.scope import count_rows
from dagster_project.settings import load_settings
from tests.integration.broken_marts import MARTS
from tests.integration.broken_tables import INTERMEDIATE, STAGING, Broken

CASES = [*STAGING, *INTERMEDIATE, *MARTS]


@dataclass
class Gate:
    """The suites, asked of tables of one connection; what they said of the tables as they were is kept."""

    connection: duckdb.DuckDBPyConnection
    suites: dict
    before: dict[str, dict[str, CheckResult]] = field(default_factory=dict)

    def results(self, table: str) -> dict[str, CheckResult]:
        """Every rule of the table as it is now."""
        rows = count_rows(self.connection, table)
        # Great Expectations takes a table once.
        batch = batch_source(self.connection)
        results, _ = run_suite(self.connection, batch, self.suites[table], frozenset(), rows)
        return {result.rule: result for result in results}

    def as_it_was(self, table: str) -> dict[str, CheckResult]:
        """Every rule of the table before anything was broken; to be asked first."""
        if table not in self.before:
            self.before[table] = self.results(table)
        return self.before[table]


@pytest.fixture(scope="module")
def gate(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """The suites of the tables of the sample, which are a copy; the lake is the sample's own."""
    copy = tmp_path_factory.mktemp("gates") / "warehouse.duckdb"
    shutil.copyfile(sample_home / "warehouse.duckdb", copy)
    settings = load_settings({"WAREHOUSE_HOME": str(sample_home)})
    import_great_expectations()
    suites = {suite.table: suite for stage in STAGES[1:] for suite in suites_of(stage)}
    with duckdb.connect(str(copy)) as connection:
        # As a gate has it (`quality.engine`).
        connection.execute("set timezone = 'UTC'; attach ':memory:' as facts")
        attach_released_marts(connection, settings, load_config(settings.extracts_config).name)
        yield Gate(connection, suites)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.table}: {', '.join(sorted(case.rules))}")
def test_what_is_broken_is_named(gate: Gate, case: Broken) -> None:
    before = gate.as_it_was(case.table)
    tables = dict.fromkeys(re.match(r"(?:update|delete from|insert into) (\S+)", text)[1] for text in case.statements)
    for number, table in enumerate(tables):
        gate.connection.execute(f"create table facts.whole_{number} as from {table}")
    try:
        for statement in case.statements:
            (changed,) = gate.connection.execute(statement).fetchone()
            assert changed > 0, statement
        after = gate.results(case.table)
    finally:
        # Great Expectations looks through a connection of its own: there is no transaction to roll back.
        for number, table in enumerate(tables):
            gate.connection.execute(
                f"truncate {table}; insert into {table} from facts.whole_{number}; drop table facts.whole_{number}"
            )
    named = {rule for rule, found in after.items() if found.rows_failed > before[rule].rows_failed}
    assert named >= case.rules
    assert {rule for rule, found in after.items() if found.status == "error"} == set()


def test_nothing_is_broken_before(gate: Gate) -> None:
    critical = {
        table: [rule for rule, one in gate.as_it_was(table).items() if one.is_critical_failure] for table in gate.suites
    }
    assert critical == {table: [] for table in gate.suites}


def test_every_rule_of_every_table_has_a_change_that_breaks_it(gate: Gate) -> None:
    rules = {
        (table, expectation.meta["rule"]) for table, suite in gate.suites.items() for expectation in suite.expectations
    }
    assert rules - {(case.table, rule) for case in CASES for rule in case.rules} == set()
    assert {(case.table, rule) for case in CASES for rule in case.rules} - rules == set()
