"""What a gate looks at after a refresh: the rows that came, where that is enough, otherwise all.

One staging table of exchange rates was refreshed: the rate of EUR was replaced, that of USD came. A wrong rate is
planted in the row of AED, which nobody touched: whoever looks at all rows finds it, whoever looks at new ones does not.
"""

from dataclasses import replace

import duckdb
import pytest

from dagster_project.publishing.inputs import BuildInputs
from dagster_project.quality.gates import run_gate
from dagster_project.quality.last_results import keep_last_results, read_last_results
from dagster_project.quality.scope import Refreshed

TABLE = "staging.stg_reference__exchange_rates"
BUILT = BuildInputs("shop", "first batch", "definitions", load_sequence=1)
NOW = BuildInputs("shop", "both batches", "definitions", load_sequence=2)
REFRESHED = Refreshed(BUILT, frozenset({TABLE}))
JUMPS = {"rate_like_the_day_before": 4}


@pytest.fixture
def warehouse(settings):
    """The warehouse after the first batch, judged, and then after the refresh."""
    path = settings.warehouse_path
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """
            create schema raw; create schema staging; create schema refresh;
            create table raw.fx_rates as
                select date '2026-01-01' as rate_date, currency, rate, 's' as _source_name,
                    1 as _load_sequence, false as _is_snapshot
                from (values ('EUR', 1.1), ('AED', 4.0)) as rates (currency, rate);
            create table staging.stg_reference__exchange_rates as
                select currency, rate as exchange_rate, rate_date from raw.fx_rates;
            """
        )
    (suite,) = run_gate(settings, "shop", "staging", "run-1", [TABLE], inputs=BUILT)
    assert {result.status for result in suite.results} == {"passed"}
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """
            insert into raw.fx_rates
                select date '2026-01-01', currency, rate, 's', 2, false
                from (values ('EUR', 1.2), ('USD', 1.0)) as rates (currency, rate);
            create table refresh.stg_reference__exchange_rates__before as
                select * from staging.stg_reference__exchange_rates where currency = 'EUR';
            create table refresh.stg_reference__exchange_rates__after as
                select currency, rate as exchange_rate, rate_date from raw.fx_rates where _load_sequence = 2;
            delete from staging.stg_reference__exchange_rates where currency = 'EUR';
            insert into staging.stg_reference__exchange_rates from refresh.stg_reference__exchange_rates__after;
            update staging.stg_reference__exchange_rates set exchange_rate = -1 where currency = 'AED';
            """
        )
    return path


def change(path, sql):
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)


def gate(settings, refreshed=REFRESHED):
    (suite,) = run_gate(settings, "shop", "staging", "run-2", [TABLE], inputs=NOW, refreshed=refreshed)
    return {result.rule: result for result in suite.results}


def test_rows_that_nobody_touched_are_not_judged_again(settings, warehouse):
    results = gate(settings)
    assert {result.status for result in results.values()} == {"passed"}
    assert (results["rate_positive"].rows_checked, results["rate_positive"].is_narrow) == (2, True)
    assert results["rate_positive"].observed == "0 of 2 rows that this refresh took in"
    # A rule that cannot be asked of some rows without the others is asked of all.
    across = results["rate_like_the_day_before"]
    assert (across.rows_checked, across.is_narrow) == (3, False)
    kept = read_last_results(settings, "shop", "staging")
    assert (kept.inputs, kept.suites[0].rows) == (NOW.as_json(), 3)


def test_a_bad_row_that_came_is_found(settings, warehouse):
    for name in (TABLE, "refresh.stg_reference__exchange_rates__after"):
        change(warehouse, f"update {name} set exchange_rate = -2 where currency = 'USD'")
    result = gate(settings)["rate_positive"]
    assert (result.status, result.rows_failed, result.rows_checked) == ("failed", 1, 2)
    assert result.sample == [{"rate_date": "2026-01-01", "currency": "USD", "exchange_rate": "-2.0"}]


def test_a_rule_across_rows_may_find_more_rows_than_came(settings):
    """Five rates of one currency of which four jump, judged before; then a single rate of another currency comes."""
    path = settings.warehouse_path
    rates = "(values (1, 1.0), (2, 5.0), (3, 1.0), (4, 5.0), (5, 1.0)) as rates (day, rate)"
    change(
        path,
        f"""
        create schema raw; create schema staging; create schema refresh;
        create table raw.fx_rates as
            select make_date(2026, 1, day) as rate_date, 'EUR' as currency, rate, 's' as _source_name,
                1 as _load_sequence, false as _is_snapshot
            from {rates};
        create table {TABLE} as select currency, rate as exchange_rate, rate_date from raw.fx_rates;
        """,
    )
    (suite,) = run_gate(settings, "shop", "staging", "run-1", [TABLE], inputs=BUILT)
    assert {result.rule: result.rows_failed for result in suite.results if result.status != "passed"} == JUMPS
    change(
        path,
        f"""
        insert into raw.fx_rates values (date '2026-01-01', 'USD', 1.0, 's', 2, false);
        create table refresh.stg_reference__exchange_rates__before as from {TABLE} limit 0;
        create table refresh.stg_reference__exchange_rates__after as
            select currency, rate as exchange_rate, rate_date from raw.fx_rates where _load_sequence = 2;
        insert into {TABLE} from refresh.stg_reference__exchange_rates__after;
        """,
    )
    results = gate(settings)
    assert {rule: result.rows_failed for rule, result in results.items() if result.status != "passed"} == JUMPS
    assert results["rate_positive"].rows_checked == 1
    jumps = results["rate_like_the_day_before"]
    assert (jumps.status, jumps.severity, jumps.rows_checked) == ("failed", "warning", 6)


LOST = "insert into raw.fx_rates select date '2026-01-02', 'EUR', 1.2, 's', 2, false"
FROM_NOWHERE = "delete from raw.fx_rates where _load_sequence = 2 and currency = 'USD'"
WITHOUT_SUCCESSOR = f"""
    insert into refresh.stg_reference__exchange_rates__before from {TABLE} where currency = 'AED';
    delete from {TABLE} where currency = 'AED'
"""


@pytest.mark.parametrize("sql", [LOST, FROM_NOWHERE, WITHOUT_SUCCESSOR])
def test_conservation_is_judged_by_what_came_and_went(settings, warehouse, sql):
    change(warehouse, sql)
    result = gate(settings)["nothing_lost_or_added"]
    assert (result.status, result.rows_failed, result.is_narrow) == ("failed", 1, True)


def looks_at_all(results):
    rule = results["rate_positive"]
    return (rule.status, rule.rows_checked, rule.is_narrow) == ("failed", 3, False)


def test_all_rows_are_judged_without_a_refresh(settings, warehouse):
    assert looks_at_all(gate(settings, refreshed=None))


def test_all_rows_are_judged_where_the_table_is_built_anew(settings, warehouse):
    assert looks_at_all(gate(settings, Refreshed(BUILT, frozenset())))


def test_all_rows_are_judged_where_another_build_was_judged_last(settings, warehouse):
    assert looks_at_all(gate(settings, Refreshed(replace(BUILT, data_version="other"), frozenset({TABLE}))))
    assert looks_at_all(gate(settings, Refreshed(replace(BUILT, definition_version="other"), frozenset({TABLE}))))


def test_all_rows_are_judged_where_the_rows_do_not_add_up(settings, warehouse):
    change(warehouse, f"insert into {TABLE} values ('SEK', 9.0, date '2026-01-01')")
    rule = gate(settings)["rate_positive"]
    assert (rule.status, rule.rows_checked, rule.is_narrow) == ("failed", 4, False)


@pytest.mark.parametrize("status", ["failed", "error"])
def test_all_rows_are_judged_where_the_rule_did_not_hold(settings, warehouse, status):
    last = read_last_results(settings, "shop", "staging")
    suite = last.suites[0]
    results = [replace(result, status=status) if result.rule == "rate_positive" else result for result in suite.results]
    keep_last_results(
        settings, "shop", "staging", "run-1", last.checked_at, [replace(suite, results=results)], last.inputs
    )
    found = gate(settings)
    assert looks_at_all(found)
    # The other rules held; what they say of a refresh is still enough.
    assert found["nothing_lost_or_added"].is_narrow


def test_all_rows_are_judged_where_the_last_results_are_of_an_earlier_version(settings, warehouse):
    last = read_last_results(settings, "shop", "staging")
    suite = replace(last.suites[0], rows=None)
    keep_last_results(settings, "shop", "staging", "run-1", last.checked_at, [suite], last.inputs)
    assert looks_at_all(gate(settings))
