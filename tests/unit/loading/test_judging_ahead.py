"""Files that are judged while others are written: nothing but the time is different."""

import shutil
import threading
from dataclasses import replace

import duckdb
import pytest

from dagster_project.loading import file_chunks, judging_ahead, loader
from dagster_project.loading.engine import memory_shares
from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.refusals import LoadError

HEADER = "order_id,ordered_at,status,order_amount\n"
ALL_CSV = "name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n"
FILES = {f"{number}.csv": f"{HEADER}{number},2024-05-31,paid,{number}\n" for number in range(1, 6)}


@pytest.fixture(autouse=True)
def _each_file_alone(monkeypatch):
    monkeypatch.setattr(file_chunks, "MOST_FILES", 1)


@pytest.fixture
def delivered(home):
    for name, content in FILES.items():
        home.put(name, content)
    home.map(ALL_CSV)
    return home


def _judging_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("judging")]


@pytest.mark.parametrize(
    ("limit", "shares"),
    [
        ("4GB", ("2000MB", "2000MB")),
        ("1001MB", ("500MB", "500MB")),
        ("999MB", ("999MB",)),
        ("25%", ("12.5%", "12.5%")),
    ],
)
def test_engines_share_the_memory(limit, shares, tmp_path):
    assert memory_shares(limit) == shares
    for share in shares:
        with duckdb.connect(config={"memory_limit": share}) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("mode", ["append", "snapshot"])
def test_two_engines_load_what_one_loads(delivered, monkeypatch, mode):
    delivered.put("3.csv", "nothing\nuseful\n")
    delivered.put("4.csv", FILES["2.csv"])
    delivered.put("6.csv", f"{HEADER}6,never,paid,6\n7,2024-05-31,paid,7\n")
    delivered.map(ALL_CSV.replace("'*.csv'", f"'*.csv', mode: {mode}"))
    outcomes = []
    for shares in (("1GB", "1GB"), ("1GB",)):
        monkeypatch.setattr(judging_ahead, "memory_shares", lambda _, shares=shares: shares)
        files = delivered.load().files
        entries = [replace(entry, loaded_at="") for entry in read_ledger(delivered.settings, "shop")]
        outcomes.append((files, entries, delivered.rows("orders"), delivered.quarantined("orders")))
        shutil.rmtree(delivered.settings.warehouse_home)
    assert outcomes[0] == outcomes[1]
    assert {file.status for file in outcomes[0][0]} >= {"loaded", "refused"}


def test_a_file_is_judged_while_the_one_before_is_written(delivered, monkeypatch):
    second_is_judged = threading.Event()
    judge, write = file_chunks.judge_rows, loader.write_batch

    def note(connection, *arguments, **more):
        judged = judge(connection, *arguments, **more)
        if connection.execute("SELECT count(*) FROM gathered WHERE order_id = '2'").fetchone()[0]:
            second_is_judged.set()
        return judged

    def wait(connection, settings, batch, *arguments):
        if batch.source_file == "1.csv":
            assert second_is_judged.wait(60)
        return write(connection, settings, batch, *arguments)

    monkeypatch.setattr(file_chunks, "judge_rows", note)
    monkeypatch.setattr(loader, "write_batch", wait)
    assert [file.status for file in delivered.load().files] == ["loaded"] * 5


def test_a_file_that_brings_its_engine_to_a_halt_harms_no_other(delivered, monkeypatch):
    judge = file_chunks.judge_rows

    def stop(connection, *arguments, **more):
        if connection.execute("SELECT count(*) FROM gathered WHERE order_id = '2'").fetchone()[0]:
            raise duckdb.FatalException("the secret value 2")
        return judge(connection, *arguments, **more)

    monkeypatch.setattr(file_chunks, "judge_rows", stop)
    files = delivered.load().files
    assert [file.status for file in files] == ["loaded", "refused", "loaded", "loaded", "loaded"]
    assert [row[0] for row in delivered.rows("orders", "order_id")] == ["1", "3", "4", "5"]


def test_a_defect_ends_the_load_after_what_was_committed_and_leaves_no_thread(delivered, monkeypatch):
    write = loader.write_batch

    def lose(connection, settings, batch, *arguments):
        if batch.source_file == "2.csv":
            raise LoadError("2.csv: a row is missing.")
        return write(connection, settings, batch, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loader, "write_batch", lose)
        with pytest.raises(LoadError, match="a row is missing"):
            delivered.load()
    assert _judging_threads() == []
    assert [row[0] for row in delivered.rows("orders", "order_id")] == ["1"]
    assert [file.status for file in delivered.load().files] == ["unchanged"] + ["loaded"] * 4
