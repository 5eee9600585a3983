"""Releases in a real PostgreSQL server: the same content, switched in one step, read-only, and no password told."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg import errors, sql

from dagster_project.publishing import postgres
from dagster_project.publishing.content import MartDescription
from dagster_project.publishing.inputs import BuildInputs
from dagster_project.publishing.postgres import PostgresError, require_nothing_left, write_release
from dagster_project.publishing.releases import Release, publish_release
from dagster_project.settings import Settings, load_settings
from tests.postgres_server import new_database, postgres_server

INPUTS = BuildInputs(dataset="sample", data_version="d1", definition_version="v1")
EVERY_TYPE = """
    select * from (values
        (1, 'plain', true, date '2026-02-28', timestamp '2026-01-02 03:04:05.000006', 0.1::double + 0.2,
         12.3400::decimal(28, 4), 7::hugeint, 'é ö ع ف 漢', 'x'),
        (2, '', false, date '0900-01-01', timestamp '1999-12-31 23:59:59', 1e300::double,
         -0.0001::decimal(28, 4), (-9)::hugeint, E'a "quote", a\\nnew line', '\\N'),
        (3, null, null, null, null, null, null, null, E'back\\\\slash \\\\. tab\\t', null),
        (9007199254740993, ' spaces ', true, date '9999-12-31', timestamp '2026-06-01 00:00:00', '-inf'::double,
         0::decimal(28, 4), 0::hugeint, ';''--', '\\.')
    ) as t(id, text_column, is_true, day, "moment_at", rate, amount, big, "sel""ect", "Group by")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as address:
        yield address


@pytest.fixture
def database(server: str) -> Iterator[str]:
    with new_database(server) as address:
        yield address


@pytest.fixture
def publish(settings: Settings) -> Callable[..., Release]:
    """Makes a release whose mart `numbers` holds one number 1,000 times, and `sums` their sum."""

    def make(number: int, **queries: str) -> Release:
        settings.warehouse_path.unlink(missing_ok=True)
        numbers = f"select {number}::bigint as number, 'c' || i as customer_id from range(1000) as t(i)"
        queries = {"numbers": numbers, "sums": f"select {number * 1000}::bigint as total", **queries}
        with duckdb.connect(str(settings.warehouse_path)) as connection:
            connection.execute("create schema marts")
            for name, query in queries.items():
                connection.execute(f'create table marts."{name}" as {query}')
        words = {"numbers": MartDescription("numbers", "It's numbers.", {"number": "The number; 100 %"}, ["number"])}
        marts = [words.get(name, MartDescription(name)) for name in queries]
        return publish_release(settings, f"run{number:05d}", INPUTS, marts, [], lambda: None)

    return make


def write(database: str, release: Release) -> list[str]:
    return write_release(database, release, lambda: None)


def ask(database: str, query: str) -> list[tuple]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def schemas(database: str) -> set[str]:
    return {name for (name,) in ask(database, "select nspname from pg_namespace where nspname like 'marts%'")}


def test_every_value_arrives_as_it_is_in_the_parquet_file(database: str, publish: Callable[..., Release]) -> None:
    release = publish(1, every_type=EVERY_TYPE, empty="select 1 as id, 'x' as text where false")
    assert write(database, release) == []
    with duckdb.connect() as connection:
        cursor = connection.execute(f"select * from '{release.path}/every_type.parquet' order by 1")
        expected, names = cursor.fetchall(), [column[0] for column in cursor.description]
    with psycopg.connect(database) as connection:
        cursor = connection.execute("select * from marts.every_type order by 1")
        assert cursor.fetchall() == expected
        assert [column.name for column in cursor.description] == names
    assert ask(database, "select count(*) from marts.empty") == [(0,)]
    types = dict(
        ask(database, "select column_name, data_type from information_schema.columns where table_name = 'every_type'")
    )
    assert types["amount"] == "numeric"
    assert types["moment_at"] == "timestamp without time zone"
    assert types["rate"] == "double precision"


CITIES = "select * from (values ('Zürich'), ('Ærø')) as t(city)"
LATIN1 = "encoding 'LATIN1' locale 'C' template template0"


@pytest.mark.parametrize("options", ["", LATIN1], ids=["utf8", "latin1"])
def test_text_is_the_same_whatever_encoding_was_set_for_clients_and_the_database(
    server: str, options: str, publish: Callable[..., Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = publish(1, cities=CITIES)
    with new_database(server, options) as database:
        monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
        assert write(psycopg.conninfo.make_conninfo(database, client_encoding="LATIN1"), release) == []
        monkeypatch.delenv("PGCLIENTENCODING")
        assert ask(database, "select city, length(city) from marts.cities") == [("Zürich", 6), ("Ærø", 3)]


def test_a_character_that_the_database_cannot_hold_is_told(server: str, publish: Callable[..., Release]) -> None:
    with new_database(server, LATIN1) as database:
        write(database, publish(1, cities=CITIES))
        with pytest.raises(PostgresError, match=r"no place for a character .*LATIN1.* ENCODING 'UTF8'"):
            write(database, publish(2, cities="select '漢' as city"))
        assert ask(database, "select city from marts.cities") == [("Zürich",), ("Ærø",)]
        assert schemas(database) == {"marts"}


def test_words_index_and_the_release_id_come_along(database: str, publish: Callable[..., Release]) -> None:
    release = publish(1)
    write(database, release)
    assert ask(database, "select obj_description('marts.numbers'::regclass)") == [("It's numbers.",)]
    assert ask(database, "select col_description('marts.numbers'::regclass, 1)") == [("The number; 100 %",)]
    ((index,),) = ask(database, "select indexdef from pg_indexes where schemaname = 'marts'")
    assert index.endswith("ON marts.numbers USING btree (number)")
    columns = "release_id, run_id, definition_version"
    assert ask(database, f"select {columns} from marts.published_release") == [(release.release_id, "run00001", "v1")]


def test_readers_in_a_loop_never_fail_and_see_whole_releases(database: str, publish: Callable[..., Release]) -> None:
    write(database, publish(1))
    stop = threading.Event()
    failed: list[str] = []
    torn: list[tuple] = []
    reads: list[int] = []

    def read(*, keeps_connection: bool) -> None:
        connection = psycopg.connect(database, autocommit=True, prepare_threshold=0)
        while not stop.is_set():
            try:
                if not keeps_connection:
                    connection.close()
                    connection = psycopg.connect(database, autocommit=True)
                before = connection.execute("select release_id from marts.published_release").fetchall()
                counts = connection.execute("select min(number), max(number), count(*) from marts.numbers").fetchone()
                joined = connection.execute(
                    "select (select sum(number) from marts.numbers), (select total from marts.sums)"
                ).fetchone()
                after = connection.execute("select release_id from marts.published_release").fetchall()
                reads.append(counts[0])
                # A statement on one mart is whole at any time; one on several when the release is the same around it.
                if counts[0] != counts[1] or counts[2] != 1000 or (before == after and joined[0] != joined[1]):
                    torn.append((counts, joined))
            except psycopg.Error as error:
                failed.append(str(error))
        connection.close()

    readers = [threading.Thread(target=read, kwargs={"keeps_connection": keeps}) for keeps in (True, True, False)]
    for reader in readers:
        reader.start()
    for number in range(2, 10):
        assert write(database, publish(number)) == []
    stop.set()
    for reader in readers:
        reader.join()
    assert failed == []
    assert torn == []
    assert len(reads) > 50
    assert len(set(reads)) > 3
    assert schemas(database) == {"marts"}


def test_the_reader_role_reads_all_and_changes_nothing(database: str, publish: Callable[..., Release]) -> None:
    write(database, publish(1))
    write(database, publish(2))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("set role marts_reader")
        tables = connection.execute("select tablename from pg_tables where schemaname = 'marts'").fetchall()
        assert len(tables) == 3
        for (table,) in tables:
            assert connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("marts", table)))
        for statement in (
            "insert into marts.sums values (1)",
            "update marts.sums set total = 0",
            "delete from marts.sums",
            "truncate marts.sums",
            "drop table marts.sums",
            "create table marts.mine (id int)",
            "alter table marts.sums rename to gone",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)


def test_nothing_of_the_release_before_is_left_for_an_erased_person(
    database: str, publish: Callable[..., Release]
) -> None:
    write(database, publish(1, people="select 'erased-person' as customer_id"))
    write(database, publish(2, people="select 'erased-4711' as customer_id"))
    require_nothing_left(database)
    query = "select n.nspname, relname from pg_class as c join pg_namespace as n on n.oid = relnamespace"
    found = ask(database, f"{query} where relname = 'people'")
    assert found == [("marts", "people")]
    assert ask(database, "select * from marts.people") == [("erased-4711",)]


def test_writing_the_same_release_again_does_nothing(database: str, publish: Callable[..., Release]) -> None:
    release = publish(1)
    write(database, release)
    before = ask(database, "select 'marts.numbers'::regclass::oid, written_at from marts.published_release")
    write(database, release)
    assert ask(database, "select 'marts.numbers'::regclass::oid, written_at from marts.published_release") == before


def test_an_earlier_release_can_be_written_again(database: str, publish: Callable[..., Release]) -> None:
    first, second = publish(1), publish(2)
    write(database, second)
    write(database, first)
    assert ask(database, "select total from marts.sums") == [(1000,)]
    assert ask(database, "select release_id from marts.published_release") == [(first.release_id,)]


def test_a_run_that_lost_the_lock_does_not_switch(database: str, publish: Callable[..., Release]) -> None:
    write(database, publish(1))

    def lost() -> None:
        raise RuntimeError("lock lost")

    with pytest.raises(RuntimeError, match="lock lost"):
        write_release(database, publish(2), lost)
    assert ask(database, "select total from marts.sums") == [(1000,)]
    assert schemas(database) == {"marts"}


def test_a_file_that_cannot_be_read_leaves_the_release_before(database: str, publish: Callable[..., Release]) -> None:
    write(database, publish(1))
    release = publish(2)
    broken = release.path / "sums.parquet"
    broken.chmod(0o644)
    broken.write_bytes(broken.read_bytes()[:20])
    with pytest.raises(PostgresError, match="could not be read"):
        write(database, release)
    assert ask(database, "select total from marts.sums") == [(1000,)]
    assert schemas(database) == {"marts"}


WRITE_AND_STOP = """
import sys, time
from pathlib import Path
from dagster_project.publishing.postgres import write_release
from dagster_project.publishing.releases import current_release
from dagster_project.settings import load_settings

def wait():
    print("before the switch", flush=True)
    time.sleep(60)

write_release(sys.argv[1], current_release(load_settings()), wait)
"""


def test_a_killed_writer_leaves_the_release_before_and_nothing_else(
    database: str, settings: Settings, publish: Callable[..., Release]
) -> None:
    write(database, publish(1))
    release = publish(2)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_STOP, database],
        env={**os.environ, "WAREHOUSE_HOME": str(settings.warehouse_home)},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "before the switch\n"
    # All is loaded, nothing is switched; a second writer is refused, and readers are not disturbed.
    with pytest.raises(PostgresError, match="Another run is writing to the same PostgreSQL database"):
        write(database, release)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert ask(database, "select total from marts.sums") == [(1000,)]
    assert schemas(database) == {"marts"}
    deadline = time.monotonic() + 20
    while ask(database, "select count(*) from pg_locks where locktype = 'advisory'") != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    write(database, release)
    assert ask(database, "select total from marts.sums") == [(2000,)]


def test_tables_that_are_still_read_wait_for_the_next_run(
    database: str, publish: Callable[..., Release], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SECONDS_TO_DROP", 1)
    write(database, publish(1))
    second, third = publish(2), publish(3)
    with psycopg.connect(database) as reader:
        reader.execute("select count(*) from marts.numbers")
        (warning,) = write(database, second)
        assert "a reader still holds tables" in warning
        assert ask(database, "select total from marts.sums") == [(2000,)]
        with pytest.raises(PostgresError, match="pg_stat_activity"):
            require_nothing_left(database)
        with pytest.raises(PostgresError, match="pg_stat_activity"):
            write(database, third)
    assert write(database, third) == []
    assert schemas(database) == {"marts"}
    require_nothing_left(database)


def test_nobody_elses_objects_are_lost(database: str, publish: Callable[..., Release]) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.somebodys as select 1 as id")
        with pytest.raises(PostgresError, match="a schema marts that this platform did not write"):
            write(database, publish(1))
        connection.execute("drop table marts.somebodys")
        write(database, publish(1))
        connection.execute("create view public.a_view as select * from marts.sums")
        with pytest.raises(PostgresError, match=r"These views read tables of the schema marts: public\.a_view"):
            write(database, publish(2))
        assert connection.execute("select total from public.a_view").fetchone() == (1000,)


def test_a_value_too_long_for_an_index_costs_the_index_only(database: str, publish: Callable[..., Release]) -> None:
    long = "select string_agg(md5(i::varchar), '') as number from range(2000) as t(i)"
    (warning,) = write(database, publish(1, numbers=long))
    assert "mart numbers has no index" in warning
    assert ask(database, "select length(number) from marts.numbers") == [(64_000,)]


def test_a_type_that_postgres_does_not_have_is_named(database: str, publish: Callable[..., Release]) -> None:
    with pytest.raises(PostgresError, match=r"Column things of mart nested has the type INTEGER\[\]"):
        write(database, publish(1, nested="select [1, 2] as things"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgresql://me:s3cr%40t@127.0.0.1:1/db", "was not written"),
        ("postgresql://me:s3cr@t@nowhere.invalid:5432/db", "was not written"),
        ("postgres//me:s3cr@t host", "cannot be read as the address"),
    ],
)
def test_no_message_tells_the_password(address: str, words: str, publish: Callable[..., Release]) -> None:
    with pytest.raises(PostgresError, match=words) as caught:
        write(address, publish(1))
    assert "s3cr" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert "s3cr" not in repr(load_settings({"PUBLISH_POSTGRES_URL": address}))


def test_a_wrong_user_without_rights_is_told_what_an_administrator_has_to_do(
    database: str, publish: Callable[..., Release]
) -> None:
    release = publish(1)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("drop role if exists marts_publisher")
        connection.execute("create role marts_publisher login")
    weak = psycopg.conninfo.make_conninfo(database, user="marts_publisher")
    with pytest.raises(PostgresError, match=r"GRANT CREATE ON DATABASE .* CREATE ROLE marts_reader NOLOGIN"):
        write(weak, release)
    # What the message asks for is enough, for the first release and for every later one.
    with psycopg.connect(database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'grant create on database "{name}" to marts_publisher')
        if not connection.execute("select 1 from pg_roles where rolname = 'marts_reader'").fetchone():
            connection.execute("create role marts_reader nologin")
    assert write(weak, release) == []
    assert write(weak, publish(2)) == []
    assert ask(database, "select total from marts.sums") == [(2000,)]
