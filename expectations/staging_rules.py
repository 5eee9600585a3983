"""Rules that several staging tables share, as functions that give an expectation.

Belongs here: what is said of more than one staging table. Does not belong here: what every stage may say (`rules`),
rules of one table and the suites (`staging`).
"""

from collections.abc import Sequence

from great_expectations.expectations.expectation import Expectation

from dagster_project.transforming.refreshing import FEEDS_WITH_HISTORY
from expectations.rules import BUILT_LOAD_SEQUENCE, finds_nothing, given_up, holds, taken_in

# The loader quarantines what is dated earlier than this, or more than a day ahead; here both are asked once more.
EARLIEST_MOMENT = "timestamp '1900-01-01'"


def conserved(table: str, raw: str, key: Sequence[str], thing: str) -> Expectation:
    """As many keys after as before.

    A feed of full dumps loses what its newest dump no longer holds, unless its model keeps all that was ever delivered.
    """
    has_history = raw.removeprefix("raw.") in FEEDS_WITH_HISTORY
    columns = ", ".join(f'"{column}"' for column in key)
    return finds_nothing(
        "nothing_lost_or_added",
        f"There are as many rows here as there are different {thing}s in the lake"
        f"{'' if has_history else ' (for a full dump: in the newest one)'}.",
        query=f"""
            with newest_dumps as (
                select _source_name, max(_load_sequence) as newest from {raw} where _is_snapshot group by _source_name
            ),
            counts as (
                select
                    (
                        select count(*) from (
                            select distinct {columns} from {raw} left join newest_dumps using (_source_name)
                            where {"true" if has_history else "not _is_snapshot or _load_sequence = newest"}
                        ) as delivered
                    ) as delivered_count,
                    (select count(*) from {table}) as staged_count
            )
            select delivered_count, staged_count from counts where delivered_count <> staged_count
        """,
        after_refresh=on_one_side_only(
            columns,
            f"""
                select {columns} from {raw} where _load_sequence > {BUILT_LOAD_SEQUENCE}
                union all
                select {columns} from {given_up(table)}
            """,
            taken_in(table),
        ),
    )


def on_one_side_only(columns: str, expected: str, found: str) -> str:
    """Keys that the query `expected` selects and the table `found` lacks, or the other way round."""
    return f"""
        (select {columns} from ({expected}) as expected except select {columns} from {found})
        union all
        (select {columns} from {found} except select {columns} from ({expected}) as expected)
    """


def dated(column: str, thing: str) -> Expectation:
    """A moment that can have been."""
    return holds(
        f"{column}_possible",
        f"Every {thing} has a date, after 1900 and not in the future.",
        broken_when=f"{column} is null or {column} < {EARLIEST_MOMENT} or {column} > "
        "cast(current_timestamp as timestamp) + interval 1 day",
        columns=[column],
    )


def not_negative(column: str, description: str) -> Expectation:
    """Zero or more, or not stated."""
    return holds(f"{column}_not_negative", description, broken_when=f"{column} < 0", columns=[column])


def refers_to(table: str, column: str, other: str, other_column: str, thing: str, other_thing: str) -> Expectation:
    """Late extracts of the other feed break this, so it warns; where that feed is missing nothing is checked.

    After a refresh the references that came are checked, and all of them if the other feed has come for the first time.
    """
    unknown = f"{column} is not null and {column} not in (select {other_column} from {other})"
    references_that_came = f"""
        (
            select {column} from {taken_in(table)}
            union all
            select {column} from {table}
            where (select count(*) from {other}) = (select count(*) from {taken_in(other)})
        ) as references_to_check
    """
    return finds_nothing(
        f"{column}_found",
        f"The {column} of every {thing} is that of a known {other_thing}. Late or missing extracts of the other feed "
        "are the usual reason; what needs both leaves these rows out.",
        query=f"""
            select distinct {column} from {table} where {unknown} and exists (select 1 from {other})
        """,
        after_refresh=f"""
            select distinct {column}
            from {references_that_came}
            where {unknown} and exists (select 1 from {other})
        """,
        failed=f"select count(*) from {table} where {unknown}",
        counts_after_refresh=(
            f"select count(*) from {references_that_came}",
            f"select count(*) from {references_that_came} where {unknown}",
        ),
        severity="warning",
    )
