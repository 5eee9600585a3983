"""Every rule of the lake, of every feed, on a delivery that breaks it (what each is about: `quality/test_raw_gate`)."""

import pytest

from dagster_project.loading.contracts import load_feeds
from dagster_project.quality.gates import suites_of
from dagster_project.quality.raw_lake import FILES, FRESHNESS

SUITES = {suite.table.removeprefix("raw."): suite for suite in suites_of("raw")}
GOOD_FILE = {
    "source_name": "'s'",
    "status": "'loaded'",
    "rows_read": "100",
    "rows_accepted": "100",
    "rows_quarantined": "0",
    "rows_replayed": "0",
    "rows_in_lake": "100",
    "rows_in_quarantine": "0",
    "loaded_at": "timestamp '2026-02-01'",
    "watermark": "timestamp '2026-01-31'",
    "is_replay": "false",
    "is_current": "true",
}


@pytest.fixture(params=SUITES)
def lake(connection, request):
    """One good row in six good files of a feed."""
    feed = load_feeds()[request.param]
    columns = ", ".join(f"{column.name} {column.sql_type}" for column in feed.columns.values())
    connection.execute(f"create table raw.{feed.name} ({columns}, _source_file varchar, _source_row bigint)")
    values = {"integer": "1", "date": "date '2026-01-31'", "timestamp": "timestamp '2026-01-31'"}
    names = ", ".join(feed.key)
    connection.execute(
        f"insert into raw.{feed.name} ({names}) select "
        + ", ".join(values.get(feed.columns[name].type, "'x'") for name in feed.key)
    )
    for table, shape in {"files": FILES, "freshness": FRESHNESS}.items():
        connection.execute(
            f"create table facts.{table} ({', '.join(f'{name} {kind}' for name, kind in shape.items())})"
        )
    for sequence in range(1, 7):
        add_file(connection, feed.name, f"{sequence}.csv", load_sequence=f"{sequence}")
    return feed


def add_file(connection, feed, name, **changes):
    facts = GOOD_FILE | {"feed": f"'{feed}'", "source_file": f"'{name}'", "batch_id": f"'{name}'"} | changes
    connection.execute(f"insert into facts.files ({', '.join(facts)}) select {', '.join(facts.values())}")


def failed(results):
    return {rule for rule, result in results.items() if result.status == "failed"}


def test_every_rule_is_broken_by_a_bad_delivery(connection, check, lake):
    suite = SUITES[lake.name]
    assert failed(check(suite)) == set()
    later = {"loaded_at": "timestamp '2026-02-02'"}
    add_file(connection, lake.name, "refused.csv", status="'refused'", load_sequence="7")
    # Of its rows more than a tenth wait, and some are nowhere; more than usually come.
    in_quarantine = {"rows_read": "1000", "rows_quarantined": "500", "rows_in_quarantine": "500"}
    add_file(connection, lake.name, "broken.csv", load_sequence="8", **later, **in_quarantine)
    add_file(connection, lake.name, "empty.csv", load_sequence="9", rows_read="0", rows_accepted="0", rows_in_lake="0")
    add_file(connection, "another_feed", "newer.csv", watermark="timestamp '2026-03-01'")
    connection.execute(f"insert into facts.freshness (feed, source_name, is_late) values ('{lake.name}', 's', true)")
    if lake.name == "orders":
        connection.execute("update raw.orders set status = 'storniert'")
    connection.execute(f"insert into raw.{lake.name} (_source_row) values (1)")
    rules = {expectation.meta["rule"] for expectation in suite.expectations}
    assert failed(check(suite)) == rules - {"table_not_empty"}
    connection.execute(f"truncate raw.{lake.name}")
    assert ("table_not_empty" in failed(check(suite))) is (lake.name == "orders")
