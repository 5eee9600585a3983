"""When a build may be a refresh: only if it must give what a rebuild gives."""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dagster_project.publishing.inputs import BuildInputs, describe_inputs
from dagster_project.transforming.refreshing import Refresh, choose_refresh


@dataclass(frozen=True)
class Entry:
    batch_id: str
    load_sequence: int
    feed: str = "orders"
    status: str = "loaded"
    is_snapshot: bool = False
    replayed_from: str | None = None
    loaded_at: str = "2026-03-01T04:00:00"


FIRST = (Entry("a", 1), Entry("b", 2))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dbt").mkdir()
    (tmp_path / "dbt" / "dbt_project.yml").write_text("name: x")
    return tmp_path / "dbt"


def inputs(project: Path, ledger: tuple[Entry, ...]) -> BuildInputs:
    return describe_inputs("shop", {}, ledger, project)


def chosen(project: Path, *later: Entry, before: tuple[Entry, ...] = FIRST) -> Refresh | None:
    ledger = (*before, *later)
    return choose_refresh(inputs(project, FIRST), inputs(project, ledger), ledger)


def test_what_came_since_is_added(project: Path) -> None:
    assert chosen(project, Entry("c", 5), Entry("d", 6, feed="fx_rates")) == Refresh(2)
    assert chosen(project, Entry("x", 5, status="refused")) == Refresh(2)
    assert chosen(project) == Refresh(2)


def test_a_day_to_restate_from_goes_with_it(project: Path) -> None:
    now = inputs(project, FIRST)
    assert choose_refresh(now, now, FIRST, dt.date(2026, 1, 1)) == Refresh(2, dt.date(2026, 1, 1))


def test_without_a_whole_build_or_with_other_definitions_all_is_built(project: Path) -> None:
    now = inputs(project, FIRST)
    assert choose_refresh(None, now, FIRST) is None
    assert choose_refresh(replace(now, definition_version="other"), now, FIRST) is None
    assert choose_refresh(replace(now, dataset="other"), now, FIRST) is None


def test_a_batch_that_is_gone_or_was_written_anew_is_no_addition(project: Path) -> None:
    assert chosen(project, Entry("c", 5), before=FIRST[:1]) is None
    assert chosen(project, before=(FIRST[0], Entry("other", 2))) is None
    assert chosen(project, before=(FIRST[0], replace(FIRST[1], loaded_at="2026-03-02T04:00:00"))) is None


def test_replayed_rows_and_full_dumps_are_no_addition(project: Path) -> None:
    assert chosen(project, Entry("c", 5, replayed_from="a")) is None
    assert chosen(project, Entry("c", 5, is_snapshot=True)) is None
    # Every version of the CRM is kept, so a new dump takes nothing away.
    assert chosen(project, Entry("c", 5, feed="crm_customers", is_snapshot=True)) == Refresh(2)
