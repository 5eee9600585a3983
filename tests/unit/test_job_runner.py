"""How a run ended: skipped steps are never green, failed checks are named, mistakes come without a traceback."""

import sqlite3
from collections.abc import Iterator

import dagster as dg
import pytest

from dagster_project import job_runner
from dagster_project.defs.progress import CONSOLE_CONFIG, console
from dagster_project.job_runner import close_killed_runs, run_job
from dagster_project.run_lock import WriterLockError
from dagster_project.run_outcome import JobOutcome, describe_outcome
from dagster_project.settings import Settings


def outcome_of(*definitions: object, resources: dict | None = None) -> JobOutcome:
    assets = [definition for definition in definitions if not isinstance(definition, dg.AssetChecksDefinition)]
    checks = [definition for definition in definitions if isinstance(definition, dg.AssetChecksDefinition)]
    job = dg.define_asset_job("job", selection=dg.AssetSelection.all(), config=CONSOLE_CONFIG)
    all_definitions = dg.Definitions(
        assets=assets, asset_checks=checks, jobs=[job], resources=resources or {}, loggers={"console": console}
    )
    return describe_outcome(all_definitions.resolve_job_def("job").execute_in_process(raise_on_error=False))


@dg.asset
def table() -> None:
    """A table."""


@dg.asset(deps=[table])
def dependent() -> None:
    """What is built from it."""


def check_of_table(*, passed: bool, severity: dg.AssetCheckSeverity) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=table, name="expectations", blocking=True)
    def check() -> dg.AssetCheckResult:
        metadata = {
            "summary": "unique: each order once. 3 of 9 rows",
            "report": dg.MetadataValue.path("/reports/x.html"),
        }
        return dg.AssetCheckResult(passed=passed, severity=severity, metadata=metadata)

    return check


def test_a_good_run_has_no_problems() -> None:
    outcome = outcome_of(table, dependent, check_of_table(passed=True, severity=dg.AssetCheckSeverity.ERROR))
    assert (outcome.problems, outcome.warnings) == ([], [])


def test_a_failed_critical_check_is_named_with_its_counts_and_report() -> None:
    outcome = outcome_of(table, dependent, check_of_table(passed=False, severity=dg.AssetCheckSeverity.ERROR))
    assert outcome.problems[0] == (
        "Check 'expectations' on table:\n  unique: each order once. 3 of 9 rows\n  details: /reports/x.html"
    )
    assert outcome.problems[1] == "Not run because of that: dependent."
    assert len(outcome.problems) == 2


def test_a_warning_does_not_stop_the_run() -> None:
    outcome = outcome_of(table, dependent, check_of_table(passed=False, severity=dg.AssetCheckSeverity.WARN))
    assert outcome.problems == []
    assert "3 of 9 rows" in outcome.warnings[0]


def test_a_run_in_which_something_was_skipped_is_not_green() -> None:
    @dg.asset(output_required=False)
    def silent() -> Iterator[dg.Output]:
        yield from ()

    @dg.asset
    def after(silent: None) -> None:
        """Never run, since `silent` gave nothing; Dagster calls this run a success."""

    assert outcome_of(silent, after).problems == ["Not run because of that: after."]


def test_a_users_mistake_is_its_message_alone() -> None:
    @dg.asset
    def failing() -> None:
        raise dg.Failure(description="The file orders.csv is empty.")

    assert outcome_of(failing).problems == ["Step failing: The file orders.csv is empty."]


def test_an_error_while_the_run_is_opened_is_its_message_alone() -> None:
    @dg.resource
    def session(_context: dg.InitResourceContext) -> Iterator[None]:
        raise WriterLockError("Another run is writing.")
        yield

    @dg.asset(required_resource_keys={"session"})
    def needs_it() -> None:
        """Never runs."""

    assert outcome_of(needs_it, resources={"session": session}).problems == ["Another run is writing."]


def test_the_console_shows_the_messages_of_steps_and_nothing_else(capsys) -> None:
    @dg.asset
    def talking(context: dg.AssetExecutionContext) -> None:
        context.log.info("orders.csv: 3 rows")

    outcome_of(talking)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == ["orders.csv: 3 rows"]


def test_a_run_that_was_killed_no_longer_seems_to_go_on() -> None:
    """Dagster's queue lets one run at a time begin, and would wait for it for ever."""
    with dg.DagsterInstance.ephemeral() as instance:
        killed = instance.create_run_for_job(dg.Definitions(assets=[table]).resolve_implicit_global_asset_job_def())
        own = instance.create_run_for_job(dg.Definitions(assets=[table]).resolve_implicit_global_asset_job_def())
        for run in (killed, own):
            instance.handle_run_event(run.run_id, started(run))
        close_killed_runs(instance, own.run_id)
        assert instance.get_run_by_id(killed.run_id).status == dg.DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(own.run_id).status == dg.DagsterRunStatus.STARTED


def started(run: dg.DagsterRun) -> dg.DagsterEvent:
    return dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_START.value, job_name=run.job_name)


def test_a_history_that_cannot_be_written_ends_the_run_in_plain_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(job_runner, "prepare_dagster_home", full)
    (problem,) = run_job(settings, "daily_refresh", print).problems
    assert "database or disk is full" in problem
    assert "MB are free there" in problem


def test_another_error_keeps_its_traceback(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(job_runner, "prepare_dagster_home", broken)
    with pytest.raises(KeyError):
        run_job(settings, "daily_refresh", print)
