"""Reading the result files as `marts.data_quality` does."""

import duckdb

from dagster_project.quality.history import COLUMNS, ResultRow, results_dir
from dagster_project.settings import Settings


def latest_run_results(settings: Settings, dataset: str) -> list[ResultRow]:
    """All results of the run that was checked last, whatever the engine; empty when nothing was checked yet."""
    if not any(results_dir(settings).glob(f"{dataset}__*.parquet")):
        return []
    names = ", ".join(name for name, _ in COLUMNS)
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"with results as (select {names} from read_parquet(?)) "
            "select * from results where run_id = (select arg_max(run_id, checked_at) from results) "
            "order by dataset, rule, engine",
            [str(results_dir(settings) / f"{dataset}__*.parquet")],
        ).fetchall()
    return [ResultRow(*row) for row in rows]
