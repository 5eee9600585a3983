"""The sensors of the daemon: who is told about a failed run, when stale data are told again, what is forgotten."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.defs.alerts import failed_runs, stale_data
from dagster_project.job_runner import STARTED_BY_TAG
from dagster_project.loading.refusals import LoadError
from dagster_project.old_runs import DAYS_TO_KEEP, forget_old_runs
from dagster_project.settings import load_settings
from tests.servers import Kept, webhook_server


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """A webhook that the environment names, and a home whose mapping expects orders every day."""
    mapping = tmp_path / "extracts.yml"
    mapping.write_text(
        "name: shop\nsources:\n  - {name: shop_orders, feed: orders, files: '*.csv', expect_every: 1 day}\n"
    )
    with webhook_server() as server:
        for name, value in {
            "WAREHOUSE_HOME": tmp_path / "home",
            "EXTRACTS_CONFIG": mapping,
            "ALERT_WEBHOOK_URL": f"http://127.0.0.1:{server.port}/",
        }.items():
            monkeypatch.setenv(name, str(value))
        yield server


@dg.op
def explained() -> None:
    raise dg.Failure(description="The extracts folder is empty.")


@dg.op
def unforeseen() -> None:
    raise LoadError("Could not convert string 'ann@example.com' to INT32")


@dg.job
def failing() -> None:
    explained()
    unforeseen()


def run_and_tell(tags: dict[str, str]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = failing.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
        event = result.filter_events(lambda event: event.event_type == dg.DagsterEventType.RUN_FAILURE)[0]
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs", dagster_event=event, dagster_instance=instance, dagster_run=result.dagster_run
        ).for_run_failure()
        failed_runs(context)


def test_a_failed_run_is_told_without_values(hook: Kept) -> None:
    run_and_tell({})
    (alert,) = hook.messages
    assert "failing failed" in alert
    assert "- Step explained: The extracts folder is empty." in alert
    assert "- Step unforeseen: LoadError" in alert
    assert "ann@example.com" not in alert


def test_a_run_of_the_command_line_is_not_told_twice(hook: Kept) -> None:
    run_and_tell({STARTED_BY_TAG: "the command line"})
    assert hook.messages == []


def test_stale_data_are_told_once_and_again_after_a_day(hook: Kept) -> None:
    def look(cursor: str | None) -> str | None:
        return stale_data(dg.build_sensor_context(cursor=cursor)).cursor

    hook.answer = 500
    assert look(None) is None
    hook.answer = 200
    told = look(None)
    assert look(told) == told
    assert len(hook.messages) == 2, "the first was not taken, so it was sent again"
    assert "shop_orders (orders) has never brought anything" in hook.messages[1]
    yesterday = {**json.loads(told), "at": json.loads(told)["at"] - 25 * 3600}
    look(json.dumps(yesterday))
    assert len(hook.messages) == 3


def test_a_mapping_that_cannot_be_read_is_left_to_the_next_run(hook: Kept) -> None:
    load_settings().extracts_config.write_text("name: [")
    assert stale_data(dg.build_sensor_context()).skip_reason
    assert hook.messages == []


def test_marts_and_release_have_a_freshness_policy(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    keys = [key for key in graph.materializable_asset_keys if key.path[0] in ("marts", "published")]
    assert len(keys) > 10
    for key in keys:
        assert graph.get(key).freshness_policy.fail_window.to_timedelta() == dt.timedelta(hours=26)


def test_old_runs_are_forgotten_with_their_output(hook: Kept) -> None:
    settings = load_settings()
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = failing.execute_in_process(instance=instance, raise_on_error=False).run_id
        output = settings.dagster_home / "storage" / run_id
        output.mkdir(parents=True)
        events = settings.dagster_home / "history" / "runs" / f"{run_id}.db"
        events.parent.mkdir(parents=True)
        events.touch()
        now = dt.datetime.now(dt.UTC)
        assert forget_old_runs(instance, settings, now + dt.timedelta(days=DAYS_TO_KEEP - 1)) == 0
        assert forget_old_runs(instance, settings, now + dt.timedelta(days=DAYS_TO_KEEP + 1)) == 1
        assert instance.get_run_by_id(run_id) is None
        assert not output.exists()
        assert not events.exists()
