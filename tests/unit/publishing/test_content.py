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


def test_an_empty_table_has_a_hash() -> None:
    assert content_hash(f"{BASE} limit 0") != content_hash(BASE)
