"""The note of a whole build, and what a kill leaves of the warehouse file."""

import duckdb
import pytest

from dagster_project.settings import Settings
from dagster_project.transforming.build_state import mark_build_begun, mark_build_complete, read_complete_build


def test_a_build_that_has_begun_is_not_whole(settings: Settings) -> None:
    mark_build_complete(settings, {"dataset": "shop"})
    assert read_complete_build(settings) == {"dataset": "shop"}
    mark_build_begun(settings)
    assert read_complete_build(settings) is None


def test_a_warehouse_file_without_content_is_not_in_the_way_of_the_next_build(settings: Settings) -> None:
    settings.warehouse_path.touch()
    with pytest.raises(duckdb.IOException, match="not a valid DuckDB database file"):
        duckdb.connect(str(settings.warehouse_path))
    mark_build_begun(settings)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create table figures as select 1 as figure")


def test_a_warehouse_with_content_stays(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create table figures as select 1 as figure")
    mark_build_begun(settings)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        assert connection.execute("select figure from figures").fetchall() == [(1,)]
