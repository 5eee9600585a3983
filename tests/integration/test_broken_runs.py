"""The real job on broken extracts: which check fails, what is quarantined, and what is not built or published."""

import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.run_lock import hold_writer_lock
from dagster_project.settings import PROJECT_ROOT
from tests.integration.workplace import LINE_COLUMNS, ORDER_COLUMNS, Workplace, order_rows, write_rows
from tests.servers import webhook_server
from tests.unit.quality.pages import Page, broken_links

BUILD_STEPS = "build_staging, gate_staging, build_intermediate, gate_intermediate, build_marts"


def assert_stopped_at_the_raw_gate(workplace: Workplace, before: dict, errors: str) -> None:
    """Nothing after the raw gate ran, and readers see what they saw before."""
    assert f"Not run because of that: {BUILD_STEPS}" in errors
    assert workplace.release() == before
    assert f"The release before, {before['release_id']}, is still served." in errors
    assert "Traceback" not in errors
    report = workplace.settings.reports_dir / "index.html"
    assert str(report) in errors
    page = Page(report)
    assert "broken.csv" in page.words
    assert "Stopped. 1 critical finding" in page.words or "Stopped. 2 critical findings" in page.words
    assert "Raw gate blocked" in page.words
    assert "Staging not reached Last known: passed" in page.words
    assert broken_links(page) == []


def broken(workplace: Workplace, feed: str = "orders") -> Path:
    return workplace.extracts / feed / "broken.csv"


def test_wrong_type(finished: Workplace, capsys) -> None:
    """Dates that are none, in more than a tenth of the rows: they are quarantined, and the gate closes."""
    before = finished.release()
    rows = order_rows(600, 100)
    for row in rows[:60]:
        row[2] = "yesterday"
    write_rows(broken(finished), ORDER_COLUMNS, rows)
    assert finished.run("run", "daily_refresh") == 1
    errors = capsys.readouterr().err
    assert "Check 'expectations' on raw.orders" in errors
    assert "quarantine_within_limit" in errors
    assert "source_file: orders/broken.csv; rows_read: 100; rows_in_quarantine: 60" in errors
    assert finished.quarantined("orders") == [("orders/broken.csv", ["not_a_timestamp:ordered_at"])] * 60
    assert_stopped_at_the_raw_gate(finished, before, errors)


def test_missing_column(finished: Workplace, capsys) -> None:
    before = finished.release()
    write_rows(broken(finished), ORDER_COLUMNS[:3], [row[:3] for row in order_rows(600, 5)])
    assert finished.run("run", "daily_refresh") == 1
    errors = capsys.readouterr().err
    assert "Check 'expectations' on raw.orders" in errors
    assert "orders/broken.csv was refused" in errors
    assert "lacks the column status" in errors
    assert_stopped_at_the_raw_gate(finished, before, errors)


def test_empty_file(finished: Workplace, capsys) -> None:
    before = finished.release()
    broken(finished).write_bytes(b"")
    with webhook_server() as hook:
        finished.patch.setenv("ALERT_WEBHOOK_URL", f"http://127.0.0.1:{hook.port}/S3cr3t")
        assert finished.run("run", "daily_refresh") == 1
    (alert,) = hook.messages
    assert "daily_refresh failed" in alert
    assert "- Check on raw.orders: no_file_refused (critical)" in alert
    assert before["release_id"] in alert
    errors = capsys.readouterr().err
    assert "S3cr3t" not in alert + errors
    assert "Check 'expectations' on raw.orders" in errors
    assert "orders/broken.csv was refused" in errors
    assert "it is empty" in errors
    assert_stopped_at_the_raw_gate(finished, before, errors)


def test_a_file_that_was_mended_opens_the_gate_again(finished: Workplace) -> None:
    broken(finished).write_bytes(b"")
    assert finished.run("run", "daily_refresh") == 1
    write_rows(broken(finished), ORDER_COLUMNS, order_rows(600, 5))
    assert finished.run("run", "daily_refresh") == 0
    assert finished.release()["feeds"]["orders"]["rows_accepted"] == 605


def test_duplicate_keys_and_negative_quantities(finished: Workplace, capsys) -> None:
    """Rows with a key that was there before are newer versions of it: the figures count each order once.

    Two lines of 603 are quarantined with a reason; a warning tells, the rest is published.
    """
    rows = order_rows(0, 100)
    for row in rows:
        row[3] = "cancelled"
    write_rows(broken(finished), ORDER_COLUMNS, [*rows, *rows])
    lines = [["o1", 1, "p", -1, 5], ["o3", 1, "p", -2, 5], ["o5", 1, "p", 3, 5]]
    write_rows(broken(finished, "order_lines"), LINE_COLUMNS, lines)
    assert finished.run("run", "daily_refresh") == 0
    assert finished.query(
        "select sum(order_count) from marts.order_value_by_period where period_grain = 'year' and segment_type = 'all'"
    ) == [(500,)]
    assert "Check 'expectations' on raw.order_lines" in capsys.readouterr().out
    quarantined = finished.quarantined("order_lines")
    assert [file for file, _ in quarantined] == ["order_lines/broken.csv"] * 2
    assert all("quantity" in reasons[0] for _, reasons in quarantined)
    feed = finished.release()["feeds"]["order_lines"]
    assert (feed["rows_read"], feed["rows_accepted"], feed["rows_quarantined"]) == (603, 601, 2)


def test_publishing_alone_refuses_what_was_not_built_whole(finished: Workplace, capsys) -> None:
    before = finished.release()
    (finished.settings.dbt_dir / "complete_build.json").unlink()
    assert finished.run("run", "publish_release") == 1
    assert "does not hold a whole build" in capsys.readouterr().err
    assert finished.release() == before


def test_a_second_run_is_told_who_is_writing(finished: Workplace, capsys) -> None:
    before = finished.release()
    with hold_writer_lock(finished.settings, "the-first-run", "full_rebuild"):
        assert finished.run("run", "daily_refresh") == 1
    errors = capsys.readouterr().err
    assert "Another run is writing" in errors
    assert "run the-first-run" in errors
    assert finished.release() == before


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (
            "name: shop\nsources:\n  - {name: o, feed: ordres, files: 'x/*.csv'}\n",
            ["extracts.yml:3", "ordres", "orders"],
        ),
        ("name: [", ["extracts.yml"]),
    ],
    ids=["misspelt feed", "not YAML"],
)
def test_a_mistake_in_the_mapping_is_told_without_a_traceback(new_workplace, mapping: str, words: list[str]) -> None:
    """As a user runs it: a process of its own, whose output is all there is."""
    workplace = new_workplace()
    workplace.mapping.write_text(mapping)
    answer = subprocess.run(
        [sys.executable, "-m", "dagster_project", "run", "daily_refresh"],
        env={**workplace.environment, "PATH": "/usr/bin:/bin"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "Traceback" not in answer.stdout + answer.stderr
    for word in words:
        assert word in answer.stderr
    assert not workplace.settings.warehouse_path.exists()


def test_a_folder_that_does_not_exist_is_named(new_workplace, capsys) -> None:
    workplace = new_workplace()
    workplace.extracts.rename(workplace.folder / "elsewhere")
    with webhook_server() as hook:
        workplace.patch.setenv("ALERT_WEBHOOK_URL", f"http://127.0.0.1:{hook.port}/")
        assert workplace.run("run", "daily_refresh") == 2
    assert str(workplace.extracts) in capsys.readouterr().err
    assert "it did not begin" in hook.messages[0]


def test_an_address_of_another_kind_of_database_is_told_before_any_work(new_workplace, capsys) -> None:
    workplace = new_workplace()
    workplace.patch.setenv("PUBLISH_POSTGRES_URL", "mysql://me:s3cr3t@127.0.0.1/db")
    assert workplace.run("run", "daily_refresh") == 2
    error = capsys.readouterr().err
    assert "PUBLISH_POSTGRES_URL cannot be read" in error
    assert "s3cr3t" not in error
    assert not workplace.settings.warehouse_path.exists()


def test_a_job_that_does_not_exist_is_answered_with_those_that_do(new_workplace, capsys) -> None:
    assert new_workplace().run("run", "daily_refrehs") == 2
    assert "daily_refresh" in capsys.readouterr().err
