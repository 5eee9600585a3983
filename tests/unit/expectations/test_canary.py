"""Every kind of expectation that the suites use, on rows known to be good and rows known to be bad.

An upgrade of Great Expectations, SQLAlchemy or DuckDB that changes one shows here at once. GX reports trouble with the
engine like bad data, so that "fails on bad rows" alone proves nothing: counts and status are asserted.
"""

from dagster_project.quality.gates import suites_of
from dagster_project.quality.results import STAGES
from expectations.rules import Suite, between, filled, finds_nothing, holds, not_empty, one_of

GOOD = "(1, 'a@example.com', 5, 'x'), (2, 'b@example.com', null, 'y'), (3, 'c@example.com', 10, null)"
BAD = "(1, 'a@example.com', 5, 'x'), (1, 'b@example.com', 11, 'z'), (3, null, -1, 'y'), (null, 'd@example.com', 2, 'x')"

RULES = [
    filled("id", "Every row has an id."),
    between("score", "A score lies between 0 and 10.", minimum=0, maximum=10),
    one_of("kind", "A kind is x or y.", ["x", "y"]),
    holds("score_not_above_ten", "No score is above 10.", broken_when="score > 10", columns=["score", "email"]),
    finds_nothing(
        "no_large_id",
        "No id is above 2.",
        query="select id from raw.things where id > 2",
        checked="select 7",
        failed="select 6",
        severity="warning",
    ),
    not_empty("raw.things", "There is at least one row."),
]
SUITE = Suite("raw.things", key=("id",), expectations=RULES)


def make_table(connection, rows):
    connection.execute("create table raw.things (id integer, email varchar, score integer, kind varchar)")
    if rows:
        connection.execute(f"insert into raw.things values {rows}")


def test_every_class_of_the_suites_has_a_canary():
    used = {type(rule) for stage in STAGES for suite in suites_of(stage) for rule in suite.expectations}
    assert used == {type(rule) for rule in RULES}


def test_good_rows_pass(connection, check):
    make_table(connection, GOOD.replace("(3,", "(0,"))
    results = check(SUITE)
    assert {rule: result.status for rule, result in results.items()} == dict.fromkeys(results, "passed")
    assert {result.rows_failed for result in results.values()} == {0}
    assert results["id_filled"].rows_checked == 3


def test_bad_rows_fail_with_their_number(connection, check):
    make_table(connection, BAD)
    results = check(SUITE)
    assert {rule: (result.status, result.rows_failed) for rule, result in results.items()} == {
        "id_filled": ("failed", 1),
        "score_in_range": ("failed", 2),
        "kind_known": ("failed", 1),
        "score_not_above_ten": ("failed", 1),
        "no_large_id": ("failed", 6),
        "table_not_empty": ("passed", 0),
    }
    assert results["score_in_range"].rows_checked == 4
    assert results["no_large_id"].rows_checked == 7
    assert results["no_large_id"].severity == "warning"


def test_empty_table_breaks_only_what_asks_for_rows(connection, check):
    make_table(connection, "")
    results = check(SUITE)
    assert [rule for rule, result in results.items() if result.status != "passed"] == ["table_not_empty"]
    assert results["table_not_empty"].rows_failed == 1


def test_sample_shows_key_and_offending_columns_with_personal_values_masked(connection, check):
    make_table(connection, BAD)
    results = check(SUITE)
    assert results["score_not_above_ten"].sample == [{"id": "1", "score": "11", "email": "(masked)"}]
    assert results["no_large_id"].sample == [{"id": "3"}]


def test_sample_is_small(connection, check):
    make_table(connection, ", ".join(f"({number}, null, 11, 'x')" for number in range(100)))
    result = check(SUITE)["score_not_above_ten"]
    assert (result.rows_failed, len(result.sample)) == (100, 5)


def test_broken_check_is_an_error_and_no_verdict_on_the_data(connection, check):
    make_table(connection, GOOD)
    broken = finds_nothing(
        "asks_nonsense", "Asks for a column that is not there.", query="select nonsense from raw.things"
    )
    results = check(Suite("raw.things", key=("id",), expectations=[*RULES[:3], broken]))
    assert results["asks_nonsense"].status == "error"
    assert results["asks_nonsense"].is_critical_failure
    assert "could not be run" in results["asks_nonsense"].observed
    assert {result.status for rule, result in results.items() if rule != "asks_nonsense"} == {"passed"}


def test_error_message_does_not_repeat_values_of_rows(connection, check):
    make_table(connection, GOOD)
    broken = finds_nothing(
        "casts", "Casts text.", query="select email::integer as number from raw.things where email::integer > 1"
    )
    result = check(Suite("raw.things", key=("id",), expectations=[broken]))["casts"]
    assert result.status == "error"
    assert "example.com" not in result.observed


def test_warning_that_cannot_be_run_counts_as_critical(connection, check):
    make_table(connection, GOOD)
    broken = finds_nothing("asks_nonsense", "Nonsense.", query="select nonsense from raw.things", severity="warning")
    assert check(Suite("raw.things", key=("id",), expectations=[broken]))["asks_nonsense"].is_critical_failure
