"""A full disk and a missing right are recognised, whoever raises them; other errors are not."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from dagster_project.storage_errors import lasting_problem


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_an_error_of_the_system_is_told_with_its_path(number: int) -> None:
    problem = lasting_problem(OSError(number, "The system's words", "/lake/orders"))
    assert problem == "The system's words: /lake/orders"


def test_the_engine_says_it_in_words() -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.Error) as caught:
        # The one file that every Linux has and nobody can fill.
        connection.execute("copy (select * from range(1000000)) to '/dev/full' (format csv)")
    assert "No space left on device" in str(lasting_problem(caught.value))


def test_the_run_history_says_it_in_words(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        database.execute("pragma max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as caught:
            database.execute("create table events (event text)")
    assert lasting_problem(caught.value) == "database or disk is full"


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "No such file", "/x"), OSError(errno.EIO, "x", "/x"), KeyError("x")]
)
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert lasting_problem(error) is None
