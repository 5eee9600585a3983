"""A release in PostgreSQL, for BI tools that read a database server.

Belongs here: writing the files of a release into a database and switching its readers. Does not belong here: making a
release (`releases`) and when one is written (`defs.release`, `__main__`).

All is done in one transaction: readers see the schema `marts` of the release before until it ends, and a run that is
killed leaves nothing behind, because the server takes an unfinished transaction back.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import duckdb
import psycopg
from psycopg import Connection, conninfo, errors, sql

from dagster_project.publishing.releases import Release, ReleaseError
from dagster_project.sql_text import quote_literal, quote_name

SCHEMA = "marts"
LOADING_SCHEMA = "marts_loading"
SCHEMA_BEFORE = "marts_before"
READER_ROLE = "marts_reader"
RELEASE_TABLE = "published_release"
# How a schema of ours is told from one that somebody else made.
MARK = "Written by the customer retention platform; every release replaces it as a whole."
# Any number that nobody else uses: the key of the lock that makes one run at a time the writer of a database.
WRITER_LOCK = 7_202_611_220_401
SECONDS_TO_CONNECT = 10
# How long the tables of the release before wait for their last readers before they are left to the next run.
SECONDS_TO_DROP = 30
BYTES_AT_A_TIME = 1 << 20
NULL_TEXT = r"\N"

POSTGRES_TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double precision",
    "FLOAT": "real",
    "HUGEINT": "numeric(39, 0)",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TINYINT": "smallint",
    "UBIGINT": "numeric(20, 0)",
    "UINTEGER": "bigint",
    "UUID": "uuid",
    "VARCHAR": "text",
}


class PostgresError(ReleaseError):
    """A release could not be written to PostgreSQL; the message says why and what to do, and holds no password."""


def write_release(url: str, release: Release, confirm_writer: Callable[[], None]) -> list[str]:
    """Make a release what the schema `marts` of a database holds; nothing is done where it already does.

    Writes every mart from its Parquet file, with types, comments, an index on its key, and rights for `marts_reader`.
    `confirm_writer` is called just before the switch and raises when this run may no longer publish. Returns warnings:
    an index that could not be made, or what is left of the release before. Raises PostgresError; then readers still
    see the release before.
    """
    with _connected(url) as connection:
        if _is_there(connection, SCHEMA_BEFORE):
            _require_dropped(connection)
        if _written_release(connection) == release.release_id:
            return []
        with connection.transaction():
            _lock(connection)
            _refuse_foreign_objects(connection)
            warnings = _load(connection, release)
            confirm_writer()
            _switch(connection)
        return warnings + _drop_before(connection)


def require_nothing_left(url: str) -> None:
    """Raise PostgresError if tables of the release before are still there: an erased person may be in them."""
    with _connected(url) as connection:
        if _is_there(connection, SCHEMA_BEFORE):
            _require_dropped(connection)


def parameters_of(url: str) -> dict[str, str]:
    """The parts of the address of a database. Raises PostgresError if it has another form."""
    try:
        return conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise PostgresError(
            "PUBLISH_POSTGRES_URL cannot be read as the address of a PostgreSQL database. It has the form "
            "postgresql://user:password@host:5432/database; special characters in the password are written as %XX."
        ) from None


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """A connection whose errors are PostgresError without the password, also when it is part of another error."""
    parameters = parameters_of(url)
    parameters.setdefault("connect_timeout", SECONDS_TO_CONNECT)
    parameters.setdefault("application_name", "customer_retention")
    # What is sent is UTF-8. It would arrive garbled where the address, PGCLIENTENCODING or the database say otherwise.
    parameters["client_encoding"] = "UTF8"
    place = f"{parameters.get('host', 'localhost')}, database {parameters.get('dbname', 'of the user')}"
    try:
        with psycopg.connect(**parameters, autocommit=True) as connection:
            yield connection
    except errors.InsufficientPrivilege as error:
        raise PostgresError(
            f"PostgreSQL at {place} refuses: {_without_password(error, parameters)} An administrator of the database "
            f"has to run: GRANT CREATE ON DATABASE <database> TO <user of PUBLISH_POSTGRES_URL>; and, once, "
            f"CREATE ROLE {READER_ROLE} NOLOGIN;"
        ) from None
    except errors.UntranslatableCharacter as error:
        raise PostgresError(
            f"PostgreSQL at {place} was not written, because its database has no place for a character of the release: "
            f"{_without_password(error, parameters)} Give the platform a database that holds every character: "
            "CREATE DATABASE <database> ENCODING 'UTF8' TEMPLATE template0; Readers still see the release before."
        ) from None
    except psycopg.Error as error:
        raise PostgresError(
            f"PostgreSQL at {place} was not written: {_without_password(error, parameters)} Readers of it still see "
            "the release before. The next run writes it, also when nothing else has changed."
        ) from None


def _without_password(error: psycopg.Error, parameters: dict[str, object]) -> str:
    message = " ".join(str(error).split())
    password = str(parameters.get("password") or "")
    for text in filter(None, (password, quote(password, safe=""))):
        message = message.replace(text, "***")
    return message if message.endswith(".") else f"{message}."


def _is_there(connection: Connection, schema: str) -> bool:
    found = connection.execute("select 1 from pg_namespace where nspname = %s", [schema]).fetchone()
    if found is None:
        return False
    comment, tables = connection.execute(
        "select obj_description(oid, 'pg_namespace'), (select count(*) from pg_class where relnamespace = n.oid) "
        "from pg_namespace as n where nspname = %s",
        [schema],
    ).fetchone()
    if comment != MARK and tables > 0:
        raise PostgresError(
            f"The database already has a schema {schema} that this platform did not write, so nothing was changed. "
            "Give the platform a database of its own, or rename that schema."
        )
    return True


def _written_release(connection: Connection) -> str | None:
    table = sql.Identifier(SCHEMA, RELEASE_TABLE)
    if not _is_there(connection, SCHEMA) or not _has_table(connection, SCHEMA, RELEASE_TABLE):
        return None
    row = connection.execute(sql.SQL("select release_id from {}").format(table)).fetchone()
    return row[0] if row else None


def _has_table(connection: Connection, schema: str, table: str) -> bool:
    query = "select 1 from information_schema.tables where table_schema = %s and table_name = %s"
    return connection.execute(query, [schema, table]).fetchone() is not None


def _lock(connection: Connection) -> None:
    if not connection.execute("select pg_try_advisory_xact_lock(%s)", [WRITER_LOCK]).fetchone()[0]:
        raise PostgresError(
            "Another run is writing to the same PostgreSQL database. Two warehouse homes cannot share one: give each "
            "its own database, or wait until the other run has ended."
        )


def _refuse_foreign_objects(connection: Connection) -> None:
    """Views over the marts would go with the old tables; whoever made them is told before anything is lost."""
    views = connection.execute(
        "select distinct n.nspname || '.' || v.relname "
        "from pg_depend as d "
        "inner join pg_rewrite as r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass "
        "inner join pg_class as v on v.oid = r.ev_class "
        "inner join pg_namespace as n on n.oid = v.relnamespace "
        "inner join pg_class as t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass "
        "inner join pg_namespace as tn on tn.oid = t.relnamespace "
        "where tn.nspname = %s and n.nspname <> %s order by 1",
        [SCHEMA, SCHEMA],
    ).fetchall()
    if views:
        names = ", ".join(name for (name,) in views)
        raise PostgresError(
            f"These views read tables of the schema {SCHEMA}: {names}. Every release brings new tables, so the views "
            "would be lost. Keep such queries in the BI tool, or drop the views; then start the job again."
        )


def _load(connection: Connection, release: Release) -> list[str]:
    """Fill the schema under its temporary name; returns warnings."""
    warnings: list[str] = []
    schema = sql.Identifier(LOADING_SCHEMA)
    if _is_there(connection, LOADING_SCHEMA):
        connection.execute(sql.SQL("drop schema {} cascade").format(schema))
    connection.execute(sql.SQL("create schema {}").format(schema))
    connection.execute(sql.SQL("comment on schema {} is {}").format(schema, sql.Literal(MARK)))
    comments = _read_comments(release.path / "marts.duckdb")
    for name, mart in release.details["marts"].items():
        columns = {column["name"]: column["type"] for column in mart["columns"]}
        _create_table(connection, name, {column: _type_of(name, column, kind) for column, kind in columns.items()})
        rows = _copy_parquet(connection, name, columns, release.path / f"{name}.parquet")
        if rows != mart["rows"]:
            raise PostgresError(f"Mart {name} has {mart['rows']:,} rows, but {rows:,} arrived in PostgreSQL.")
        _comment(connection, name, comments.get(name, {}))
        warnings += _index(connection, name, [column for column in mart.get("key", []) if column in columns])
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(LOADING_SCHEMA, name)))
    _note_release(connection, release)
    _grant(connection)
    return warnings


def _create_table(connection: Connection, name: str, columns: dict[str, str]) -> None:
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in columns.items()
    )
    connection.execute(sql.SQL("create table {} ({})").format(sql.Identifier(LOADING_SCHEMA, name), definitions))


def _type_of(mart: str, column: str, kind: str) -> str:
    if kind.startswith("DECIMAL("):
        return kind.replace("DECIMAL", "numeric")
    if kind not in POSTGRES_TYPES:
        raise PostgresError(
            f"Column {column} of mart {mart} has the type {kind}, which cannot be written to PostgreSQL. "
            "Cast it to a plain type in the model, for example to varchar."
        )
    return POSTGRES_TYPES[kind]


def _copy_parquet(connection: Connection, name: str, columns: dict[str, str], parquet: Path) -> int:
    """Send a Parquet file as COPY, in pieces: the memory needed does not depend on its size. Returns the rows."""
    target = sql.Identifier(LOADING_SCHEMA, name)
    # Empty text stays apart from NULL, because NULL has a text of its own. PostgreSQL's text has no place for chr(0).
    selected = ", ".join(
        f"replace({quote_name(column)}, chr(0), '')" if kind == "VARCHAR" else quote_name(column)
        for column, kind in columns.items()
    )
    query = f"select {selected} from read_parquet({quote_literal(parquet)})"
    statement = sql.SQL("copy {} from stdin (format csv, null {})").format(target, sql.Literal(NULL_TEXT))
    cursor = connection.cursor()
    with cursor.copy(statement) as copy, _as_csv(query) as pieces:
        for piece in pieces:
            copy.write(piece)
    return cursor.rowcount


@contextmanager
def _as_csv(query: str) -> Iterator[Iterator[bytes]]:
    """The rows of a query in pieces of CSV. DuckDB writes into a pipe, which stops it when nobody reads on.

    An error of DuckDB is raised when the last piece was read, so that an incomplete answer is never taken for a whole.
    """
    read_end, write_end = os.pipe()

    def write() -> None:
        try:
            with duckdb.connect() as connection:
                connection.execute("set TimeZone = 'UTC'")
                connection.execute(
                    f"copy ({query}) to '/dev/fd/{write_end}' "
                    f"(format csv, header false, nullstr {quote_literal(NULL_TEXT)}, use_tmp_file false)"
                )
        finally:
            os.close(write_end)

    with ThreadPoolExecutor(1) as executor:
        written = executor.submit(write)
        with os.fdopen(read_end, "rb", buffering=0) as stream:
            yield iter(lambda: stream.read(BYTES_AT_A_TIME), b"")
            try:
                written.result()
            except duckdb.Error as error:
                raise PostgresError(f"A file of the release could not be read: {error}") from error


def _read_comments(marts_file: Path) -> dict[str, dict[str | None, str]]:
    """The words of a release, by mart and column; those for the mart itself under None."""
    comments: dict[str, dict[str | None, str]] = {}
    with duckdb.connect(str(marts_file), read_only=True) as connection:
        for mart, column, comment in connection.execute(
            "select table_name, null, comment from duckdb_tables() where comment is not null "
            "union all "
            "select table_name, column_name, comment from duckdb_columns() where comment is not null"
        ).fetchall():
            comments.setdefault(mart, {})[column] = comment
    return comments


def _comment(connection: Connection, mart: str, comments: dict[str | None, str]) -> None:
    for column, comment in comments.items():
        if column is None:
            target = sql.SQL("table {}").format(sql.Identifier(LOADING_SCHEMA, mart))
        else:
            target = sql.SQL("column {}").format(sql.Identifier(LOADING_SCHEMA, mart, column))
        connection.execute(sql.SQL("comment on {} is {}").format(target, sql.Literal(comment)))


def _index(connection: Connection, mart: str, key: list[str]) -> list[str]:
    """An index on the key. One text of thousands of characters in it must not stop a release: then a warning."""
    if not key:
        return []
    table, columns = sql.Identifier(LOADING_SCHEMA, mart), sql.SQL(", ").join(map(sql.Identifier, key))
    try:
        with connection.transaction():
            connection.execute(sql.SQL("create index on {} ({})").format(table, columns))
    except errors.ProgramLimitExceeded:
        return [f"PostgreSQL: mart {mart} has no index, because a value of its key is too long for one."]
    return []


def _note_release(connection: Connection, release: Release) -> None:
    table = sql.Identifier(LOADING_SCHEMA, RELEASE_TABLE)
    connection.execute(
        sql.SQL(
            "create table {} (release_id text not null, run_id text not null, definition_version text not null, "
            "built_at timestamptz not null, written_at timestamptz not null)"
        ).format(table)
    )
    connection.execute(sql.SQL("comment on table {} is 'The release that this schema holds. One row.'").format(table))
    details = release.details
    connection.execute(
        sql.SQL("insert into {} values (%s, %s, %s, %s, now())").format(table),
        [release.release_id, details["run_id"], details["definition_version"], details["built_at"]],
    )


def _grant(connection: Connection) -> None:
    role = sql.Identifier(READER_ROLE)
    if connection.execute("select 1 from pg_roles where rolname = %s", [READER_ROLE]).fetchone() is None:
        connection.execute(sql.SQL("create role {} nologin").format(role))
    schema = sql.Identifier(LOADING_SCHEMA)
    connection.execute(sql.SQL("grant usage on schema {} to {}").format(schema, role))
    connection.execute(sql.SQL("grant select on all tables in schema {} to {}").format(schema, role))


def _switch(connection: Connection) -> None:
    rename = sql.SQL("alter schema {} rename to {}")
    if _is_there(connection, SCHEMA):
        connection.execute(rename.format(sql.Identifier(SCHEMA), sql.Identifier(SCHEMA_BEFORE)))
    connection.execute(rename.format(sql.Identifier(LOADING_SCHEMA), sql.Identifier(SCHEMA)))


def _drop_before(connection: Connection) -> list[str]:
    """Drop the release before when its last reader has gone; a warning where that takes too long."""
    if not _is_there(connection, SCHEMA_BEFORE):
        return []
    try:
        with connection.transaction():
            connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{SECONDS_TO_DROP}s")))
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(SCHEMA_BEFORE)))
    except errors.LockNotAvailable:
        warning = (
            f"PostgreSQL: a reader still holds tables of the release before, so the schema {SCHEMA_BEFORE} stays "
            "until the next run. Readers already see the new release."
        )
        return [warning]
    return []


def _require_dropped(connection: Connection) -> None:
    if _drop_before(connection):
        raise PostgresError(
            f"A reader still holds tables of an earlier release, in the schema {SCHEMA_BEFORE}, so nothing was "
            "written. pg_stat_activity shows who it is. End that session, then start the job again."
        )
