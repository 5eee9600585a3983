"""Files that are checked together, hashes that are remembered, and how far the engine reaches."""

import os
import shutil
from dataclasses import replace

import duckdb
import pytest

from dagster_project.loading import extract_files, file_chunks
from dagster_project.loading.engine import empty_engine, open_engine
from dagster_project.loading.ledger import read_ledger

HEADER = "order_id,ordered_at,status,order_amount\n"
ONE = f"{HEADER}1,2024-05-31,paid,5\n"
TWO = f"{HEADER}2,2024-06-01,paid,x\n3,2024-06-01,paid,7\n"
ALL_CSV = "name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n"


def _states(result):
    return [(file.source_file, file.status) for file in result.files]


def _rows_by_file(home):
    """Every row of every batch and of the quarantine, by file."""
    lake = home.settings.lake_dir
    return {
        path.relative_to(lake).as_posix(): duckdb.connect().sql(f"FROM read_parquet('{path}')").fetchall()
        for path in sorted(lake.rglob("*.parquet"))
    }


MIXED = {
    "a.csv": ONE,
    "b.csv": TWO,
    "c.csv": "nothing\nuseful\n",
    "d.csv": f"{HEADER}ragged\n5,2024-06-01,paid,5\n",
    "e.csv": ONE,
    "f.csv": "order_amount,status,ordered_at,order_id\n8,paid,2024-06-01,8\nx,,2024-06-01,9\n",
    "g.csv": HEADER,
    "h.csv": f"{HEADER}6,2024-06-01,paid,6\n6,2024-06-01,paid,6\n",
}
TWO_SOURCES = f"{ALL_CSV}  - {{name: again, feed: orders, files: '*.csv', value_maps: {{order_amount: {{x: '9'}}}}}}\n"


@pytest.mark.parametrize("mapping", [ALL_CSV, TWO_SOURCES], ids=["one source", "two sources"])
def test_files_checked_together_become_the_batches_they_would_be_alone(home, monkeypatch, mapping):
    for name, content in MIXED.items():
        home.put(name, content)
    home.map(mapping)
    together = home.load()
    rows, entries = _rows_by_file(home), read_ledger(home.settings, "shop")
    shutil.rmtree(home.settings.warehouse_home)
    monkeypatch.setattr(file_chunks, "MOST_FILES", 1)
    alone = home.load()
    assert alone.files == together.files
    assert _rows_by_file(home) == rows
    assert [replace(entry, loaded_at="") for entry in entries] == [
        replace(entry, loaded_at="") for entry in read_ledger(home.settings, "shop")
    ]
    assert [file.status for file in together.files if file.source_name == "orders"] == [
        "loaded", "loaded", "refused", "loaded", "unchanged", "loaded", "loaded", "loaded",
    ]  # fmt: skip


def test_a_file_that_stops_the_engine_is_refused_alone(home, monkeypatch):
    for name, content in (("a.csv", ONE), ("b.csv", TWO), ("c.csv", f"{HEADER}7,2024-06-01,paid,7\n")):
        home.put(name, content)
    home.map(ALL_CSV)
    judge = file_chunks.judge_rows

    def stop(connection, *arguments):
        # As if the value x brought the engine to a halt wherever it meets it.
        if connection.execute("SELECT count(*) FROM gathered WHERE order_amount = 'x'").fetchone()[0]:
            raise duckdb.InternalException("the secret value x")
        return judge(connection, *arguments)

    monkeypatch.setattr(file_chunks, "judge_rows", stop)
    result = home.load()
    assert _states(result) == [("a.csv", "loaded"), ("b.csv", "refused"), ("c.csv", "loaded")]
    assert "secret" not in result.files[1].message


def test_a_file_that_takes_more_memory_than_there_is_is_refused_alone(home, monkeypatch):
    for name, content in (("a.csv", ONE), ("b.csv", TWO), ("c.csv", f"{HEADER}7,2024-06-01,paid,7\n")):
        home.put(name, content)
    home.map(ALL_CSV)
    land = file_chunks.land

    def stop(connection, path, *others):
        if path.name == "b.csv":
            raise duckdb.OutOfMemoryException("failed to allocate data of size 16.0 MiB (900 MiB/900 MiB used)")
        return land(connection, path, *others)

    monkeypatch.setattr(file_chunks, "land", stop)
    result = home.load()
    assert _states(result) == [("a.csv", "loaded"), ("b.csv", "refused"), ("c.csv", "loaded")]
    assert "b.csv was refused for orders: it needs more memory" in result.files[1].message
    assert "Raise MEMORY_LIMIT" in result.files[1].message
    assert "MiB" not in result.files[1].message


def test_a_content_is_read_for_its_hash_once(home, monkeypatch):
    path = home.put("a.csv", ONE)
    home.map(ALL_CSV)
    monkeypatch.setattr(extract_files, "NANOSECONDS_UNTIL_SETTLED", 0)
    home.load()
    hashed, digest = [], extract_files.hashlib.file_digest
    monkeypatch.setattr(extract_files.hashlib, "file_digest", lambda *given: hashed.append(1) or digest(*given))
    assert _states(home.load()) == [("a.csv", "unchanged")]
    assert hashed == []
    os.utime(path, (1, 1))
    assert _states(home.load()) == [("a.csv", "unchanged")]
    assert hashed == [1]
    # As long, and with the times of the file before it: the disk still knows that it was written.
    before = path.stat()
    path.write_text(ONE.replace("paid", "done"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert _states(home.load()) == [("a.csv", "loaded")]


def test_a_file_written_just_now_is_hashed_again(home, monkeypatch):
    home.put("a.csv", ONE)
    home.map(ALL_CSV)
    home.load()
    hashed, digest = [], extract_files.hashlib.file_digest
    monkeypatch.setattr(extract_files.hashlib, "file_digest", lambda *given: hashed.append(1) or digest(*given))
    home.load()
    assert hashed == [1]


def test_the_engine_reaches_its_own_folders_only(tmp_path):
    inside, outside = tmp_path / "lake", tmp_path / "secret.csv"
    inside.mkdir()
    outside.write_text("a\n1\n")
    with open_engine(inside / "spill", (inside,), "1GB") as connection:
        connection.execute(f"COPY (SELECT 1 AS a) TO '{inside}/made.parquet'")
        assert connection.execute(f"FROM read_parquet('{inside}/made.parquet')").fetchall() == [(1,)]
        for query in (
            f"FROM read_csv('{outside}')",
            f"FROM read_text('{inside}/../secret.csv')",
            f"COPY (SELECT 1) TO '{tmp_path}/made.csv'",
            f"ATTACH '{tmp_path}/made.duckdb'",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(query)
        with pytest.raises(duckdb.Error, match="locked"):
            connection.execute("SET memory_limit = '1GB'")
        assert not (tmp_path / "made.csv").exists()


def test_an_emptied_engine_keeps_nothing(tmp_path):
    with open_engine(tmp_path / "spill", (tmp_path,), "1GB") as connection:
        connection.execute("CREATE TEMP TABLE landed AS SELECT 1 AS a")
        connection.execute('CREATE TEMP VIEW "a view" AS SELECT * FROM landed')
        empty_engine(connection)
        connection.execute("CREATE TEMP TABLE landed AS SELECT 2 AS b")
        assert connection.execute("FROM landed").fetchall() == [(2,)]
