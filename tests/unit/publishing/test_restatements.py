"""Restatements: only final figures that readers have seen, each change once, whatever is run again or goes wrong."""

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.ledger import LedgerEntry
from dagster_project.publishing.content import MartDescription
from dagster_project.publishing.inputs import BuildInputs
from dagster_project.publishing.releases import Release, publish_release, roll_back
from dagster_project.publishing.restatements import (
    WATCHED_MARTS,
    ensure_restatements_contract,
    note_restatements,
    restatements_dir,
)
from dagster_project.settings import Settings
from tests.unit.publishing.entries import entry

MARTS = ("dim_period", "order_value_by_period", "retention_by_cohort", "csat_by_period")


def inputs(definition: str = "v1", dataset: str = "shop") -> BuildInputs:
    return BuildInputs(dataset=dataset, data_version="d", definition_version=definition)


def ledger(newest: int) -> list[LedgerEntry]:
    return [entry(sequence, rows_read=1, rows_accepted=1) for sequence in range(1, newest + 1)]


def build(settings: Settings, january: float = 10, february: float = 20, *, oman: bool = False) -> None:
    """A warehouse in which January is final and February is not; Oman has rows of nothing or none at all."""
    settings.warehouse_path.unlink(missing_ok=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.dim_period as from (values ('month', date '2026-01-01', true), "
            "('month', date '2026-02-01', false)) as periods (period_grain, period_start, is_final)"
        )
        connection.execute(
            f"""
            create table marts.order_value_by_period as
            select 'month' as period_grain, period_start, segment_type, segment_value,
                3::bigint as order_count, amount::decimal(28, 4) as net_amount_after_refunds, 5.0 as aov_net
            from (values
                (date '2026-01-01', {january}, 'all', 'all'), (date '2026-02-01', {february}, 'all', 'all')
            ) as figures (period_start, amount, segment_type, segment_value)
            """
        )
        if oman:
            connection.execute(
                "insert into marts.order_value_by_period values ('month', '2026-01-01', 'country', 'OM', 0, 0, null)"
            )
        connection.execute(
            f"""
            create table marts.retention_by_cohort as
            select 'month' as cohort_grain, date '2025-12-01' as cohort_start, 1 as period_index, 'all' as segment_type,
                'all' as segment_value, date '2026-01-01' as period_start, {january} / 100 as retention_rate
            """
        )
        connection.execute(
            f"""
            create table marts.csat_by_period as
            select 'month' as period_grain, date '2026-01-01' as period_start, 'all' as segment_type,
                'all' as segment_value, 'nps' as metric, 'all' as survey_id, 'all' as touchpoint,
                null::double as csat, {january} + 1e-13 * random() as nps, null::double as ces
            """
        )


def publish(settings: Settings, newest_load: int = 1, build_inputs: BuildInputs | None = None) -> Release:
    marts = [MartDescription(mart) for mart in MARTS]
    return publish_release(settings, "run", build_inputs or inputs(), marts, ledger(newest_load), lambda: None)


def note(settings: Settings, newest_load: int = 1, definition: str = "v1") -> int:
    return note_restatements(settings, inputs(definition), "run-2", ledger(newest_load))


def history(settings: Settings, columns: str = "metric, round(value_before, 6), round(value_after, 6)") -> list[tuple]:
    ensure_restatements_contract(settings, "shop")
    files = restatements_dir(settings) / "shop__*.parquet"
    return duckdb.connect().sql(f"select {columns} from read_parquet('{files}') order by all").fetchall()


def test_a_final_figure_that_changed_leaves_a_row_and_an_open_one_does_not(settings: Settings) -> None:
    build(settings)
    release = publish(settings, newest_load=4)
    build(settings, january=12, february=99)
    assert note(settings, newest_load=6) == 3
    assert history(settings) == [
        ("csat_by_period.nps", 10, 12),
        ("order_value_by_period.net_amount_after_refunds", 10, 12),
        ("retention_by_cohort.retention_rate", 0.10, 0.12),
    ]
    shared = "cause, first_published_release_id, previous_release_id, run_id, load_sequence_from, load_sequence_to"
    row = ("data", release.release_id, release.release_id, "run-2", 5, 6)
    assert history(settings, shared) == [row] * 3
    assert history(settings, "cohort_start is not null, survey_metric, activity_definition") == [
        (False, "nps", None),
        (False, None, None),
        (True, None, None),
    ]


def test_nothing_was_published_so_nothing_is_restated(settings: Settings) -> None:
    build(settings)
    assert note(settings) == 0
    assert history(settings) == []


def test_last_bits_of_a_fraction_and_rows_of_nothing_are_no_change(settings: Settings) -> None:
    build(settings)
    publish(settings)
    build(settings, oman=True)
    assert note(settings) == 0
    assert history(settings) == []


def test_a_small_change_of_a_large_amount_is_a_change(settings: Settings) -> None:
    build(settings, january=2_000_000_000_000)
    publish(settings)
    build(settings, january=2_000_000_000_000 - 1500)
    assert note(settings) == 1
    assert history(settings) == [
        ("order_value_by_period.net_amount_after_refunds", 2_000_000_000_000, 1_999_999_998_500)
    ]


def test_the_same_build_again_writes_no_second_row_and_one_without_changes_takes_it_back(settings: Settings) -> None:
    build(settings)
    publish(settings)
    build(settings, january=12)
    assert note(settings) == note(settings) == 3
    assert len(history(settings)) == 3
    # That build was never published; the mistake in it was mended first.
    build(settings)
    assert note(settings) == 0
    assert history(settings) == []


def test_what_was_published_first_stays_known_through_later_changes(settings: Settings) -> None:
    build(settings)
    first = publish(settings)
    for amount, load in ((12, 2), (15, 3)):
        build(settings, january=amount)
        note(settings, newest_load=load)
        publish(settings, newest_load=load)
    columns = "first_published_value, value_before, value_after, load_sequence_from, first_published_release_id"
    files = restatements_dir(settings) / "shop__*.parquet"
    rows = (
        duckdb.connect()
        .sql(f"select {columns} from '{files}' where metric like 'order_value%' order by value_after")
        .fetchall()
    )
    assert rows == [(10, 10, 12, 2, first.release_id), (10, 12, 15, 3, first.release_id)]


def test_rolling_back_and_publishing_again_restates_nothing_twice(settings: Settings) -> None:
    build(settings)
    publish(settings)
    build(settings, january=12)
    note(settings)
    publish(settings)
    before = history(settings, "*")
    roll_back(settings)
    assert note(settings) == 0
    assert history(settings, "*") == before


def test_a_release_of_a_clock_that_was_set_back_is_not_the_newest_for_ever(settings: Settings) -> None:
    build(settings)
    of_the_future = publish(settings, newest_load=1)
    later = of_the_future.path.with_name("2999" + of_the_future.release_id[4:])
    of_the_future.path.rename(later)
    description = later / "release.json"
    description.chmod(0o644)
    description.write_text(json.dumps({**of_the_future.details, "release_id": later.name}))
    build(settings, january=12)
    newest = publish(settings, newest_load=2)
    build(settings, january=15)
    note(settings, newest_load=3)
    assert history(settings, "distinct previous_release_id") == [(newest.release_id,)]


def test_changes_stay_in_order_where_the_clock_is_set_back(settings: Settings) -> None:
    build(settings)
    of_the_future = publish(settings, newest_load=1)
    description = of_the_future.path / "release.json"
    description.chmod(0o644)
    description.write_text(json.dumps({**of_the_future.details, "built_at": "2999-01-01T04:00:00+04:00"}))
    for amount, load in ((12, 2), (15, 3)):
        build(settings, january=amount)
        note_restatements(settings, replace(inputs(), load_sequence=load), "run", ledger(load))
        publish(settings, newest_load=load)
    assert history(settings, "distinct load_sequence_to, restated_at::varchar, first_published_at < restated_at") == [
        (2, "2999-01-01 00:00:01", True),
        (3, "2999-01-01 00:00:02", True),
    ]


def test_periods_that_are_gone_in_one_release_and_back_in_the_next_leave_a_row_each_time(settings: Settings) -> None:
    """Weeks that began on another day for a while, say; what is final for the first time leaves none."""
    build(settings)
    first = publish(settings)
    build(settings)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        for mart in MARTS:
            connection.execute(f"update marts.{mart} set period_start = period_start + 14")
    assert note(settings, definition="v2") == 5
    publish(settings, newest_load=2, build_inputs=inputs("v2"))
    build(settings, january=12)
    assert note_restatements(settings, replace(inputs("v1"), load_sequence=2), "run-3", ledger(2)) == 5 + 5
    columns = "metric, day(period_start), value_before, value_after, first_published_value, first_published_release_id"
    rows = history(settings, columns)
    assert [row[2:] for row in rows if row[:2] == ("order_value_by_period.net_amount_after_refunds", 1)] == [
        (10, None, 10, first.release_id),
        (None, 12, 10, first.release_id),
    ]


def test_a_lake_that_was_put_back_from_a_copy_is_compared_with_what_came_of_its_own_loads(settings: Settings) -> None:
    """Load 9 went with the disk; the files of the copy's load 2 and the new load 3 are what readers see from now on."""
    build(settings)
    publish(settings, newest_load=2)
    build(settings, january=12)
    publish(settings, newest_load=9)
    build(settings, january=15)
    since = publish(settings, newest_load=3)
    build(settings, january=16)
    note_restatements(settings, replace(inputs(), load_sequence=4), "run-3", ledger(4))
    assert history(settings, "distinct previous_release_id") == [(since.release_id,)]


def test_a_changed_definition_is_named_as_the_cause(settings: Settings) -> None:
    build(settings)
    publish(settings)
    build(settings, january=12)
    note(settings, definition="v2")
    assert history(settings, "distinct cause, load_sequence_from, load_sequence_to") == [("definition", None, None)]


def test_datasets_of_one_home_are_kept_apart(settings: Settings) -> None:
    build(settings)
    publish(settings, build_inputs=inputs(dataset="kiosk"))
    build(settings, january=12)
    assert note(settings) == 0
    assert note_restatements(settings, inputs(dataset="kiosk"), "run-2", []) == 3
    assert history(settings) == []


def test_a_file_is_whole_or_not_there(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    build(settings)
    publish(settings)
    build(settings, january=12)

    def fail(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="power cut"):
        note(settings)
    assert [path for path in restatements_dir(settings).rglob("*") if path.is_file()] == []


def test_watched_figures_are_columns_of_the_marts() -> None:
    for mart in WATCHED_MARTS:
        assert {"period_grain", "period_start", "segment_type", "segment_value"} <= set(mart.key)
        assert mart.rates
