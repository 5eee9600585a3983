"""Releases: whole before they are seen, switched in one step, kept for a while."""

import json
import os
import shutil
import struct
import subprocess
import threading
from pathlib import Path

import duckdb
import pytest

from dagster_project.publishing import releases
from dagster_project.publishing.content import MartDescription, MartMissingError
from dagster_project.publishing.inputs import BuildInputs
from dagster_project.publishing.releases import (
    READER_GRACE_SECONDS,
    Release,
    ReleaseError,
    current_release,
    list_releases,
    publish_release,
    remove_release,
    roll_back,
)
from dagster_project.settings import Settings
from tests.unit.publishing.entries import entry

VARIABLES = {"reporting_currency": "AED"}
INPUTS = BuildInputs(dataset="sample", data_version="d1", definition_version="v1", variables=VARIABLES)
MARTS = [
    MartDescription(
        "retention", "Retention. One row a period.", {"period": "The period's first day", "rate": "It's a rate"}
    ),
    MartDescription("churn"),
]


def build_warehouse(settings: Settings, number: int) -> None:
    """A warehouse in which every value of every mart is `number`."""
    settings.warehouse_path.unlink(missing_ok=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create schema marts")
        connection.execute(f"create table marts.retention as select {number} as period, 0.5 as rate from range(50)")
        connection.execute(f"create table marts.churn as select {number} as period from range(50)")


def publish(settings: Settings, number: int = 1, **overrides: object) -> Release:
    build_warehouse(settings, number)
    arguments = {
        "run_id": f"run{number:05d}-x",
        "inputs": INPUTS,
        "marts": MARTS,
        "ledger": [],
        "confirm_writer": lambda: None,
        **overrides,
    }
    return publish_release(settings, **arguments)


def served_number(settings: Settings) -> int:
    folder = (settings.published_dir / "current").resolve()
    with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
        return connection.execute("select max(period) from marts.churn").fetchall()[0][0]


def test_a_release_holds_every_mart_twice_and_says_what_is_in_it(settings: Settings) -> None:
    ledger = [
        entry(3, rows_read=5, rows_accepted=4, rows_quarantined=1, watermark="2026-01-02"),
        entry(7, rows_read=2, rows_accepted=2, watermark="2026-01-01"),
        entry(8, status="refused", rows_read=9),
    ]
    release = publish(settings, ledger=ledger)
    current = settings.published_dir / "current"
    assert {path.name for path in current.iterdir()} == {
        "marts.duckdb",
        "retention.parquet",
        "churn.parquet",
        "release.json",
    }
    details = json.loads((current / "release.json").read_text())
    assert details == release.details
    assert details["run_id"] == "run00001-x"
    assert details["definition_version"] == "v1"
    assert details["variables"] == VARIABLES
    assert details["last_load_sequence"] == 7
    assert details["marts"]["retention"]["rows"] == 50
    assert details["marts"]["retention"]["columns"][0] == {"name": "period", "type": "INTEGER"}
    assert details["feeds"] == {
        "orders": {"files": 2, "rows_read": 7, "rows_accepted": 6, "rows_quarantined": 1, "watermark": "2026-01-02"}
    }
    assert duckdb.connect().sql(f"select count(*) from '{current}/churn.parquet'").fetchall() == [(50,)]


@pytest.mark.skipif(shutil.which("git") is None, reason="There is no git.")
def test_a_release_names_the_commit_of_the_code(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    clone.mkdir()
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    monkeypatch.setattr(releases, "PROJECT_ROOT", clone)
    assert publish(settings).details["git_revision"] == head
    monkeypatch.setattr(releases, "PROJECT_ROOT", tmp_path / "downloaded")
    assert publish(settings).details["git_revision"] is None


def test_rows_that_left_quarantine_are_counted_once_and_are_no_files(settings: Settings) -> None:
    """100 rows in a file, 10 of them refused; 5 were replayed later, 5 discarded."""
    ledger = [
        entry(1, rows_read=100, rows_accepted=90, rows_quarantined=10, watermark="2026-01-01"),
        entry(2, rows_read=5, rows_accepted=5, replayed_from="batch1", watermark="2026-01-02"),
        entry(3, rows_passed_over=5, replayed_from="batch1"),
    ]
    assert publish(settings, ledger=ledger).details["feeds"]["orders"] == {
        "files": 1,
        "rows_read": 100,
        "rows_accepted": 95,
        "rows_quarantined": 0,
        "watermark": "2026-01-02",
    }


def test_the_release_file_carries_the_words_for_its_columns(settings: Settings) -> None:
    publish(settings)
    with duckdb.connect(str(settings.published_dir / "current" / "marts.duckdb"), read_only=True) as connection:
        comments = connection.execute(
            "select column_name, comment from duckdb_columns() where table_name = 'retention' order by column_index"
        ).fetchall()
        table_comment = connection.execute(
            "select comment from duckdb_tables() where table_name = 'retention'"
        ).fetchall()
    assert comments == [("period", "The period's first day"), ("rate", "It's a rate")]
    assert table_comment == [("Retention. One row a period.",)]


def test_a_release_is_read_only_and_in_the_old_file_format(settings: Settings) -> None:
    release = publish(settings)
    assert {path.stat().st_mode & 0o777 for path in release.path.iterdir()} == {0o444}
    header = (release.path / "marts.duckdb").read_bytes()[:20]
    # Bytes 8-11 are the magic word, the version number follows; 64 is read by every DuckDB since 0.9.
    assert header[8:12] == b"DUCK"
    assert struct.unpack("<Q", header[12:20])[0] == 64


def test_readers_see_whole_releases_while_new_ones_are_published(settings: Settings) -> None:
    publish(settings, 1)
    stop = threading.Event()
    torn: list[object] = []
    reads = []

    def read() -> None:
        while not stop.is_set():
            folder = (settings.published_dir / "current").resolve()
            files = [f"'{folder}/{name}.parquet'" for name in ("retention", "churn")]
            numbers = [duckdb.connect().execute(f"select max(period) from {file}").fetchall()[0][0] for file in files]
            reads.append(numbers)
            if numbers[0] != numbers[1]:
                torn.append(numbers)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2, 8):
        publish(settings, number)
    stop.set()
    reader.join()
    assert reads
    assert torn == []
    assert served_number(settings) == 7


def test_a_mart_that_is_missing_stops_the_release_and_the_old_one_stays(settings: Settings) -> None:
    publish(settings, 1)
    with pytest.raises(MartMissingError, match=r"marts.absent is not in the warehouse.*full_rebuild"):
        publish(settings, 2, marts=[*MARTS, MartDescription("absent")])
    assert served_number(settings) == 1
    assert len(list_releases(settings)) == 1


def test_a_run_that_lost_the_lock_does_not_publish(settings: Settings) -> None:
    publish(settings, 1)

    def lost() -> None:
        raise RuntimeError("lock lost")

    with pytest.raises(RuntimeError, match="lock lost"):
        publish(settings, 2, confirm_writer=lost)
    assert served_number(settings) == 1
    publish(settings, 3)
    assert not list((settings.published_dir / "releases").glob("*.partial"))


def test_old_releases_go_but_not_the_current_one_and_not_one_that_readers_may_hold(settings: Settings) -> None:
    keep_two = load_with(settings, releases_to_keep=2)
    releases = [publish(keep_two, number) for number in range(1, 5)]
    assert len(list_releases(keep_two)) == 4, "all were current within the last hour"
    for release in releases[:3]:
        old = release.path.stat().st_mtime - READER_GRACE_SECONDS - 1
        os.utime(release.path, (old, old))
    publish(keep_two, 5)
    # The second newest, number 4, was current until a moment ago; 1 to 3 are old and more than are kept.
    assert [release.details["run_id"] for release in list_releases(keep_two)] == ["run00005-x", "run00004-x"]


def test_a_release_rolled_back_to_is_never_removed_while_it_is_current(settings: Settings) -> None:
    keep_one = load_with(settings, releases_to_keep=1)
    first = publish(keep_one, 1)
    publish(keep_one, 2)
    assert roll_back(keep_one).release_id == first.release_id
    assert served_number(keep_one) == 1
    assert current_release(keep_one).release_id == first.release_id


def test_a_release_that_is_half_removed_is_none_and_the_next_publication_removes_the_rest(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill: the folder is still full of figures, but nobody can roll back to it."""
    first = publish(settings, 1)
    publish(settings, 2)
    with monkeypatch.context() as patch:
        patch.setattr(releases.shutil, "rmtree", killed)
        with pytest.raises(RuntimeError, match="killed"):
            remove_release(first)
    assert [release.details["run_id"] for release in list_releases(settings)] == ["run00002-x"]
    with pytest.raises(ReleaseError):
        roll_back(settings)
    publish(settings, 3)
    assert len(list((settings.published_dir / "releases").iterdir())) == 2


def killed(*_arguments: object) -> None:
    raise RuntimeError("killed")


def test_a_reader_that_holds_a_release_open_reads_on_after_it_was_removed(settings: Settings) -> None:
    first = publish(settings, 1)
    publish(settings, 2)
    with (
        duckdb.connect(str(first.path / "marts.duckdb"), read_only=True) as connection,
        (first.path / "churn.parquet").open("rb") as parquet,
    ):
        remove_release(first)
        assert not first.path.exists()
        assert connection.execute("select max(period), count(*) from churn").fetchall() == [(1, 50)]
        assert parquet.read()[:4] == b"PAR1"


def test_rolling_back_names_what_there_is_when_it_cannot(settings: Settings) -> None:
    with pytest.raises(ReleaseError, match=r"no release older.*Kept are: none"):
        roll_back(settings)
    release = publish(settings, 1)
    with pytest.raises(ReleaseError, match=f"no release 'x'.*{release.release_id}"):
        roll_back(settings, "x")


def test_rolling_back_leaves_releases_of_another_dataset_to_whoever_names_them(settings: Settings) -> None:
    sample, own = publish(settings, 1), publish(settings, 2)
    description = own.path / "release.json"
    description.chmod(0o644)
    description.write_text(json.dumps({**own.details, "inputs": {**own.details["inputs"], "dataset": "kiosk"}}))
    with pytest.raises(ReleaseError, match=rf"of the dataset kiosk .*{sample.release_id} \({sample.inputs.dataset}\)"):
        roll_back(settings)
    assert current_release(settings).release_id == own.release_id
    assert roll_back(settings, sample.release_id).release_id == sample.release_id


def test_the_current_release_survives_moving_the_home(settings: Settings, tmp_path: Path) -> None:
    publish(settings, 4)
    shutil.move(settings.warehouse_home, tmp_path / "moved")
    moved = load_with(settings, warehouse_home=tmp_path / "moved")
    assert served_number(moved) == 4


def load_with(settings: Settings, **changes: object) -> Settings:
    return Settings(**{**settings.__dict__, **changes})
