"""Final figures that have changed since they were published: the history behind `marts.metric_restatements`.

Belongs here: comparing the marts in the warehouse with the release published last, and keeping what differs. Does not
belong here: the mart (`dbt/models/marts/metric_restatements.sql`), how a figure is computed.

One file holds what one build found different from one release, and is named for that release. Until something newer is
published every build writes that file again, so a build that was never published leaves nothing; afterwards nobody
touches it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import duckdb

from dagster_project.loading.durable import publish_file, remove_file
from dagster_project.publishing.inputs import BuildInputs
from dagster_project.publishing.releases import Release, list_releases
from dagster_project.publishing.warehouse import open_warehouse
from dagster_project.settings import Settings
from dagster_project.sql_text import quote_literal, quote_name

# What tells one figure from another; a column that the figure's mart does not have is NULL.
FIGURE_COLUMNS = {
    "metric": "VARCHAR",
    "period_grain": "VARCHAR",
    "period_start": "DATE",
    "activity_definition": "VARCHAR",
    "cohort_start": "DATE",
    "survey_metric": "VARCHAR",
    "survey_id": "VARCHAR",
    "touchpoint": "VARCHAR",
    "segment_type": "VARCHAR",
    "segment_value": "VARCHAR",
}
CHANGE_COLUMNS = {
    "cause": "VARCHAR",
    "first_published_release_id": "VARCHAR",
    "previous_release_id": "VARCHAR",
    "run_id": "VARCHAR",
    "first_published_value": "DOUBLE",
    "value_before": "DOUBLE",
    "value_after": "DOUBLE",
    "load_sequence_from": "BIGINT",
    "load_sequence_to": "BIGINT",
    "first_published_at": "TIMESTAMP",
    "restated_at": "TIMESTAMP",
}
# Rates this close, relative to their size, are the same: the last bits depend on the order of adding up. Counts and
# amounts are integers and decimals, and no two of them are.
TOLERANCE = 1e-9


class LoadedBatch(Protocol):
    """The part of a ledger entry that says which loads came after a release."""

    status: str
    load_sequence: int


@dataclass(frozen=True)
class WatchedMart:
    """The headline figures of a mart. `key` maps figure columns to the mart's own.

    `sums` are nothing where there is no row, so a row of zeros that appears is no change; `rates` are then unknown.
    """

    name: str
    key: dict[str, str]
    rates: tuple[str, ...]
    sums: tuple[str, ...] = ()


_PERIOD = {name: name for name in ("period_grain", "period_start", "segment_type", "segment_value")}
WATCHED_MARTS = (
    WatchedMart(
        "retention_by_period",
        {**_PERIOD, "activity_definition": "activity_definition"},
        rates=("retention_rate", "retention_rate_excl_reactivated"),
    ),
    WatchedMart(
        "churn_by_period",
        {**_PERIOD, "activity_definition": "activity_definition"},
        rates=("churn_rate", "gross_revenue_churn_rate", "net_revenue_churn_rate"),
    ),
    WatchedMart(
        "retention_by_cohort",
        {**_PERIOD, "period_grain": "cohort_grain", "cohort_start": "cohort_start"},
        rates=("retention_rate",),
    ),
    WatchedMart(
        "order_value_by_period",
        _PERIOD,
        rates=("aov_net",),
        sums=("order_count", "net_amount_after_refunds"),
    ),
    WatchedMart(
        "csat_by_period",
        {**_PERIOD, "survey_metric": "metric", "survey_id": "survey_id", "touchpoint": "touchpoint"},
        rates=("csat", "nps", "ces"),
    ),
)


@dataclass(frozen=True)
class Restatement:
    """The final figures that one build found different from the release before it.

    `figures` counts them by metric; `foremost` are some of them, each a row of the history: figures of
    all customers before those of segments, long periods before short ones, large relative changes before small ones.
    """

    figures: dict[str, int]
    foremost: list[dict[str, object]]


def restatements_dir(settings: Settings) -> Path:
    """The folder of the history: Parquet files of the columns above, in order."""
    return settings.warehouse_home / "restatements"


def ensure_restatements_contract(settings: Settings, dataset: str) -> Path:
    """Make sure that the file with no rows exists, so that reading the history never fails for want of files."""
    path = _contract_path(settings, dataset)
    if not path.exists():
        with duckdb.connect() as connection:
            _create_tables(connection, [])
            _write(connection, "restatements", path)
    return path


def recent_restatements(settings: Settings, dataset: str, builds: int, foremost: int) -> list[Restatement]:
    """What the last `builds` that changed a final figure have changed, newest first, with the `foremost` changes."""
    paths = sorted(restatements_dir(settings).glob(f"{dataset}__*.parquet"))
    changing = [path for path in paths if path != _contract_path(settings, dataset)]
    changes = []
    with duckdb.connect() as connection:
        for path in reversed(changing[-builds:]):
            history = f"read_parquet({quote_literal(path)})"
            figures = connection.execute(
                f"select metric, count(*) from {history} group by metric order by metric"
            ).fetchall()
            cursor = connection.execute(
                f"""
                select * from {history}
                order by
                    segment_type = 'all' desc,
                    list_position(['year', 'quarter', 'month', 'week'], period_grain),
                    abs(value_after - value_before) / greatest(abs(value_before), abs(value_after)) desc nulls last,
                    {", ".join(FIGURE_COLUMNS)}
                limit {foremost:d}
                """
            )
            names = [column[0] for column in cursor.description]
            examples = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            changes.append(Restatement(dict(figures), examples))
    return changes


def note_restatements(settings: Settings, inputs: BuildInputs, run_id: str, ledger: Iterable[LoadedBatch]) -> int:
    """Keep every final figure of the release published last that the marts in the warehouse say differently.

    The release is the newest of the dataset, also when readers were rolled back from it: its figures were published.
    Returns the number of figures; 0 when nothing of the dataset was published yet. Called when the marts are built and
    passed their gate; calling again before the next publication replaces what was kept.
    """
    releases = [one for one in list_releases(settings) if one.inputs.dataset == inputs.dataset]
    if not releases:
        return 0
    # By its loads, and only among equals by its time: a clock that was set back leaves a release of the future.
    # Where the lake was put back from a copy, releases of loads that it does not know are of another past.
    loads = {one.release_id: one.details.get("last_load_sequence", 0) for one in releases}
    known = [one for one in releases if loads[one.release_id] <= inputs.load_sequence] or releases
    release = max(known, key=lambda one: (loads[one.release_id], one.release_id))
    path = restatements_dir(settings) / f"{inputs.dataset}__{release.release_id}.parquet"
    earlier = [file for file in path.parent.glob(f"{inputs.dataset}__*.parquet") if file != path]
    with open_warehouse(settings) as connection:
        _create_tables(connection, earlier)
        _note_final_periods(connection, settings, release)
        _choose_periods(connection, release)
        for mart in WATCHED_MARTS:
            if mart.name in release.details["marts"]:
                _compare(connection, mart, release)
        (count,) = connection.execute("select count(*) from differences").fetchone()
        if count == 0:
            remove_file(path)
            return 0
        facts = _facts_of_change(release, inputs, run_id, ledger)
        _complete(connection, {**facts, "restated_at": _moment_of_change(connection, release)})
        _write(connection, "restatements", path)
    return count


def _contract_path(settings: Settings, dataset: str) -> Path:
    return restatements_dir(settings) / f"{dataset}__contract.parquet"


def _create_tables(connection: duckdb.DuckDBPyConnection, earlier: list[Path]) -> None:
    figure = ", ".join(f"{name} {kind}" for name, kind in FIGURE_COLUMNS.items())
    change = ", ".join(f"{name} {kind}" for name, kind in CHANGE_COLUMNS.items())
    connection.execute(f"create table restatements ({figure}, {change})")
    connection.execute(f"create table differences ({figure}, value_before DOUBLE, value_after DOUBLE)")
    connection.execute("create table earlier_restatements as from restatements")
    for file in earlier:
        connection.execute(f"insert into earlier_restatements by name from read_parquet({quote_literal(file)})")


def _note_final_periods(connection: duckdb.DuckDBPyConnection, settings: Settings, release: Release) -> None:
    """Remember for each period the first release in which it was final; every release is looked at once."""
    path = restatements_dir(settings) / "final_periods" / f"{release.inputs.dataset}.parquet"
    connection.execute(
        "create table final_periods "
        "(period_grain VARCHAR, period_start DATE, release_id VARCHAR, published_at TIMESTAMP)"
    )
    if path.exists():
        connection.execute(f"insert into final_periods from read_parquet({quote_literal(path)})")
    connection.execute(
        "insert into final_periods "
        "select period_grain, period_start, $release_id, $published_at::TIMESTAMPTZ::TIMESTAMP "
        f"from {_released(release, 'dim_period')} anti join final_periods using (period_grain, period_start) "
        "where is_final",
        {"release_id": release.release_id, "published_at": release.details["built_at"]},
    )
    _write(connection, "final_periods", path)


def _choose_periods(connection: duckdb.DuckDBPyConnection, release: Release) -> None:
    """The periods whose figures are compared: final in the release, or final before it, gone in it and back now.

    Weeks that begin on another day for a while go and come back.
    """
    released = _released(release, "dim_period")
    connection.execute(f"""
        create table compared_periods as
        select period_grain, period_start from {released} where is_final
        union all
        select period_grain, period_start
        from (from warehouse.marts.dim_period where is_final)
        semi join final_periods using (period_grain, period_start)
        anti join {released} using (period_grain, period_start)
    """)


def _compare(connection: duckdb.DuckDBPyConnection, mart: WatchedMart, release: Release) -> None:
    """Add the final figures of a mart that differ to `differences`. A figure that is new in the mart is no change."""
    columns = {column["name"] for column in release.details["marts"][mart.name]["columns"]}
    figures = [name for name in (*mart.rates, *mart.sums) if name in columns]
    if not figures or not columns >= set(mart.key.values()):
        return
    selected = ", ".join(
        [f"{quote_name(column)} as {name}" for name, column in mart.key.items()]
        + [quote_name(name) for name in figures]
    )
    key = ", ".join(mart.key)
    values = ", ".join(
        f"{{metric: {quote_literal(f'{mart.name}.{name}')}, value_before: published.{name}::DOUBLE, "
        f"value_after: built.{name}::DOUBLE, has_changed: {_has_changed(name, mart)}}}"
        for name in figures
    )
    connection.execute(f"""
        insert into differences by name
        with published as (select {selected} from {_released(release, mart.name)}),
        built as (select {selected} from warehouse.marts.{quote_name(mart.name)}),
        compared as (
            select {key}, unnest([{values}], recursive := true)
            from published full join built using ({key})
            semi join compared_periods using (period_grain, period_start)
        )
        select {key}, metric, value_before, value_after
        from compared
        where has_changed
    """)


def _has_changed(figure: str, mart: WatchedMart) -> str:
    """SQL: whether a figure was `published` otherwise than it was `built`, both in the types of their marts."""
    nothing = 0 if figure in mart.sums else "null"
    before, after = (f"coalesce({side}.{figure}, {nothing})" for side in ("published", "built"))
    is_close = f"abs({after} - {before}) <= {TOLERANCE} * greatest(1, abs({before}), abs({after}))"
    return (
        f"{before} is distinct from {after} "
        f"and not coalesce('DOUBLE' in (typeof({before}), typeof({after})) and {is_close}, false)"
    )


def _facts_of_change(
    release: Release, inputs: BuildInputs, run_id: str, ledger: Iterable[LoadedBatch]
) -> dict[str, object]:
    """What all rows of one file share."""
    # Releases of before this was noted do not say; then every load may have come in between.
    newest_then = release.details.get("last_load_sequence", 0)
    loads = [entry.load_sequence for entry in ledger if entry.status == "loaded" and entry.load_sequence > newest_then]
    return {
        "cause": "data" if release.inputs.definition_version == inputs.definition_version else "definition",
        "previous_release_id": release.release_id,
        "run_id": run_id,
        "load_sequence_from": min(loads, default=None),
        "load_sequence_to": max(loads, default=None),
    }


def _moment_of_change(connection: duckdb.DuckDBPyConnection, release: Release) -> datetime:
    """Now, in UTC; where the clock was set back, the next second after all that is known of: changes stay in order."""
    (latest,) = connection.execute("select max(restated_at) from earlier_restatements").fetchone()
    published_at = datetime.fromisoformat(release.details["built_at"]).astimezone(UTC).replace(tzinfo=None)
    known = max(published_at, latest) if latest else published_at
    return max(datetime.now(UTC).replace(tzinfo=None, microsecond=0), known + timedelta(seconds=1))


def _complete(connection: duckdb.DuckDBPyConnection, facts: dict[str, object]) -> None:
    """Turn `differences` into `restatements`: what was published first is known from the figure's earlier changes, or
    is the value before."""
    same_figure = " and ".join(
        f"differences.{name} is not distinct from first_changes.{name}" for name in FIGURE_COLUMNS
    )
    shared = ", ".join(f"${name}::{CHANGE_COLUMNS[name]} as {name}" for name in facts)
    connection.execute(
        f"""
        insert into restatements by name
        with first_changes as (
            select * from earlier_restatements
            qualify row_number() over (partition by {", ".join(FIGURE_COLUMNS)} order by restated_at) = 1
        )
        select
            differences.*,
            case when first_changes.metric is null then differences.value_before
                else first_changes.first_published_value end as first_published_value,
            final_periods.release_id as first_published_release_id,
            final_periods.published_at as first_published_at,
            {shared}
        from differences
        inner join final_periods using (period_grain, period_start)
        left join first_changes on {same_figure}
        """,
        facts,
    )


def _released(release: Release, mart: str) -> str:
    return f"read_parquet({quote_literal(release.path / f'{mart}.parquet')})"


def _write(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    query = f"from {table} order by all"
    publish_file(
        path, lambda temporary: connection.execute(f"copy ({query}) to {quote_literal(temporary)} (format parquet)")
    )
