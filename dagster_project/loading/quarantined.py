"""Refused rows as a table again, as they were when their file was read.

Belongs here: taking the kept records apart. Does not belong here: what is done with the rows (`replay`,
`erasing.records`).
"""

from pathlib import Path

import duckdb

from dagster_project.loading.batches import UNPARSED_RECORD
from dagster_project.loading.expressions import ROW_NUMBER_COLUMN
from dagster_project.loading.landing import gather
from dagster_project.sql_text import quote_name, quote_text


def gather_quarantined(connection: duckdb.DuckDBPyConnection, quarantine: Path) -> tuple[str, ...]:
    """Make the rows of one quarantine file that have columns the view GATHERED; returns the names of the columns."""
    connection.execute(
        f"CREATE TEMP TABLE landed AS SELECT _source_row AS row_number, raw_record "
        f"FROM read_parquet({quote_text(str(quarantine))}) "
        f"WHERE NOT list_contains(json_keys(raw_record), {quote_text(UNPARSED_RECORD)})"
    )
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM (SELECT unnest(json_keys(raw_record)) AS name, row_number FROM landed) GROUP BY name "
            "ORDER BY min(row_number), name"
        ).fetchall()
    ]
    columns = "".join(f", raw_record ->> {quote_text(_json_pointer(name))} AS {quote_name(name)}" for name in names)
    connection.execute(f"CREATE TEMP VIEW source_1 AS SELECT row_number AS {ROW_NUMBER_COLUMN}{columns} FROM landed")
    gather(connection, 1)
    return tuple(names)


def _json_pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
