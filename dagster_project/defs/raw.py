"""The raw assets: what was loaded from the extract files, one asset a feed.

Belongs here: calling the loader and saying what it found. Does not belong here: how files are read (`loading`).
"""

from collections import Counter
from collections.abc import Callable, Iterator

import dagster as dg

from dagster_project.defs.session import RunSession, failures_explained
from dagster_project.erasing.erasure import begin_erasure, erase_from_sources
from dagster_project.erasing.lake import erase_comments_on_new_orders
from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.ledger import LedgerEntry
from dagster_project.loading.loader import FileResult, LoadResult, load_extracts
from dagster_project.loading.replay import replay_quarantine
from dagster_project.publishing.releases import current_release

OWNER = "team:customer-analytics"


def definitions() -> dg.Definitions:
    """The load step, with one asset for each feed of the contract."""
    return dg.Definitions(assets=[load_step()])


def load_step() -> dg.AssetsDefinition:
    """The step that loads new extract files into the lake."""
    specs = [
        dg.AssetSpec(
            key=["raw", feed.name],
            description=feed.description,
            group_name="raw",
            owners=[OWNER],
            kinds={"parquet", "duckdb"},
        )
        for feed in load_feeds().values()
    ]

    @dg.multi_asset(specs=specs, name="load", description="Loads new extract files into the raw lake.")
    def load(
        context: dg.AssetExecutionContext, session: dg.ResourceParam[RunSession]
    ) -> Iterator[dg.MaterializeResult]:
        with failures_explained():
            _erase(session, context.log.info)
            if session.customer_to_erase is None:
                result = load_extracts(session.settings, session.config, context.log.info)
                tell_warnings(session, context, result.warnings)
                erase_comments_on_new_orders(session.settings)
            else:
                # Nothing else may decide whether the person's last traces go: new files are left to the next refresh.
                result = LoadResult()
            if session.must_replay:
                replayed = replay_quarantine(session.settings, session.config, context.log.info)
                context.log.info(f"Taken out of quarantine: {sum(file.rows_accepted for file in replayed.files)} rows.")
                tell_warnings(session, context, replayed.warnings)
            session.is_unchanged = _is_unchanged(session, result)
        context.log.info(summary_of(result))
        if session.is_unchanged:
            context.log.info("Nothing has changed since the current release: unchanged, nothing is built again.")
        ledger = session.read_ledger()
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=_metadata(ledger, result, spec.key.path[-1]))

    return load


def summary_of(result: LoadResult) -> str:
    """One line: how many files and rows went where."""
    by_status = Counter(file.status for file in result.files)
    loaded = [file for file in result.files if file.status == "loaded"]
    return (
        f"Extract files: {by_status['loaded']} loaded, {by_status['unchanged']} unchanged, "
        f"{by_status['refused']} refused; new rows: {sum(file.rows_read for file in loaded):,} read, "
        f"{sum(file.rows_accepted for file in loaded):,} accepted, "
        f"{sum(file.rows_quarantined for file in loaded):,} quarantined."
    )


def tell_warnings(session: RunSession, context: dg.AssetExecutionContext, warnings: list[str]) -> None:
    """At once, and for the run's page: what comes next may fail."""
    session.warnings += warnings
    for warning in warnings:
        context.log.warning(warning)


def _erase(session: RunSession, report: Callable[[str], None]) -> None:
    """Erase the customer this run is for, and whoever an earlier run was killed at, before anything is loaded."""
    if session.customer_to_erase is not None:
        begin_erasure(session.settings, session.config, session.customer_to_erase)
    for erasure in erase_from_sources(session.settings, session.config):
        session.must_rebuild = True
        rows, records = sum(erasure.rows.values()), sum(erasure.records.values())
        report(f"Erased from the lake: {erasure.token}, {rows:,} rows, {records:,} refused records.")


def _is_unchanged(session: RunSession, result: LoadResult) -> bool:
    release = current_release(session.settings)
    return (
        not session.must_rebuild
        and session.settings.restate_from is None
        and release is not None
        and release.inputs == session.describe_inputs()
        # Of this engine: another one may have published, or somebody has deleted the warehouse to have it made anew.
        and release.inputs == session.read_complete_build()
        and all(file.status != "refused" for file in result.files)
    )


def _metadata(ledger: list[LedgerEntry], result: LoadResult, feed: str) -> dict[str, dg.MetadataValue]:
    files: list[FileResult] = result.for_feed(feed)
    entries = [entry for entry in ledger if entry.feed == feed and entry.status == "loaded"]
    loaded = [file for file in files if file.status == "loaded"]
    refused = [file.message for file in files if file.status == "refused"]
    return {
        "dagster/row_count": dg.MetadataValue.int(sum(entry.rows_accepted for entry in entries)),
        "files": dg.MetadataValue.int(len(files)),
        "files_loaded": dg.MetadataValue.int(len(loaded)),
        "rows_read": dg.MetadataValue.int(sum(file.rows_read for file in loaded)),
        "rows_accepted": dg.MetadataValue.int(sum(file.rows_accepted for file in loaded)),
        "rows_quarantined": dg.MetadataValue.int(sum(file.rows_quarantined for file in loaded)),
        "files_refused": dg.MetadataValue.text("\n".join(refused) or "none"),
        "unchanged": dg.MetadataValue.bool(not loaded),
    }
