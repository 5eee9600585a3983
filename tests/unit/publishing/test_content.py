"""The content hash: equal for equal rows in any order, different for anything else."""

import duckdb
import pytest

from dagster_project.publishing.content import hash_table

BASE = "select * from (values (1, 'a', 0.5::double), (2, 'b', null)) rows(id, name, rate)"


def content_hash(query: str) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"create table t as {query}")
        columns = {name: kind for name, kind, *_ in connection.execute("describe t").fetchall()}
        return hash_table(connection, "t", columns)[1]


@pytest.mark.parametrize(
    "query",
    [
        f"{BASE} order by id desc",
        "select * from (values (1, 'a', 0.5::double + 1e-16), (2, 'b', null)) rows(id, name, rate)",
    ],
    ids=["other row order", "last bits of a float"],
)
def test_the_hash_stays(query: str) -> None:
    assert content_hash(query) == content_hash(BASE)


@pytest.mark.parametrize(
    "query",
    [
        f"{BASE} union all {BASE}",
        f"{BASE} union all {BASE} union all {BASE}",
        f"{BASE} limit 1",
        "select id, name, rate + 1e-9 as rate from (" + BASE + ")",
        "select id, name, coalesce(rate, 0) as rate from (" + BASE + ")",
        "select id, name, rate as other from (" + BASE + ")",
        "select id::bigint as id, name, rate from (" + BASE + ")",
        "select * from (values (1, 'b', 0.5::double), (2, 'a', null)) rows(id, name, rate)",
        "select * from (values (1, 'a', 0.5::double), (2, '', null)) rows(id, name, rate)",
    ],
    ids=["twice", "three times", "a row less", "a value", "null", "a name", "a type", "values swapped", "empty text"],
)
def test_the_hash_changes(query: str) -> None:
    assert content_hash(query) != content_hash(BASE)


@pytest.mark.parametrize(
    ("value", "same"),
    [
        ("10::double", "9.9999999999999982"),
        ("-1000::double", "-999.9999999999999"),
        ("1e-7", "1.00000000000000012e-7"),
        ("123456789.12345678::double", "123456789.1234567"),
    ],
)
def test_the_last_bits_of_a_figure_do_not_matter(value: str, same: str) -> None:
    assert content_hash(f"select {value} as rate") == content_hash(f"select {same}::double as rate")


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("10::double", "1"),
        ("0.001::double", "-0.001"),
        ("1.2e300", "1.2e299"),
        ("1e-300", "0"),
        ("'inf'::double", "'-inf'"),
        ("'nan'::double", "'inf'"),
        ("0::double", "null"),
        ("0.12345678901::double", "0.12345678902"),
    ],
)
def test_other_figures_have_other_hashes(value: str, other: str) -> None:
    assert content_hash(f"select {value} as rate") != content_hash(f"select {other}::double as rate")


def test_an_empty_table_has_a_hash() -> None:
    assert content_hash(f"{BASE} limit 0") != content_hash(BASE)
