"""Finding a text wherever it may be hidden: in plain files, behind compression, in databases.

Belongs here: what can be read out of a file. Does not belong here: who may be named where.
"""

import gzip
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import duckdb


def files_naming(folder: Path, markers: Iterable[str]) -> list[Path]:
    """The files under a folder in which any of these markers is found."""
    wanted = [marker.encode() for marker in markers]
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(marker in text for text in texts_of(path) for marker in wanted)
    ]


def texts_of(path: Path) -> list[bytes]:
    """Everything that can be read out of a file: its bytes, and the values behind compression."""
    found = [path.read_bytes()]
    if path.suffix == ".gz":
        found.append(gzip.decompress(found[0]))
    if path.suffix == ".parquet":
        found += _columns(duckdb.connect(), f"read_parquet('{path}')")
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("select database_name, schema_name, table_name from duckdb_tables()").fetchall()
            for database, schema, table in tables:
                found += _columns(connection, f'"{database}"."{schema}"."{table}"')
    if found[0].startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(path)) as database:
            found.append("\n".join(database.iterdump()).encode())
            if path.name == "runs.db":
                snapshots = database.execute("select snapshot_body from snapshots").fetchall()
                found += [zlib.decompress(snapshot) for (snapshot,) in snapshots]
    return found


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[bytes]:
    query = f"select to_json(rows)::varchar from {relation} as rows"
    return [text.encode() for (text,) in connection.execute(query).fetchall()]
