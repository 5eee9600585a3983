"""The dbt layers as Dagster assets: one step a layer, so that a gate can stand between two layers.

Belongs here: which dbt node is which asset or check, and running a layer. Does not belong here: SQL, and how dbt is
called.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg

from dagster_project.clock import utc_now
from dagster_project.defs.raw import OWNER
from dagster_project.defs.session import RunSession, failures_explained
from dagster_project.loading.mapping import MappingError, load_config
from dagster_project.publishing.restatements import ensure_restatements_contract, note_restatements
from dagster_project.quality.dbt_tests import check_result
from dagster_project.quality.history import ensure_contract_file, record_results, result_rows
from dagster_project.quality.last_results import keep_last_results
from dagster_project.quality.results import SuiteResult
from dagster_project.settings import Settings, load_settings
from dagster_project.transforming.build_state import mark_build_begun, mark_build_complete
from dagster_project.transforming.catalog import count_rows, parsed_manifest
from dagster_project.transforming.dbt_runner import DbtError, DbtProject, NodeResult, ensure_manifest, run_dbt
from dagster_project.transforming.refreshing import choose_refresh
from dagster_project.transforming.test_words import describe_test

# In the order of building. What is about the build itself is a layer of its own, after the marts' gate: the results of
# all checks, and which published figures have changed.
LAYERS = ("staging", "intermediate", "marts", "quality")
QUALITY_MARTS = ("data_quality", "metric_restatements")
# Seeds are read by staging already, so they are built with it.
LAYER_OF_SCHEMA = {
    "reference": "staging",
    "staging": "staging",
    "refresh": "intermediate",
    "intermediate": "intermediate",
    "marts": "marts",
}


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """The physical address of a node or source of the manifest: `<schema>/<table>`."""
    return dg.AssetKey([node["schema"], node.get("alias") or node["identifier"]])


def asset_spec(manifest: Mapping[str, Any], node: Mapping[str, Any]) -> dg.AssetSpec:
    """A table of the dbt project in Dagster's words; the marts about the build come after all other marts."""
    if node["alias"] in QUALITY_MARTS:
        parents = [other for other in manifest["nodes"].values() if layer_of(other) == "marts"]
    else:
        tables = {**manifest["nodes"], **manifest["sources"]}
        parents = [tables[parent] for parent in node["depends_on"].get("nodes", [])]
    columns = [
        dg.TableColumn(column["name"], column["data_type"] or "?", column["description"])
        for column in node["columns"].values()
    ]
    return dg.AssetSpec(
        asset_key(node),
        deps=[asset_key(parent) for parent in parents],
        description=node["description"],
        group_name=node["schema"],
        owners=[OWNER],
        freshness_policy=freshness_policy(load_settings()) if node["schema"] == "marts" else None,
        kinds={"dbt", manifest["metadata"]["adapter_type"]},
        code_version=node["checksum"]["checksum"],
        metadata={
            "dagster/table_name": f"{node['schema']}.{node['alias']}",
            "dagster/column_schema": dg.TableSchema(columns),
            "materialized": node["config"]["materialized"],
        },
    )


def freshness_policy(settings: Settings) -> dg.FreshnessPolicy:
    """What readers see has to be looked at again in this time; a run that finds nothing new counts."""
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=settings.marts_fresh_hours))


def layer_of(node: Mapping[str, Any]) -> str | None:
    """The layer that builds a node of the manifest; None for what is not built as a table."""
    if node["resource_type"] not in ("model", "seed") or node["config"]["materialized"] == "ephemeral":
        return None
    return "quality" if node["alias"] in QUALITY_MARTS else LAYER_OF_SCHEMA.get(node["schema"])


def definitions() -> dg.Definitions:
    """One step a layer, from the parsed dbt project."""
    manifest = read_manifest(load_settings())
    return dg.Definitions(assets=[layer_step(manifest, layer) for layer in LAYERS])


def read_manifest(settings: Settings) -> dict[str, Any]:
    """The parsed dbt project; parsed anew only when it has changed.

    A mapping that cannot be read is reported by the run that needs it, so here the project's own defaults stand in for
    it.
    """
    try:
        config = load_config(settings.extracts_config)
        project = DbtProject(settings, config.name, config.variables)
    except MappingError:
        project = DbtProject(settings, "unmapped", {})
    return parsed_manifest(ensure_manifest(project))


def layer_step(manifest: dict[str, Any], layer: str) -> dg.AssetsDefinition:
    """The step that builds one layer and runs its dbt tests."""
    nodes = _nodes_in_order(manifest, layer)
    specs = {unique_id: asset_spec(manifest, node) for unique_id, node in nodes.items()}
    checks = check_specs(manifest, layer)

    @dg.multi_asset(
        specs=list(specs.values()),
        check_specs=list(checks.values()),
        name=f"build_{layer}",
        description=f"Builds the {layer} tables with dbt and runs their tests.",
        can_subset=True,
    )
    def build(
        context: dg.AssetExecutionContext, session: dg.ResourceParam[RunSession]
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        wanted = {unique_id: spec for unique_id, spec in specs.items() if spec.key in context.selected_asset_keys}
        wanted_checks = {
            unique_id: spec for unique_id, spec in checks.items() if spec.key in context.selected_asset_check_keys
        }
        if session.is_unchanged:
            context.log.info(f"{layer}: unchanged.")
            yield from _unchanged(wanted, wanted_checks)
            return
        with failures_explained():
            if layer == "quality":
                _note_restatements(session, context)
            names = [nodes[unique_id]["name"] for unique_id in wanted]
            results = _build(session, layer, names, is_whole=len(wanted) == len(specs))
            rows = count_rows(session.settings, [result.relation for result in results if _is_built(result)])
            _record_tests(session, layer, results, checks, rows)
        by_id = {result.unique_id: result for result in results}
        for unique_id, spec in wanted.items():
            if unique_id in by_id and _is_built(by_id[unique_id]):
                yield _materialized(spec, by_id[unique_id], rows)
        for unique_id, spec in wanted_checks.items():
            if unique_id in by_id:
                yield _checked(spec, by_id[unique_id])
        _raise_on_failures(layer, results, untouched=wanted.keys() - by_id.keys())
        with failures_explained():
            _note_progress(session, layer, is_whole=len(wanted) == len(specs))
        context.log.info(_summary(layer, results, is_refresh=session.refresh is not None))

    return build


def _nodes_in_order(manifest: dict[str, Any], layer: str) -> dict[str, Any]:
    """The tables of a layer, each after those it reads: the order in which Dagster wants to hear of them."""
    nodes = {unique_id: node for unique_id, node in manifest["nodes"].items() if layer_of(node) == layer}
    graph = {unique_id: nodes.keys() & set(node["depends_on"].get("nodes", [])) for unique_id, node in nodes.items()}
    return {unique_id: nodes[unique_id] for unique_id in TopologicalSorter(graph).static_order()}


def check_specs(manifest: dict[str, Any], layer: str) -> dict[str, dg.AssetCheckSpec]:
    """The dbt data tests of a layer as checks, by unique id. A test belongs to the last table that it reads."""
    checks = {}
    for unique_id, test in manifest["nodes"].items():
        if test["resource_type"] != "test":
            continue
        parents = [manifest["nodes"][parent] for parent in test["depends_on"]["nodes"] if parent in manifest["nodes"]]
        tables = sorted(
            (parent for parent in parents if layer_of(parent)),
            key=lambda node: (
                LAYERS.index(layer_of(node)),
                node["unique_id"] == test.get("attached_node"),
                node["name"],
            ),
        )
        if tables and layer_of(tables[-1]) == layer:
            checks[unique_id] = dg.AssetCheckSpec(
                name=test["name"],
                asset=asset_key(tables[-1]),
                description=describe_test(test),
                blocking=test["config"]["severity"].lower() == "error",
            )
    return checks


def _note_restatements(session: RunSession, context: dg.AssetExecutionContext) -> None:
    count = note_restatements(session.settings, session.describe_inputs(), session.run_id, session.read_ledger())
    context.log.info(f"Final figures that differ from those published last: {count:,}.")


def _build(session: RunSession, layer: str, names: list[str], *, is_whole: bool) -> list[NodeResult]:
    _choose_refresh(session, layer, is_whole=is_whole)
    ensure_contract_file(session.settings, session.config.name)
    ensure_restatements_contract(session.settings, session.config.name)
    if layer != "quality":
        mark_build_begun(session.settings)
    arguments = ["--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"]
    return run_dbt(session.dbt_project, "build", names, *arguments, refresh=session.refresh)


def _choose_refresh(session: RunSession, layer: str, *, is_whole: bool) -> None:
    """Refresh if the tables allow it and all layers take part.

    What is begun a second time is built from nothing: the first attempt may have left some tables new and some old.
    """
    if layer == LAYERS[0] and layer not in session.layers_begun and not session.must_rebuild:
        session.built_before = session.read_complete_build()
        session.refresh = choose_refresh(
            session.built_before,
            session.describe_inputs(),
            session.read_ledger(),
            session.settings.restate_from,
        )
    is_next = session.layers_begun == session.layers_built == set(LAYERS[: LAYERS.index(layer)])
    if not (is_whole and is_next):
        session.refresh = None
    session.layers_begun.add(layer)


def _note_progress(session: RunSession, layer: str, *, is_whole: bool) -> None:
    """Once this run has built every layer, the warehouse holds a whole build and may be published."""
    if is_whole:
        session.layers_built.add(layer)
    if session.layers_built >= set(LAYERS):
        inputs = session.describe_inputs()
        if inputs.definition_version != session.definition_version:
            raise DbtError(
                "Files under dbt/ or expectations/ changed while this run was building from them, so nobody can tell "
                "which of its figures follow the old ones. Nothing is published; run the job again."
            )
        mark_build_complete(session.settings, inputs.as_json())


def _record_tests(
    session: RunSession,
    layer: str,
    results: list[NodeResult],
    checks: dict[str, dg.AssetCheckSpec],
    rows: dict[str, int],
) -> None:
    """Keep the outcome of the dbt tests with that of all other checks."""
    checked_at = utc_now()
    suites: dict[str, SuiteResult] = {}
    for result in results:
        if result.unique_id not in checks or result.status == "skipped":
            continue
        spec = checks[result.unique_id]
        table = ".".join(spec.asset_key.path)
        suite = suites.setdefault(table, SuiteResult(table, table, [], report_link=""))
        suite.results.append(
            check_result(session.settings, result, spec.description or result.name, rows.get(table, 0))
        )
    step, dataset = f"dbt_{layer}", session.config.name
    kept = [row for suite in suites.values() for row in result_rows(suite, session.run_id, checked_at, engine="dbt")]
    record_results(session.settings, dataset, step, kept)
    keep_last_results(session.settings, dataset, step, session.run_id, checked_at, list(suites.values()))


def _is_built(result: NodeResult) -> bool:
    return result.resource_type in ("model", "seed") and result.is_good


def _is_acceptable(result: NodeResult) -> bool:
    return result.is_good or result.status == "warn"


def _materialized(spec: dg.AssetSpec, result: NodeResult, rows: dict[str, int]) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        asset_key=spec.key,
        metadata={
            "dagster/row_count": dg.MetadataValue.int(rows[result.relation]),
            "seconds": dg.MetadataValue.float(round(result.seconds, 2)),
        },
    )


def _checked(spec: dg.AssetCheckSpec, result: NodeResult) -> dg.AssetCheckResult:
    is_passed = result.status == "pass"
    summary = "passed" if is_passed else f"{result.name}: {result.message}"
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=is_passed,
        severity=dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN,
        metadata={"summary": summary, "rows_failed": result.rows_failed or 0},
    )


def _unchanged(
    specs: Mapping[str, dg.AssetSpec], checks: Mapping[str, dg.AssetCheckSpec]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    for spec in specs.values():
        yield dg.MaterializeResult(asset_key=spec.key, metadata={"unchanged": True})
    for spec in checks.values():
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key, check_name=spec.name, passed=True, metadata={"summary": "unchanged"}
        )


def _raise_on_failures(layer: str, results: list[NodeResult], untouched: Collection[str]) -> None:
    failed = [result for result in results if not _is_acceptable(result) and result.status != "skipped"]
    skipped = [result.name for result in results if result.status == "skipped"]
    if not failed and not skipped and not untouched:
        return
    lines = [f"{result.resource_type} {result.name}: {result.message}" for result in failed]
    if skipped:
        lines.append(f"not built or tested because of that: {', '.join(sorted(skipped))}")
    if untouched:
        lines.append(f"dbt did not touch: {', '.join(sorted(untouched))}")
    raise dg.Failure(description=f"The {layer} layer failed.\n" + "\n".join(lines), allow_retries=False)


def _summary(layer: str, results: list[NodeResult], *, is_refresh: bool) -> str:
    tables = sum(_is_built(result) for result in results)
    tests = [result for result in results if result.resource_type == "test"]
    warnings = [result.name for result in tests if result.status == "warn"]
    seconds = sum(result.seconds for result in results)
    ending = f"; warnings: {', '.join(warnings)}" if warnings else ""
    how = "brought up to date" if is_refresh else "built"
    return f"{layer}: {tables} tables {how}, {len(tests)} dbt tests run in {seconds:.1f} s{ending}."
