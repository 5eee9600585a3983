"""What a run of Dagster's tells the stewards' pages, from a job of two small steps."""

from types import SimpleNamespace

import dagster as dg
import pytest

from dagster_project.defs.run_report import reported
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.quality.runs import RunRecord, read_records
from dagster_project.settings import Settings


def run_steps(settings: Settings, error: BaseException | None = None) -> dg.ExecuteInProcessResult:
    """Run the steps `load` and `gate_raw`; the second raises the error."""

    @dg.resource
    def session(context: dg.InitResourceContext):
        config = ExtractsConfig("shop", {}, [])
        facts = {"run_id": context.run.run_id, "is_unchanged": False, "warnings": ["No file matches '*.csv'."]}
        opened = SimpleNamespace(settings=settings, config=config, **facts)
        with reported(context, opened):
            yield opened

    @dg.op(required_resource_keys={"session"})
    def load() -> None: ...

    @dg.op(required_resource_keys={"session"}, ins={"before": dg.In(dg.Nothing)})
    def gate_raw() -> None:
        if error is not None:
            raise error

    @dg.op(required_resource_keys={"session"}, ins={"before": dg.In(dg.Nothing)})
    def build_staging() -> None: ...

    @dg.job(resource_defs={"session": session}, executor_def=dg.in_process_executor)
    def daily_refresh():
        build_staging(before=gate_raw(before=load()))

    with dg.DagsterInstance.ephemeral() as instance:
        return daily_refresh.execute_in_process(instance=instance, raise_on_error=False)


def record_of(settings: Settings, result: dg.ExecuteInProcessResult) -> RunRecord:
    (record,) = read_records(settings, "shop")
    assert record.run_id == result.run_id
    assert (settings.reports_dir / "shop" / "runs" / f"{record.run_id}.html").is_file()
    return record


def test_a_run_that_ends_well(settings: Settings) -> None:
    result = run_steps(settings)
    record = record_of(settings, result)
    assert (record.job, record.outcome, record.problems) == ("daily_refresh", "green", [])
    assert record.warnings == ["No file matches '*.csv'."]
    assert record.steps == {"load": True, "gate_raw": True, "build_staging": True}
    assert record.seconds >= 0


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (dg.Failure(description="Mend 'this'."), "Step gate_raw: Mend 'this'."),
        (ValueError("no date: 'Ann Example'\nLINE 1"), "Step gate_raw: no date: '…'"),
    ],
    ids=["of ours, told whole", "not foreseen, told without values"],
)
def test_a_run_that_fails(settings: Settings, error: Exception, problem: str) -> None:
    record = record_of(settings, run_steps(settings, error))
    assert (record.outcome, record.problems) == ("red", [problem])
    assert record.steps == {"load": True, "gate_raw": False}


def test_a_run_that_is_interrupted_was_broken_off(settings: Settings) -> None:
    record = record_of(settings, run_steps(settings, KeyboardInterrupt()))
    assert (record.outcome, record.steps, record.problems) == ("broken off", {"load": True}, [])


def test_pages_that_cannot_be_written_do_not_fail_the_run(settings: Settings) -> None:
    settings.reports_dir.write_text("a file where the folder should be")
    assert run_steps(settings).success
