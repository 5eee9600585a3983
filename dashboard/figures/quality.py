"""What the checks of a release found, and which final figures have changed.

Belongs here: data_quality and metric_restatements. Does not belong here: files and rows of feeds, which stand in the
release's own description.
"""

from pathlib import Path

import pandas as pd

from dashboard.release import mart, query


def checks(folder: Path) -> pd.DataFrame:
    """The checks of the release's newest run: table, rule, severity, result, rows_checked, rows_failed, description."""
    return query(
        folder,
        f"""
        select
            dataset as "table", rule, severity, status as result, rows_checked, rows_failed, description
        from {mart(folder, "data_quality")}
        where run_id = (select arg_max(run_id, checked_at) from {mart(folder, "data_quality")})
        order by status = 'passed', severity, "table", rule
        """,
    )


def restatements(folder: Path, limit: int | None = None) -> pd.DataFrame:
    """Final figures that have changed, the newest changes first; all of them without `limit`, and they may be many.

    Columns: metric, period_grain, period_start, period (its label), activity_definition, cohort_start, survey_metric,
    survey_id, touchpoint, segment_type, segment_value, before, after, cause, restated_at. What the figure's mart does
    not have is nothing.
    """
    return query(
        folder,
        f"""
        select
            metric, period_grain, period_start, coalesce(period_label, period_start::varchar) as period,
            activity_definition, cohort_start, survey_metric, survey_id, touchpoint,
            segment_type, segment_value, value_before as before, value_after as after, cause, restated_at
        from {mart(folder, "metric_restatements")} as changes left join {mart(folder, "dim_period")} as calendar
        using (period_grain, period_start)
        order by
            restated_at desc, metric, period_grain, period_start, activity_definition, cohort_start, survey_metric,
            survey_id, touchpoint, segment_type, segment_value
        {"" if limit is None else f"limit {int(limit)}"}
        """,
    )


def restatement_count(folder: Path) -> pd.DataFrame:
    """How many final figures have changed, over all builds: count."""
    return query(folder, f"select count(*) as count from {mart(folder, 'metric_restatements')}")
