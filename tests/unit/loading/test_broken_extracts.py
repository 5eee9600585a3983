"""Every case of tests/extracts/broken, all delivered at once: each comes to its own end, and none harms another."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.loading import file_chunks
from dagster_project.loading.results import LoadResult
from tests.extracts.broken.case import ORDERS, Case
from tests.extracts.broken.meaning import KEYS, MEANING
from tests.extracts.broken.structure import DRIFT, STRUCTURE
from tests.extracts.broken.values import MOMENTS, NUMBERS, TEXTS
from tests.unit.loading.conftest import Home

CASES = [*STRUCTURE, *DRIFT, *NUMBERS, *MOMENTS, *TEXTS, *KEYS, *MEANING]
GOOD = "good.csv"
# Cases that are read in the same way share a source, as files of one delivery do.

WAYS = list(dict.fromkeys((case.feed, json.dumps(case.options)) for case in CASES))


def _way(case: Case) -> int:
    return WAYS.index((case.feed, json.dumps(case.options)))


def _file_name(case: Case) -> str:
    return f"{_way(case)}/{CASES.index(case):03d} {case.name}{case.suffix}"


def _place(home: Home, case: Case) -> Path:
    content = case.content() if callable(case.content) else case.content
    path = home.put(_file_name(case), content if content is not None else f"{ORDERS}1,2024-05-31,paid,5,web\n")
    outside = home.put("../outside.csv", f"{ORDERS}secret,2024-05-31,paid,5,web\n")
    target = {
        "link_out_of_the_folder": outside,
        "link_to_nothing": path.with_name("nothing"),
        "link_to_itself": path,
    }.get(case.name)
    if target is not None:
        path.unlink()
        path.symlink_to(target)
    if case.name == "pipe_instead_of_file":
        path.unlink()
        os.mkfifo(path)
    return path


def _mapping() -> str:
    sources = [
        {"name": f"way_{number}", "feed": feed, "files": f"{number}/*", **json.loads(options)}
        for number, (feed, options) in enumerate(WAYS)
    ]
    return json.dumps({"name": "shop", "sources": sources})


def _load(home: Home, patch: pytest.MonkeyPatch) -> LoadResult:
    land = file_chunks.land
    opened = Path.open

    def land_while_it_grows(connection, path, *others):
        landed = land(connection, path, *others)
        if "still_growing" in path.name:
            path.write_text(f"{path.read_text()}2,2024-05-31,paid,5,web\n")
        return landed

    def open_if_allowed(path, *arguments, **more):
        # Tests may run as root, for whom no file is unreadable.
        if "unreadable.csv" in path.name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **more)

    patch.setattr(file_chunks, "land", land_while_it_grows)
    patch.setattr(Path, "open", open_if_allowed)
    return home.load()


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, LoadResult]]:
    """All cases with a good file after every tenth, loaded in one run."""
    home = Home(tmp_path_factory.mktemp("broken"))
    for case in CASES:
        _place(home, case)
    for number in range(0, len(CASES), 10):
        home.put(f"0/{number:03d} {GOOD}", f"{ORDERS}good-{number},2024-05-31,paid,5,web\n")
    home.map(_mapping())
    with pytest.MonkeyPatch.context() as patch:
        yield home, _load(home, patch)


def _result(delivery: tuple[Home, LoadResult], case: Case):
    (result,) = [file for file in delivery[1].files if file.source_file == _file_name(case)]
    return result


def test_there_are_enough_cases_and_each_has_its_own_name():
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_broken_extract(delivery, case):
    result = _result(delivery, case)
    assert result.status == case.status, result.message
    assert (result.rows_read, result.rows_accepted, result.reasons) == (
        (0, 0, {}) if case.status == "refused" else (case.read, case.accepted, case.reasons)
    )
    assert result.rows_read == result.rows_accepted + result.rows_quarantined
    assert sum(result.reasons.values()) >= result.rows_quarantined
    assert case.message in result.message
    if case.status == "refused":
        assert result.source_file in result.message


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.values], ids=[case.name for case in CASES if case.values]
)
def test_accepted_value(delivery, case):
    home, result = delivery[0], _result(delivery, case)
    path = home.settings.raw_dir / case.feed / f"{result.batch_id}.parquet"
    column, expected = case.values
    assert [row[0] for row in home.query(f"SELECT {column} FROM read_parquet('{path}')")] == expected


def test_good_files_of_the_same_run_are_loaded(delivery):
    good = [file for file in delivery[1].files if file.source_file.endswith(GOOD)]
    assert len(good) >= len(CASES) // 10
    assert {(file.status, file.rows_read, file.rows_accepted) for file in good} == {("loaded", 1, 1)}


def test_every_quarantined_row_has_a_reason_and_a_sentence(delivery):
    home, result = delivery
    rows = home.query(
        f"SELECT len(reasons) > 0, explanation <> '', json_valid(raw_record) "
        f"FROM read_parquet('{home.settings.quarantine_dir}/*/*.parquet')"
    )
    assert len(rows) == sum(file.rows_quarantined for file in result.files)
    assert set(rows) == {(True, True, True)}


def test_nothing_of_a_file_outside_the_folder_was_read(delivery):
    assert ("secret",) not in delivery[0].rows("orders", "order_id")


def test_loading_the_same_delivery_again_loads_nothing(delivery):
    home, first = delivery
    again = home.load()
    is_loaded = {file.source_file for file in first.files if file.status != "refused"}
    assert {file.status for file in again.files if file.source_file in is_loaded} == {"unchanged"}
