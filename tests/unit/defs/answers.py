"""What dbt and the gates would answer, said by a test: so that every step can fail in a moment, without any data.

Belongs here: stand-ins for `run_dbt` and `run_gate`. Does not belong here: what follows from their answers.
"""

from collections.abc import Callable
from typing import Any

from dagster_project.clock import utc_now
from dagster_project.defs.layers import check_specs, layer_of
from dagster_project.quality.last_results import keep_last_results
from dagster_project.quality.results import CheckResult, SuiteResult
from dagster_project.settings import Settings
from dagster_project.transforming.dbt_runner import NodeResult

ROWS_FAILED = 2


def answering_gate(closed: str | None = None) -> Callable[..., list[SuiteResult]]:
    """Stands for `run_gate`: all rules hold, but of the table `closed`; results are kept as those of a gate are."""

    def run_gate(settings: Settings, dataset: str, stage: str, run_id: str, tables: list[str], *_: object) -> list:
        results = [SuiteResult(table, table, [_check(is_broken=table == closed)], report_link="") for table in tables]
        keep_last_results(settings, dataset, stage, run_id, utc_now(), results)
        return results

    return run_gate


def _check(*, is_broken: bool) -> CheckResult:
    return CheckResult(
        rule="something_holds",
        description="Something holds.",
        severity="critical",
        status="failed" if is_broken else "passed",
        rows_checked=10,
        rows_failed=ROWS_FAILED if is_broken else 0,
        observed=f"{ROWS_FAILED} of 10",
        sample=[{"order_id": "o1"}] if is_broken else [],
    )


def answering_dbt(manifest: dict[str, Any], failed: str | None = None) -> Callable[..., list[NodeResult]]:
    """Stands for `run_dbt`: every table is built and every test passes, but `failed`.

    Where it fails the last table of the layer is skipped because of that.
    """

    def run_dbt(_project: object, _command: str, names: list[str], *_: object, **__: object) -> list[NodeResult]:
        nodes = manifest["nodes"]
        built = [one for one, node in nodes.items() if layer_of(node) and node["name"] in names]
        (layer,) = {layer_of(nodes[unique_id]) for unique_id in built}
        is_bad = {unique_id: nodes[unique_id]["name"] == failed for unique_id in check_specs(manifest, layer)}
        skipped = {built[-1]} if any(is_bad.values()) else set()
        return [
            *(_node_result(nodes[one], "skipped" if one in skipped else "success") for one in built),
            *(_node_result(nodes[one], "fail" if bad else "pass", is_bad=bad) for one, bad in is_bad.items()),
        ]

    return run_dbt


def _node_result(node: dict[str, Any], status: str, *, is_bad: bool = False) -> NodeResult:
    is_test = node["resource_type"] == "test"
    return NodeResult(
        unique_id=node["unique_id"],
        name=node["name"],
        resource_type=node["resource_type"],
        relation="" if is_test else f"{node['schema']}.{node['alias']}",
        status=status,
        severity="error",
        message=f"Got {ROWS_FAILED} results" if is_bad else "",
        seconds=0.1,
        rows_failed=(ROWS_FAILED if is_bad else 0) if is_test else None,
        failing_rows_sql="select 'o1' as order_id, 'ann@example.com' as email from range(2)" if is_bad else "",
    )
