"""Names, values and files that were made to do harm do none; each is either data or refused with a message."""

import gzip
import os

import duckdb
import pytest

from dagster_project.loading import landing, plain_text
from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.mapping import MappingError, load_config

SQL = "x'); DROP TABLE landed; COPY (SELECT 1) TO '/tmp/pwned'; --"
MAPPING = "name: {name}\nsources:\n  - {{name: {source}, feed: {feed}, files: {files}}}\n"
GOOD = {"name": "shop", "source": "orders", "feed": "orders", "files": "'*.csv'"}


@pytest.mark.parametrize(
    "text", [SQL, '"; DROP TABLE x; --', "<script>alert(1)</script>", "../../etc/passwd", "{{7*7}}"]
)
def test_a_value_is_a_value(load_orders, home, text):
    quoted = text.replace('"', '""')
    load_orders(f'order_id,ordered_at,status,channel\n"{quoted}",2024-05-31,paid,"{quoted}"\n')
    assert home.rows("orders", "order_id, channel") == [(text, text)]


@pytest.mark.parametrize(
    "name", ["a'; DROP TABLE landed; --.csv", 'a"b.csv', "a[1].csv", "a 31.05 [1].csv", "<b>.csv", "$(id).csv"]
)
def test_a_file_name_is_a_name(home, name):
    home.map(MAPPING.format(**GOOD))
    home.put(name, "order_id,ordered_at,status\n1,2024-05-31,paid\n2,never,paid\n")
    (file,) = home.load().files
    assert (file.source_file, file.rows_accepted, file.rows_quarantined) == (name, 1, 1)
    assert home.rows("orders", "_source_file") == [(name,)]


@pytest.mark.parametrize("name", [b"orders_caf\xe9.csv", b"caf\xe9/orders.csv"])
def test_a_file_name_that_is_not_utf8_is_refused_until_it_is_mended_and_harms_no_other(home, name):
    home.map(MAPPING.format(**{**GOOD, "files": "'**/*.csv'"}))
    path = home.put(os.fsdecode(name), "order_id,ordered_at,status\n1,2024-05-31,paid\n")
    home.put("z.csv", "order_id,ordered_at,status\n2,2024-05-31,paid\n")
    shown = name.decode("utf-8", "backslashreplace")
    for status in ("loaded", "unchanged"):
        refused, good = home.load().files
        assert (good.source_file, good.status) == ("z.csv", status)
        assert (refused.source_file, refused.status) == (shown, "refused")
        assert (
            refused.message
            == f"{shown} was refused for orders: its name, or that of its folder, is not UTF-8. Rename it."
        )
    assert [entry.source_file for entry in read_ledger(home.settings, "shop")] == [shown, "z.csv"]
    path.rename(home.root / "extracts" / "a_café.csv")
    assert [file.status for file in home.load().files] == ["loaded", "unchanged"]
    assert {entry.source_file for entry in read_ledger(home.settings, "shop")} == {"a_café.csv", "z.csv"}


def test_a_column_name_is_a_name(load_orders, home):
    column = "a\"'; DROP TABLE landed; --"
    header = column.replace('"', '""')
    load_orders(f'order_id,ordered_at,status,"{header}"\n1,never,paid,x\n')
    (record,) = home.query(f"SELECT raw_record FROM read_parquet('{home.settings.quarantine_dir}/orders/*.parquet')")
    assert '"x"' in record[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../shop"),
        ("name", '"shop; drop"'),
        ("source", '"o\'; DROP TABLE x"'),
        ("feed", "../../raw"),
        ("feed", '"orders\' --"'),
        ("files", "../*.csv"),
        ("files", "/etc/passwd"),
        ("files", "a/../../b.csv"),
        ("files", "~/x.csv"),
    ],
)
def test_the_mapping_takes_no_paths_and_no_sql_for_names(tmp_path, key, value):
    path = tmp_path / "extracts.yml"
    path.write_text(MAPPING.format(**{**GOOD, key: value}))
    with pytest.raises(MappingError, match=r"extracts\.yml:"):
        load_config(path)


def test_a_message_about_a_parquet_file_shows_no_value(home):
    home.map(MAPPING.format(**{**GOOD, "files": "'*.parquet'"}))
    path = home.put("orders.parquet", b"")
    home.query(
        "COPY (SELECT 'Maria-caf####' AS order_id, DATE '2024-05-31' AS ordered_at, 'paid' AS status) "
        f"TO '{path}' (FORMAT parquet, COMPRESSION uncompressed)"
    )
    path.write_bytes(path.read_bytes().replace(b"####", b"\xe9\xe9\xe9\xe9"))
    (file,) = home.load().files
    assert file.status == "refused"
    assert "it holds text that is not UTF-8. Have it written as UTF-8" in file.message
    assert "Maria" not in "".join([file.message, *home.said])


def test_a_message_about_records_that_are_too_long_for_the_engine_shows_no_value(load_orders, home):
    long = "Maria" * 380_000
    result = load_orders(f"order_id,ordered_at,status,channel,note\n1,2024-05-31,{long},{long},{long}\n")
    assert "A record may have 4,000,000 bytes at most: look for lost line ends." in result.files[0].message
    assert "Maria" not in "".join([result.files[0].message, *home.said])


@pytest.mark.parametrize("words", ["No space left on device", "Read-only file system"])
def test_a_full_disk_is_not_blamed_on_a_parquet_file(home, monkeypatch, words):
    home.map(MAPPING.format(**{**GOOD, "files": "'*.parquet'"}))
    path = home.put("orders.parquet", b"")
    home.query(f"COPY (SELECT '1' AS order_id, DATE '2024-05-31' AS ordered_at, 'paid' AS status) TO '{path}'")

    def stop(*_):
        raise duckdb.IOException(f'Could not write file "spill": {words}')

    monkeypatch.setattr(landing, "_check_parquet_size", stop)
    with pytest.raises(duckdb.IOException, match=words):
        home.load()


ORDERS = b"order_id,ordered_at,status\n1,2024-05-31,paid\n"
LONG = 33_000_000


@pytest.mark.parametrize(
    ("suffix", "content", "line"),
    [
        (".csv.gz", lambda: b"a" * LONG, 1),
        (".csv.gz", lambda: ORDERS + b"a" * LONG + b"\n" + ORDERS, 3),
        (".csv.gz", lambda: b'"' + b'a\n","' * (LONG // 5), 1),
        (".ndjson.gz", lambda: b'{"order_id": 1}\n' + b"a" * LONG, 2),
    ],
    ids=["header", "row", "quoted lines", "ndjson"],
)
def test_a_record_that_never_ends_is_refused_before_it_fills_the_memory(load_orders, suffix, content, line):
    (file,) = load_orders(gzip.compress(content(), 1), name=f"orders{suffix}").files
    assert file.status == "refused"
    assert f"a record that begins in line {line} is longer than 32,000,000 characters" in file.message


def test_parquet_that_stands_for_far_more_than_it_is_is_refused(home, monkeypatch):
    """Three million equal values are a few kilobytes of Parquet, also before compression."""
    monkeypatch.setattr(plain_text, "ALWAYS_ALLOWED_BYTES", 1 << 20)
    monkeypatch.setattr(plain_text, "LARGEST_GROWTH", 20)
    home.map(MAPPING.format(**{**GOOD, "files": "'*.parquet'"}))
    bomb = home.put("bomb.parquet", b"")
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT '1' AS order_id, DATE '2024-05-31' AS ordered_at, 'paid' AS status FROM range(1000000)) "
            f"TO '{bomb}' (FORMAT parquet)"
        )
    assert bomb.stat().st_size < 100_000
    (file,) = home.load().files
    assert file.status == "refused"
    assert "it unpacks to more than" in file.message
    assert home.rows("orders") == []
