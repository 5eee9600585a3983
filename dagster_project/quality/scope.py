"""Which rows a gate has to look at after a refresh.

Belongs here: deciding whether the rows that were taken in are enough, and where they are. Does not belong here: the
rules (`expectations/`), asking them (`runner`), how tables are refreshed (`dbt/macros/refresh.sql`).

A rule about single rows that held for every row of a table still holds for those that nobody touched, so only the rows
that a refresh took in have to be judged. The same goes for rules across rows that say what a refresh can have broken
(`after_refresh` in `expectations.rules`). That is relied on only where nothing can have slipped in between: the gate's
results are of the very build that was refreshed, the rule held there for all rows, and the table has as many rows as
it had then, less those given up, plus those taken in. Otherwise all rows are looked at.
"""

from dataclasses import dataclass

from dagster_project.publishing.inputs import BuildInputs
from dagster_project.quality.engine import Connection
from dagster_project.quality.last_results import LastResults


@dataclass(frozen=True)
class Refreshed:
    """What a run has brought up to date: `tables`, which held a whole build of `built` before."""

    built: BuildInputs
    tables: frozenset[str]


@dataclass(frozen=True)
class RowsTakenIn:
    """The rows of a table that came since its rules were asked last.

    They are in `relation`, `count` of them. `rules_that_held` held for all rows the last time; `built_load_sequence` is
    the last one that the table held then.
    """

    relation: str
    count: int
    built_load_sequence: int
    rules_that_held: frozenset[str]


def rows_taken_in(
    connection: Connection, table: str, rows: int, refreshed: Refreshed | None, last: LastResults | None
) -> RowsTakenIn | None:
    """What a refresh put into a table that holds `rows` now, if that is all that has to be looked at; else None."""
    if refreshed is None or table not in refreshed.tables:
        return None
    if last is None or last.inputs != refreshed.built.as_json():
        return None
    before = next((suite for suite in last.suites if suite.table == table), None)
    if before is None or before.rows is None:
        return None
    relation = f"refresh.{table.partition('.')[2]}"
    count = count_rows(connection, f"{relation}__after")
    if rows != before.rows - count_rows(connection, f"{relation}__before") + count:
        return None
    rules_that_held = frozenset(result.rule for result in before.results if result.status == "passed")
    return RowsTakenIn(f"{relation}__after", count, refreshed.built.load_sequence, rules_that_held)


def count_rows(connection: Connection, relation: str) -> int:
    """How many rows a table or view has; `relation` is SQL."""
    return connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
