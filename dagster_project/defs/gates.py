"""The gates between the layers: Great Expectations suites as blocking checks, one check a table.

Belongs here: turning the results of a gate into Dagster checks. Does not belong here: the expectations
(`expectations/`) and how they are run (`quality`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.defs.layers import layer_of, read_manifest
from dagster_project.defs.run_report import renew_report
from dagster_project.defs.session import RunSession, failures_explained
from dagster_project.loading.contracts import load_feeds
from dagster_project.quality.gates import run_gate
from dagster_project.quality.results import CheckResult, SuiteResult
from dagster_project.quality.scope import Refreshed
from dagster_project.settings import load_settings

CHECK_NAME = "expectations"
# Failing rows told with a check; the page of the check has more.
ROWS_SHOWN = 3
STAGES = ("raw", "staging", "intermediate", "marts")


def definitions() -> dg.Definitions:
    """One gate a stage."""
    manifest = read_manifest(load_settings())
    refreshed = refreshed_tables(manifest)
    return dg.Definitions(asset_checks=[gate(stage, gated_tables(manifest, stage), refreshed) for stage in STAGES])


def gated_tables(manifest: dict[str, Any], stage: str) -> list[str]:
    """The tables of a stage, as `schema.table`.

    Without seeds, the marts about the build, and the lists of what a refresh concerns, which no figure is made of.
    """
    if stage == "raw":
        return [f"raw.{feed}" for feed in load_feeds()]
    return sorted(
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and layer_of(node) == node["schema"] == stage
    )


def gate_keys(manifest: dict[str, Any], stage: str) -> list[dg.AssetCheckKey]:
    """The checks of a gate, for selecting them in a job."""
    return [dg.AssetCheckKey(dg.AssetKey(table.split(".")), CHECK_NAME) for table in gated_tables(manifest, stage)]


def refreshed_tables(manifest: dict[str, Any]) -> frozenset[str]:
    """The tables, as `schema.table`, of which a refresh replaces rows."""
    return frozenset(
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"].get("incremental_strategy") == "replace_rows"
    )


def gate(stage: str, tables: list[str], can_be_refreshed: frozenset[str] = frozenset()) -> dg.AssetChecksDefinition:
    """The step that checks all tables of a stage; nothing downstream is built when a critical expectation fails.

    Of the tables that `can_be_refreshed` it looks, after a refresh, at the rows that came, where that is enough.
    """
    specs = [
        dg.AssetCheckSpec(
            name=CHECK_NAME,
            asset=table.split("."),
            description=f"What is expected of {table}, as Great Expectations suite.",
            blocking=True,
        )
        for table in tables
    ]

    @dg.multi_asset_check(name=f"gate_{stage}", specs=specs, can_subset=True)
    def check(
        context: dg.AssetCheckExecutionContext, session: dg.ResourceParam[RunSession]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = [spec for spec in specs if spec.key in context.selected_asset_check_keys]
        # The raw gate always runs: extracts that stopped coming are a finding, although nothing has changed.
        if session.is_unchanged and stage != "raw":
            context.log.info(f"Gate {stage}: unchanged.")
            yield from (_passed(spec, "unchanged") for spec in wanted)
            return
        with failures_explained():
            _refuse_foreign_build(session, stage)
            tables_wanted = [".".join(spec.asset_key.path) for spec in wanted]
            suites = {
                suite.table: suite
                for suite in run_gate(
                    session.settings,
                    session.config.name,
                    stage,
                    session.run_id,
                    tables_wanted,
                    session.config.sources,
                    session.describe_inputs(),
                    _refreshed(session, stage, can_be_refreshed),
                )
            }
        renew_report(context.log, session)
        context.log.info(_summary(stage, list(suites.values())))
        for spec in wanted:
            suite = suites.get(".".join(spec.asset_key.path))
            yield _as_check_result(spec, suite, session.settings.warehouse_home) if suite else _passed(spec, "no suite")

    return check


def _refreshed(session: RunSession, stage: str, tables: frozenset[str]) -> Refreshed | None:
    """What this run has brought up to date; None where it built from nothing, restated or did not build the stage."""
    is_addition = session.refresh is not None and session.refresh.restate_from is None
    if not is_addition or session.built_before is None or stage not in session.layers_built:
        return None
    return Refreshed(session.built_before, tables)


def _refuse_foreign_build(session: RunSession, stage: str) -> None:
    """A gate over a build of another run needs that build to be whole and made of the extracts as they are loaded."""
    if stage != "raw" and stage not in session.layers_built:
        session.require_complete_build()


def _passed(spec: dg.AssetCheckSpec, summary: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=spec.asset_key, check_name=spec.name, passed=True, metadata={"summary": summary}
    )


def _as_check_result(spec: dg.AssetCheckSpec, suite: SuiteResult, warehouse_home: Path) -> dg.AssetCheckResult:
    critical = suite.critical_failures
    not_passed = [result for result in suite.results if result.status != "passed"]
    samples = {result.rule: result.sample for result in not_passed if result.sample}
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=not not_passed,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        metadata={
            "summary": "\n".join(_line(result) for result in not_passed) or "passed",
            # By name only: alerts tell these to people who may not see rows.
            "rules_broken": ", ".join(f"{result.rule} ({result.severity})" for result in not_passed) or "none",
            "rules_checked": len(suite.results),
            "rules_failed": len(not_passed),
            "rows_checked": max((result.rows_checked for result in suite.results), default=0),
            "rows_failed": sum(result.rows_failed for result in not_passed),
            "sample": dg.MetadataValue.json(samples),
            "report": dg.MetadataValue.path(warehouse_home / suite.report_link),
        },
    )


def _line(result: CheckResult) -> str:
    if result.status == "error":
        return f"[{result.severity}] {result.rule}: the check itself could not be run. {result.observed}"
    counts = f"{result.rows_failed:,} of {result.rows_checked:,}"
    found = "" if result.observed == counts else f" Found: {result.observed}"
    rows = ["; ".join(f"{name}: {value}" for name, value in row.items()) for row in result.sample[:ROWS_SHOWN]]
    line = f"[{result.severity}] {result.rule}: {result.description} ({counts}){found}"
    return "\n".join([line, *(f"    {row}" for row in rows)])


def _summary(stage: str, suites: list[SuiteResult]) -> str:
    rules = sum(len(suite.results) for suite in suites)
    critical = sum(len(suite.critical_failures) for suite in suites)
    warnings = sum(len(suite.warnings) for suite in suites)
    outcome = f"{critical} critical failures, {warnings} warnings"
    return f"Gate {stage}: {rules} expectations on {len(suites)} tables, {outcome}."
