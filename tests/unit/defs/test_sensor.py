"""The sensor: a run when files have settled, one run for one state of the folder."""

import json
import os
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.defs.sensor import settled_extracts
from dagster_project.loading.extract_files import describe_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXTRACTS_DIR", str(tmp_path))
    (tmp_path / "orders.csv").write_text("order_id\n")
    return tmp_path


def look(cursor: str | None) -> dg.SensorResult:
    return settled_extracts(dg.build_sensor_context(cursor=cursor))


def test_the_second_look_at_unchanged_files_starts_one_run(folder: Path) -> None:
    first = look(None)
    assert not first.run_requests
    second = look(first.cursor)
    assert len(second.run_requests) == 1
    third = look(second.cursor)
    assert not third.run_requests
    assert "no new or changed" in third.skip_reason.skip_message


def test_a_folder_that_comes_back_to_what_it_was_starts_a_run_of_its_own(folder: Path) -> None:
    (folder / "orders.csv").touch()
    keys, cursor = [], None
    for files in (0, 1, 0, 1, 0):
        bad = folder / "bad.csv"
        bad.write_text("x") if files else bad.unlink(missing_ok=True)
        if files:
            os.utime(bad, (1, 1))
        for _ in range(2):
            result = look(cursor)
            cursor = result.cursor
        keys += [request.run_key for request in result.run_requests]
    assert len(set(keys)) == 5


def test_a_growing_file_starts_nothing_until_it_stands_still(folder: Path) -> None:
    cursor = json.dumps({"seen": describe_folder(folder), "requested": describe_folder(folder)})
    for length in (1, 2, 3):
        (folder / "orders.csv").write_text("order_id\n" + "1\n" * length)
        result = look(cursor)
        assert not result.run_requests
        assert "still changing" in result.skip_reason.skip_message
        cursor = result.cursor
    assert len(look(cursor).run_requests) == 1


def test_a_file_whose_name_is_not_utf8_starts_a_run_that_will_refuse_it(folder: Path) -> None:
    before = describe_folder(folder)
    (folder / os.fsdecode(b"orders_caf\xe9.csv")).write_text("order_id\n")
    second = look(look(json.dumps({"seen": before, "requested": before})).cursor)
    assert len(second.run_requests) == 1


def test_hidden_files_are_nobodys_business(folder: Path) -> None:
    before = describe_folder(folder)
    (folder / ".orders.csv.part").write_text("x")
    assert describe_folder(folder) == before
