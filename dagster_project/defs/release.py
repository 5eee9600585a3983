"""The last asset: the release that BI tools read.

Belongs here: publishing as a Dagster step. Does not belong here: how a release is made (`publishing`).
"""

import dagster as dg

from dagster_project.defs.layers import asset_key, freshness_policy, layer_of, read_manifest
from dagster_project.defs.raw import OWNER, tell_warnings
from dagster_project.defs.session import RunSession, failures_explained
from dagster_project.erasing.erasure import finish_erasures
from dagster_project.erasing.pending import read_pending
from dagster_project.publishing.content import MartDescription
from dagster_project.publishing.releases import Release, changed_marts, current_release, publish_release
from dagster_project.settings import load_settings
from dagster_project.transforming.catalog import describe_tables
from dagster_project.transforming.dbt_runner import ensure_manifest

RELEASE_KEY = dg.AssetKey(["published", "release"])
BUILT_OTHERWISE = (
    "What is published was built before models, rules or `reporting:` of the mapping were changed, and follows those "
    "of then, as release.json says. Run the job daily_refresh to build by those of today."
)


def definitions() -> dg.Definitions:
    """The publishing step, after every mart and so after every gate."""
    nodes = read_manifest(load_settings())["nodes"].values()
    marts = [asset_key(node) for node in nodes if layer_of(node) in ("marts", "quality")]
    return dg.Definitions(assets=[release_step(marts)])


def release_step(marts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The step that publishes the marts in the warehouse."""

    @dg.asset(
        key=RELEASE_KEY,
        deps=marts,
        group_name="published",
        owners=[OWNER],
        kinds={"duckdb", "parquet"},
        freshness_policy=freshness_policy(load_settings()),
        description="What BI tools and the dashboard read: all marts of one run, switched in one step.",
    )
    def publish(context: dg.AssetExecutionContext, session: dg.ResourceParam[RunSession]) -> dg.MaterializeResult:
        current = current_release(session.settings)
        if session.is_unchanged:
            context.log.info(f"Release: unchanged, {current.release_id} is served.")
            with failures_explained():
                _write_to_postgres(session, current, context)
            return dg.MaterializeResult(metadata={"unchanged": True, "release": current.release_id})
        with failures_explained():
            release = _publish(session)
            if release.inputs.definition_version != session.definition_version:
                tell_warnings(session, context, [BUILT_OTHERWISE])
            context.log.info(f"Release: {release.release_id} is served.")
            _write_to_postgres(session, release, context)
            finished = finish_erasures(session.settings)
        for erasure in finished:
            context.log.info(f"Erasure finished: {erasure.token}; {len(erasure.releases)} older releases deleted.")
        marts_published = release.details["marts"]
        return dg.MaterializeResult(
            metadata={
                "release": release.release_id,
                "folder": dg.MetadataValue.path(release.path),
                "dagster/row_count": sum(mart["rows"] for mart in marts_published.values()),
                "changed_marts": dg.MetadataValue.text(", ".join(changed_marts(current, release)) or "none"),
            }
        )

    return publish


def _publish(session: RunSession) -> Release:
    inputs = session.require_complete_build()
    tables = describe_tables(ensure_manifest(session.dbt_project), "marts")
    return publish_release(
        session.settings,
        session.run_id,
        inputs,
        [MartDescription(table.name, table.description, table.columns, table.key) for table in tables],
        session.read_ledger(),
        session.lock.confirm,
    )


def _write_to_postgres(session: RunSession, release: Release, context: dg.AssetExecutionContext) -> None:
    """After the files: a server that is down makes the run red and takes nothing from those who read the files."""
    url = session.settings.publish_postgres_url
    if url is None:
        return
    from dagster_project.publishing.postgres import require_nothing_left, write_release

    for warning in write_release(url, release, session.lock.confirm):
        context.log.warning(warning)
    if read_pending(session.settings):
        require_nothing_left(url)
    context.log.info(f"Release: {release.release_id} is in PostgreSQL.")
