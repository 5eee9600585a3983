"""The note of a whole build, and what a kill leaves of the warehouse file."""

from pathlib import Path

import duckdb
import pytest

from dagster_project.loading import durable
from dagster_project.settings import Settings
from dagster_project.transforming.build_state import mark_build_begun, mark_build_complete, read_complete_build


@pytest.fixture
def settings(settings: Settings) -> Settings:
    settings.warehouse_path.write_bytes(b"tables")
    return settings


def test_a_build_that_has_begun_is_not_whole(settings: Settings) -> None:
    mark_build_complete(settings, {"dataset": "shop"})
    assert read_complete_build(settings) == {"dataset": "shop"}
    mark_build_begun(settings)
    assert read_complete_build(settings) is None


def test_a_warehouse_that_somebody_has_deleted_is_not_whole(settings: Settings) -> None:
    mark_build_complete(settings, {"dataset": "shop"})
    settings.warehouse_path.unlink()
    assert read_complete_build(settings) is None


@pytest.mark.parametrize("left", [b"", b"\x00" * 20, b'{"dataset": "sh', b"\xff\xfe"])
def test_a_note_that_a_power_cut_has_damaged_says_nothing(settings: Settings, left: bytes) -> None:
    mark_build_complete(settings, {"dataset": "shop"})
    (note,) = settings.dbt_dir.glob("*.json")
    note.write_bytes(left)
    assert read_complete_build(settings) is None
    mark_build_complete(settings, {"dataset": "shop"})
    assert read_complete_build(settings) == {"dataset": "shop"}


def test_the_note_survives_a_power_cut_and_so_does_its_removal(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    survives: list[Path] = []
    monkeypatch.setattr(durable, "sync", survives.append)
    mark_build_complete(settings, {"dataset": "shop"})
    assert [path.name.startswith(".tmp-complete_build") for path in survives] == [True, False]
    mark_build_begun(settings)
    assert survives[1:] == [settings.dbt_dir, settings.dbt_dir]


def test_a_warehouse_file_without_content_is_not_in_the_way_of_the_next_build(settings: Settings) -> None:
    settings.warehouse_path.write_bytes(b"")
    with pytest.raises(duckdb.IOException, match="not a valid DuckDB database file"):
        duckdb.connect(str(settings.warehouse_path))
    mark_build_begun(settings)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create table figures as select 1 as figure")


def test_a_warehouse_with_content_stays(settings: Settings) -> None:
    settings.warehouse_path.unlink()
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create table figures as select 1 as figure")
    mark_build_begun(settings)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        assert connection.execute("select figure from figures").fetchall() == [(1,)]
