"""Releases of real runs in a real PostgreSQL server: down, up again, rolled back."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg import sql

from tests.integration.workplace import Workplace
from tests.postgres_server import new_database, postgres_server

PASSWORD = "a-pass-word"  # noqa: S105  (of nobody)


@pytest.fixture
def database() -> Iterator[str]:
    with postgres_server() as server, new_database(server) as address:
        yield address


def served_by_postgres(database: str) -> str | None:
    with psycopg.connect(database) as connection:
        if connection.execute("select to_regclass('marts.published_release')").fetchone() == (None,):
            return None
        return connection.execute("select release_id from marts.published_release").fetchone()[0]


def table_in_postgres(database: str, mart: str) -> list[tuple]:
    with psycopg.connect(database) as connection:
        return connection.execute(sql.SQL("select * from {}").format(sql.Identifier("marts", mart))).fetchall()


def table_in_parquet(workplace: Workplace, mart: str) -> list[tuple]:
    path = workplace.settings.published_dir / "current" / f"{mart}.parquet"
    with duckdb.connect() as connection:
        return connection.execute(f"select * from '{path}'").fetchall()


def as_set(rows: list[tuple]) -> set[tuple]:
    return {tuple(map(str, row)) for row in rows}


def test_postgres_follows_the_files(finished: Workplace, database: str, tmp_path: Path, capsys) -> None:
    first = finished.release()["release_id"]
    finished.patch.setenv("PUBLISH_POSTGRES_URL", f"postgresql://me:{PASSWORD}@/marts?host={tmp_path}")

    # The server is down: the files of the new release are served, and the run is red.
    assert finished.run("run", "publish_release") == 1
    told = "".join(capsys.readouterr())
    second = finished.release()["release_id"]
    assert second > first
    assert f"PostgreSQL at {tmp_path}, database marts was not written: " in told
    assert f"The files of this run's release, {second}, are served." in told
    assert "Traceback" not in told
    assert PASSWORD not in told
    logs = [path.read_bytes() for path in finished.settings.dagster_home.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in log for log in logs)

    # It is up again: the next run writes the release, although nothing has changed.
    finished.patch.setenv("PUBLISH_POSTGRES_URL", database)
    assert served_by_postgres(database) is None
    assert finished.run("run", "daily_refresh") == 0
    assert finished.release()["release_id"] == second
    assert served_by_postgres(database) == second
    for mart in finished.release()["marts"]:
        rows = table_in_postgres(database, mart)
        assert len(rows) == finished.release()["marts"][mart]["rows"], mart
        assert as_set(rows) == as_set(table_in_parquet(finished, mart)), mart
    with psycopg.connect(database) as connection:
        (comment,) = connection.execute(
            "select col_description('marts.retention_by_period'::regclass, attnum) from pg_attribute "
            "where attrelid = 'marts.retention_by_period'::regclass and attname = 'retention_rate'"
        ).fetchone()
        indexed = connection.execute("select tablename from pg_indexes where schemaname = 'marts'").fetchall()
    assert comment.startswith("(E - N) / S")
    assert {name for (name,) in indexed} == set(finished.release()["marts"])

    # A roll-back switches both.
    assert finished.run("rollback") == 0
    assert finished.release()["release_id"] == first
    assert served_by_postgres(database) == first
