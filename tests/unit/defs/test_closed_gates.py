"""Each gate and each failed dbt test stops a job where it stands: what comes after does not run, and it is told.

Job and steps are the real ones; dbt, the suites and the loader are not asked (`answers`).
"""

from collections.abc import Callable

import dagster as dg
import duckdb
import pytest

from dagster_project.defs import gates, layers, raw, release
from dagster_project.defs.layers import read_manifest
from dagster_project.defs.session import RunSession
from dagster_project.job_runner import JobOutcome, describe_outcome, findings_of_run
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.loading.results import LoadResult
from dagster_project.run_lock import hold_writer_lock
from dagster_project.settings import Settings, load_settings
from tests.unit.defs.answers import answering_dbt, answering_gate

STEPS = ["load", "gate_raw"]
STEPS += [f"{step}_{layer}" for layer in ("staging", "intermediate", "marts") for step in ("build", "gate")]
STEPS += ["build_quality", "published__release"]

Run = Callable[..., tuple[JobOutcome, list[str]]]


@pytest.fixture
def run(definitions: dg.Definitions, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the job; how it ended, and what an alert would tell. Publishing would fail: there is no warehouse."""
    manifest = read_manifest(load_settings())
    duckdb.connect(str(settings.warehouse_path)).close()
    monkeypatch.setattr(raw, "load_extracts", lambda *_: LoadResult())
    monkeypatch.setattr(layers, "count_rows", lambda _settings, relations: dict.fromkeys(relations, 10))
    monkeypatch.setattr(gates, "renew_report", lambda *_: None)
    monkeypatch.setattr(release, "_publish", lambda _session: pytest.fail("was published"))

    def run_job(closed: str | None = None, failed: str | None = None) -> tuple[JobOutcome, list[str]]:
        monkeypatch.setattr(gates, "run_gate", answering_gate(closed))
        monkeypatch.setattr(layers, "run_dbt", answering_dbt(manifest, failed))
        with hold_writer_lock(settings, "run", "daily_refresh") as lock, dg.DagsterInstance.ephemeral() as instance:
            config = ExtractsConfig("shop", {}, [])
            session = RunSession(settings, config, "run", lock, must_rebuild=True, must_replay=False)
            job = definitions.resolve_job_def("daily_refresh")
            result = job.execute_in_process(instance=instance, raise_on_error=False, resources={"session": session})
            return describe_outcome(result), findings_of_run(instance, result.run_id)

    return run_job


def not_run_after(step: str) -> str:
    return f"Not run because of that: {', '.join(STEPS[STEPS.index(step) + 1 :])}."


# The raw gate is closed by real jobs in tests/integration/test_broken_runs.py.
@pytest.mark.parametrize(
    "table", ["staging.stg_orders__orders", "intermediate.int_orders_valued", "marts.churn_by_period"]
)
def test_a_closed_gate_stops_the_job(run: Run, table: str) -> None:
    outcome, findings = run(closed=table)
    told, not_run = outcome.problems
    assert f"Check 'expectations' on {table}" in told
    assert "[critical] something_holds: Something holds. (2 of 10)\n      order_id: o1" in told
    assert not_run == not_run_after(f"gate_{table.partition('.')[0]}")
    assert findings == [f"Check on {table}: something_holds (critical)"]


def test_a_failed_dbt_test_stops_the_job(run: Run) -> None:
    layer, test = "intermediate", "assert_no_order_is_lost"
    outcome, findings = run(failed=test)
    check, step, not_run = outcome.problems
    assert f"{test}: Got 2 results" in check
    assert f"The {layer} layer failed.\ntest {test}: Got 2 results\nnot built or tested because of that: " in step
    assert not_run == not_run_after(f"build_{layer}")
    assert any(f"test {test}: Got 2 results" in finding for finding in findings)
    assert "ann@example.com" not in "".join([*outcome.problems, *findings])
