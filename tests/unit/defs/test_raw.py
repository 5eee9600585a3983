"""The load step: when nothing is to be built, and that warnings of loader and replay are told and kept."""

import logging
from types import SimpleNamespace

import dagster as dg
import pytest

from dagster_project.defs import raw
from dagster_project.defs.raw import load_step
from dagster_project.loading.mapping import load_config
from dagster_project.loading.results import LoadResult
from dagster_project.publishing.inputs import BuildInputs
from tests.unit.loading.conftest import Home

NOW = BuildInputs("shop", data_version="2", definition_version="1", load_sequence=7)
EARLIER = BuildInputs("shop", data_version="1", definition_version="1", load_sequence=6)


@pytest.mark.parametrize(
    ("published", "built", "unchanged"),
    [
        pytest.param(NOW, NOW, True, id="published and built"),
        pytest.param(EARLIER, NOW, False, id="built and not published"),
        pytest.param(NOW, None, False, id="published by another engine, or the warehouse was deleted"),
        pytest.param(NOW, EARLIER, False, id="published, and the warehouse put back from a copy"),
        pytest.param(None, None, False, id="nothing at all"),
    ],
)
def test_unchanged_is_what_readers_see_and_the_warehouse_holds(
    monkeypatch: pytest.MonkeyPatch, published: BuildInputs | None, built: BuildInputs | None, *, unchanged: bool
) -> None:
    release = None if published is None else SimpleNamespace(inputs=published)
    monkeypatch.setattr(raw, "current_release", lambda _settings: release)
    session = SimpleNamespace(
        settings=SimpleNamespace(restate_from=None),
        must_rebuild=False,
        describe_inputs=lambda: NOW,
        read_complete_build=lambda: built,
    )
    assert raw._is_unchanged(session, LoadResult()) == unchanged


def test_warnings_of_load_and_replay_are_told_and_kept(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.put("orders.csv", "order_id,ordered_at,status\n1,never,paid\n")
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: 'orders.csv'}\n")
    home.load()
    home.map("name: shop\nsources:\n  - {name: others, feed: orders, files: 'others*.csv'}\n")
    monkeypatch.setattr("dagster_project.defs.raw.erase_from_sources", lambda *_: [])
    session = SimpleNamespace(
        settings=home.settings,
        config=load_config(home.settings.extracts_config),
        customer_to_erase=None,
        must_replay=True,
        must_rebuild=True,
        is_unchanged=False,
        warnings=[],
        read_ledger=list,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([load_step()], instance=instance, resources={"session": session})
        logs = instance.all_logs(result.run_id)
    told = [entry.user_message for entry in logs if entry.level == logging.WARNING]
    assert told == session.warnings
    assert [warning.split(" ")[0] for warning in told] == ["No", "orders.csv:"]
