"""Traces in text: what is found, what is removed, and what is left alone."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dagster_project.erasing.person import Person
from dagster_project.erasing.traces import remove_traces, trace_pattern
from dagster_project.settings import Settings


def person(*ids: str, contacts: tuple[str, ...] = ()) -> Person:
    return Person(customers=ids, orders=(), tickets=(), contacts=contacts)


@pytest.mark.parametrize(
    ("customer_id", "text", "is_found"),
    [
        ("C0012", "customer_id: C0012; rows: 3", True),
        ("C0012", "<td>C0012</td>", True),
        ("C0012", "C00123", False),
        ("C0012", "XC0012", False),
        ("O'Brien", "O&#x27;Brien", True),
        ("\u0639\u0645\u064a\u0644", json.dumps({"summary": json.dumps({"id": "\u0639\u0645\u064a\u0644"})}), True),
        ("17850001", "rows: 17850001", True),
        # A short number is found only where it is said to be a customer.
        ("17", "rows: 17", False),
        ("17", 'customer_id": "17"', True),
        ("17", "customer_id: 170", False),
    ],
)
def test_what_is_a_trace(customer_id: str, text: str, is_found: bool) -> None:  # noqa: FBT001
    pattern = trace_pattern([person(customer_id)])
    assert bool(pattern.search(text.encode())) is is_found


def test_files_with_a_trace_go_and_others_stay(settings: Settings) -> None:
    with_trace = [settings.reports_dir / "data_docs" / "x.html", settings.quality_dir / "gates" / "x.json"]
    without = [settings.reports_dir / "data_docs" / "y.html", settings.quality_dir / "results" / "x.parquet"]
    for path in [*with_trace, *without]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("C0012" if path in with_trace else "something else")
    remove_traces(settings, [person("C0012")])
    assert [path.exists() for path in with_trace] == [False, False]
    assert [path.exists() for path in without] == [True, True]


def test_the_run_history_loses_events_and_what_a_run_was_started_with_but_no_run(settings: Settings) -> None:
    settings.dagster_home.mkdir()
    path = settings.dagster_home / "runs.db"
    fill(path)
    assert b"C0012" in path.read_bytes()
    remove_traces(settings, [person("C0012", contacts=("who@example.com",))])
    assert b"C0012" not in path.read_bytes()
    assert b"who@example.com" not in path.read_bytes()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT run_id, run_body FROM runs").fetchall() == [
            ("r1", json.dumps({"run_id": "r1", "run_config": {}}))
        ]
        assert database.execute("SELECT event FROM event_logs").fetchall() == [("nothing",)]


def fill(path: Path) -> None:
    config = {"resources": {"session": {"config": {"erase_customer_id": "C0012"}}}}
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE runs (run_id TEXT, run_body TEXT)")
        database.execute("CREATE TABLE event_logs (id INTEGER, event TEXT)")
        database.execute("INSERT INTO runs VALUES ('r1', ?)", [json.dumps({"run_id": "r1", "run_config": config})])
        events = [(1, "customer_id: C0012"), (2, "mail who@example.com"), (3, "nothing")]
        database.executemany("INSERT INTO event_logs VALUES (?, ?)", events)
