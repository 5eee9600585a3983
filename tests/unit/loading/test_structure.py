"""The independent count of records, against a plain reader and across chunk boundaries; clocks of time zones."""

# Moments in the lake are naive and mean UTC; digits and marks of other scripts are what is tested.
# ruff: noqa: DTZ001

import csv
import datetime as dt
import io
import zoneinfo
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.loading import delimited
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
