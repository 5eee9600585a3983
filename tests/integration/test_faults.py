"""Faults, in a few points each: kills, bad disks, jobs that start together. The long forms are in tests/soak.

Everything runs in child processes, as a user runs it.
"""

import pytest

from dagster_project.run_lock import hold_writer_lock
from tests.integration.workplace import ORDER_COLUMNS, Workplace, order_rows, write_rows
from tests.soak.checks import check_lake, check_release, served_id
from tests.soak.children import Child, Place, run, start
from tests.soak.crash import KILLED, must_be
from tests.soak.storage import read_only, small_disk, why_not
from tests.soak.watch import Fault

DATASET = "shop"
REFRESH = ("job", "run", "daily_refresh")
needs_mounts = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture
def place(finished: Workplace) -> Place:
    """A served release, and 20 orders in a new file."""
    write_rows(finished.extracts / "orders" / "second.csv", ORDER_COLUMNS, order_rows(600, 20))
    return Place(finished.folder)


@pytest.mark.parametrize(
    "text",
    [
        "fsync lake/raw/orders/.tmp-",
        "os.rename lake/ledger/orders/.tmp-",
        "fsync lake/ledger/orders",
        "os.rename lake/contents/.tmp-",
    ],
)
def test_a_load_that_was_killed_is_done_again_and_nothing_is_there_twice(place: Place, text: str) -> None:
    must_be(run(place, "load", fault=Fault(text=text)), KILLED)
    must_be(run(place, "load"), 0)
    assert check_lake(place.settings, DATASET)["raw/orders"][0] == 620


@pytest.mark.parametrize(
    ("fault", "is_new"),
    [
        (Fault(text="open published/releases"), False),
        (Fault(text="fsync published/releases"), False),
        (Fault(text="os.rename published/releases"), False),
        (Fault(text="os.rename published/current.new"), False),
        (Fault(function="dagster_project.publishing.releases:_prune"), True),
    ],
    ids=["writing", "sealing", "naming", "switching", "clearing"],
)
def test_a_publication_that_was_killed_leaves_a_whole_release(finished: Workplace, fault: Fault, is_new: bool) -> None:  # noqa: FBT001
    place = Place(finished.folder)
    before, figures = served_id(place.settings), check_release(place.settings)
    must_be(run(place, "publish", fault=fault), KILLED)
    assert (served_id(place.settings) != before) is is_new
    assert check_release(place.settings) == figures
    must_be(run(place, "publish"), 0)
    assert check_release(place.settings) == figures
    assert not list((place.settings.published_dir / "releases").glob("*.partial"))


# `make soak` does it at many moments.
@pytest.mark.long
def test_a_job_that_was_killed_in_the_middle_of_dbt_is_finished_by_the_next_one(place: Place) -> None:
    before = check_release(place.settings)
    must_be(run(place, *REFRESH, fault=Fault(text='"intermediate"."int_')), KILLED)
    assert check_release(place.settings) == before
    spilled = place.home / "tmp" / "spilled"
    spilled.parent.mkdir(exist_ok=True)
    spilled.touch()
    must_be(run(place, *REFRESH), 0)
    check_release(place.settings)
    assert not spilled.exists()
    assert check_lake(place.settings, DATASET)["raw/orders"][0] == 620


def test_jobs_that_start_while_another_run_writes_are_told_so_and_run_when_it_has_ended(finished: Workplace) -> None:
    place = Place(finished.folder)
    with hold_writer_lock(place.settings, "the-first-run", "full_rebuild"):
        refused = [start(place, *REFRESH) for _ in range(2)]
        assert [child.wait() for child in refused] == [1, 1]
    assert all("Another run is writing" in child.output() for child in refused)
    assert all("job full_rebuild, run the-first-run" in child.output() for child in refused)
    assert "Traceback" not in "".join(child.output() for child in refused)
    must_be(run(place, *REFRESH), 0)
    check_release(place.settings)


@needs_mounts
def test_a_full_disk_is_told_in_plain_words_and_the_old_release_is_served(place: Place) -> None:
    before = check_release(place.settings)
    with small_disk(place, kilobytes_free=64):
        child = run(place, *REFRESH)
        assert check_release(place.settings) == before
    assert_told_about_the_disk(child)


@needs_mounts
@pytest.mark.parametrize("folder", ["", "lake"])
def test_a_folder_that_is_read_only_is_told_in_plain_words(place: Place, folder: str) -> None:
    before = check_release(place.settings)
    with read_only(place.home / folder):
        child = run(place, *REFRESH)
    assert check_release(place.settings) == before
    assert_told_about_the_disk(child)


def assert_told_about_the_disk(child: Child) -> None:
    must_be(child, 1)
    assert (
        "No space left on device" in child.output()
        or "MB are free there" in child.output()
        or "Read-only file system" in child.output()
    )
    assert "is still served" in child.output()
    assert "Traceback" not in child.output()
