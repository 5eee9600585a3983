"""A figure of the catalogue over periods, over segments, over touchpoints.

Belongs here: questions that are the same for every figure of `metrics`. Does not belong here: questions to one mart
alone, which have a module of their topic.
"""

from pathlib import Path

import pandas as pd

from dashboard.figures.choices import EVERYBODY, Selection
from dashboard.figures.metrics import METRICS, Metric
from dashboard.release import mart, query


def series(
    folder: Path,
    name: str,
    selection: Selection,
    small_base_limit: int,
    survey_id: str = EVERYBODY,
) -> pd.DataFrame:
    """A figure in every period of the selection's grain, oldest first, whatever the selection's period.

    Of surveys that of all touchpoints together.

    Columns: period_start, period_label, value, numerator, denominator, lower, upper, previous, last_year, certainty
    (ok, small_base, no_base), is_complete, is_final. Last year is 52 weeks before for weeks.
    """
    metric = METRICS[name]
    conditions = ["period_grain = $grain", "segment_type = $segment_type", "segment_value = $segment_value"]
    parameters: dict[str, object] = {
        "grain": selection.grain,
        "segment_type": selection.segment_type,
        "segment_value": selection.segment_value,
    }
    if metric.has_definition:
        conditions.append("activity_definition = $definition")
        parameters["definition"] = selection.definition
    if metric.survey_metric:
        conditions += ["metric = $metric", "survey_id = $survey_id", "touchpoint = $touchpoint"]
        parameters |= {"metric": metric.survey_metric, "survey_id": survey_id, "touchpoint": EVERYBODY}
    sql = f"""
        with figures as (
            select period_start::date as period_start, {_measures(metric, small_base_limit)}
            from {_source(folder, metric)} where {" and ".join(conditions)}
        ),
        calendar as ({_calendar(folder)}),
        dense as (
            select
                *,
                lag(value) over (order by period_start) as previous,
                lag(value, 52) over (order by period_start) as weeks_before
            from calendar left join figures using (period_start)
        )
        select
            this.* exclude (weeks_before, certainty),
            coalesce(this.certainty, 'no_base') as certainty,
            case when $grain = 'week' then this.weeks_before else year_before.value end as last_year
        from dense as this
        left join dense as year_before on year_before.period_start = (this.period_start - interval 1 year)::date
        order by this.period_start
    """
    return query(folder, sql, parameters)


def by_segment(folder: Path, name: str, selection: Selection, small_base_limit: int) -> pd.DataFrame:
    """A figure in the selection's period for every value of its segment type.

    Columns: segment_value, and value, numerator, denominator, lower, upper, certainty, is_complete, is_final as in
    `series`.
    """
    metric = METRICS[name]
    parameters: dict[str, object] = {
        "grain": selection.grain,
        "segment_type": selection.segment_type,
        "period_start": selection.period_start,
    }
    conditions = ["period_grain = $grain", "segment_type = $segment_type", "period_start = $period_start"]
    if metric.has_definition:
        conditions.append("activity_definition = $definition")
        parameters["definition"] = selection.definition
    sql = f"""
        with figures as (
            select period_start::date as period_start, segment_value, {_measures(metric, small_base_limit)}
            from {_source(folder, metric)} where {" and ".join(conditions)}
        ),
        calendar as ({_calendar(folder)})
        select figures.* exclude (period_start), is_complete, is_final
        from figures inner join calendar using (period_start)
        order by segment_value
    """
    return query(folder, sql, parameters)


def by_touchpoint(folder: Path, name: str, selection: Selection, small_base_limit: int, survey_id: str) -> pd.DataFrame:
    """A figure of surveys in the selection's period for every touchpoint; columns as in `by_segment`."""
    metric = METRICS[name]
    sql = f"""
        select touchpoint, {_measures(metric, small_base_limit)}, is_complete, is_final
        from {_source(folder, metric)}
        where
            period_grain = $grain and period_start = $period_start and metric = $metric and survey_id = $survey_id
            and segment_type = $segment_type and segment_value = $segment_value
        order by touchpoint != 'all', touchpoint
    """
    return query(
        folder,
        sql,
        {
            "grain": selection.grain,
            "period_start": selection.period_start,
            "metric": metric.survey_metric,
            "survey_id": survey_id,
            "segment_type": selection.segment_type,
            "segment_value": selection.segment_value,
        },
    )


def surveys(folder: Path) -> pd.DataFrame:
    """The surveys of the release, survey_id 'all' first; none without answers."""
    return query(
        folder,
        f"select distinct survey_id from {mart(folder, 'csat_by_period')} where period_grain = 'year' "
        "and segment_type = 'all' order by survey_id != 'all', survey_id",
    )


def _calendar(folder: Path) -> str:
    return f"""
        select period_start::date as period_start, period_label, is_complete, is_final
        from {mart(folder, "dim_period")} where period_grain = $grain
    """


def _measures(metric: Metric, small_base_limit: int) -> str:
    limit = int(small_base_limit)
    own = f"""case when coalesce({metric.denominator}, 0) <= 0 then 'no_base'
        when {metric.denominator} < {limit} then 'small_base' else 'ok' end"""
    return f"""
        ({metric.value})::double as value, ({metric.numerator})::double as numerator,
        ({metric.denominator})::double as denominator, ({metric.lower})::double as lower,
        ({metric.upper})::double as upper, {metric.status or own} as certainty
    """


def _source(folder: Path, metric: Metric) -> str:
    if metric.mart != "retention_by_cohort":
        return mart(folder, metric.mart)
    # All cohorts together at the end of a period: what everybody who had ever bought had brought in by then.
    return f"""(
        select
            cohort_grain as period_grain, period_start, segment_type, segment_value,
            sum(cumulative_net_amount) as cumulative_net_amount, sum(cohort_size) as cohort_size
        from {mart(folder, "retention_by_cohort")} group by all
    )"""
