"""The independent count of records, against a plain reader and across chunk boundaries; clocks of time zones."""

# Moments in the lake are naive and mean UTC; digits and marks of other scripts are what is tested.
# ruff: noqa: DTZ001

import csv
import datetime as dt
import io
import tracemalloc
import zoneinfo
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.loading import delimited
from dagster_project.loading.formats import Dialect
from dagster_project.loading.time_zones import utc_sql

VALUES = st.text(alphabet="a\",\r\n é';", max_size=6)
RECORDS = st.lists(st.lists(VALUES, min_size=2, max_size=2), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(records=RECORDS, line_end=st.sampled_from(["\n", "\r\n"]), chunk=st.integers(1, 9), ends=st.booleans())
def test_the_scan_counts_what_was_written(tmp_path_factory, records, line_end, chunk, ends):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(records)
    text = buffer.getvalue() if ends else buffer.getvalue().removesuffix(line_end)
    path: Path = tmp_path_factory.mktemp("scan") / "file.csv"
    path.write_bytes(text.encode())
    before = delimited.CHUNK_BYTES
    delimited.CHUNK_BYTES = chunk
    try:
        structure = delimited.scan_structure(path, ",", '"', '"')
    finally:
        delimited.CHUNK_BYTES = before
    assert not structure.ends_inside_quotes
    # A carriage return inside a value makes the file irregular, which only means that it is read record by record.
    assert structure.is_regular or "\r" in "".join(value for record in records for value in record)
    assert structure.record_count == len(records)


def test_broken_records_are_not_kept_in_memory(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("a,b\n" + "one,value,too many\n" * 50_000)
    tracemalloc.start()
    count = delimited.rewrite_records(path, ",", Dialect(), 2, tmp_path / "records.csv", tmp_path / "broken.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 50_000
    assert (tmp_path / "records.csv").read_text() == ""
    assert (tmp_path / "broken.csv").read_text().splitlines()[-1] == '"50000","too_many_values","one,value,too many"'
    assert peak < 2_000_000


def test_every_broken_record_is_quarantined_as_it_was_written(home, load_orders):
    texts = ["", 'a "b" c', "tab\there", "é😀", "{}", "\\", "'"]
    lines = "".join('"' + text.replace('"', '""') + '"\n' for text in texts)
    result = load_orders(f"order_id,ordered_at,status\n{lines}1,2024-05-31,paid\n")
    assert result.files[0].reasons == {"too_few_values": len(texts)}
    records = home.query(
        f"SELECT raw_record ->> 'unparsed_record' FROM read_parquet('{home.settings.quarantine_dir}/*/*.parquet') "
        "ORDER BY _source_row"
    )
    assert records == [(text,) for text in texts]


@pytest.mark.parametrize(
    "zone", ["Asia/Tehran", "Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Australia/Lord_Howe", "UTC"]
)
def test_local_time_agrees_with_the_time_zone_database(zone):
    moments = [dt.datetime(2015, 1, 1) + dt.timedelta(minutes=37 * step) for step in range(60_000)]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE moments AS SELECT unnest(?::TIMESTAMP[]) AS moment", [moments])
        converted = connection.execute(f"SELECT moment, {utc_sql('moment', zone)} FROM moments").fetchall()
    info = zoneinfo.ZoneInfo(zone)
    wrong = [
        local for local, utc in converted if local.replace(tzinfo=info).astimezone(dt.UTC).replace(tzinfo=None) != utc
    ]
    assert wrong == []
