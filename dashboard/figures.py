"""The figures that pages show, read from the marts of one release.

Belongs here: questions to the release and their answers as tables; plain functions that know neither Streamlit nor
languages. Does not belong here: definitions of figures (docs/metrics.md, `dbt/models/marts`), how they are drawn.

Every function takes the folder of a release, so its answer never changes and may be kept as long as wanted.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dashboard.release import columns_of, mart, query, quote_name

GRAINS = ("week", "month", "quarter", "year")
EVERYBODY = "all"
METHODS = ("historic", "retention_form", "lifespan_form", "profit_form")
CUSTOMER_STEPS = {
    "customers_at_start": 0,
    "new_customers": 1,
    "reactivated_customers": 1,
    "lost_customers": -1,
    "customers_at_end": 0,
}
REVENUE_STEPS = {
    "revenue_at_start": 0,
    "new_revenue": 1,
    "expansion_revenue": 1,
    "reactivation_revenue": 1,
    "contraction_revenue": -1,
    "churned_revenue": -1,
    "revenue_at_end": 0,
}
DISTRIBUTION_BARS = 30


@dataclass(frozen=True)
class Selection:
    """What the reader has chosen; `periods_shown` is None for all of them."""

    grain: str
    definition: str
    segment_type: str
    segment_value: str
    period_start: dt.date
    periods_shown: int | None = None


@dataclass(frozen=True)
class Metric:
    """A figure of a mart: its column, and the numerator and denominator it is made of (SQL over the mart's columns).

    `kind` is rate (a fraction), amount (reporting currency), score (-100 to 100) or number. `survey_metric` is set for
    figures of surveys, which are cut by survey and touchpoint.
    """

    name: str
    mart: str
    value: str
    numerator: str
    denominator: str
    kind: str = "rate"
    lower: str = "null"
    upper: str = "null"
    has_definition: bool = False
    survey_metric: str | None = None


def _of_customers(name: str, mart_name: str, value: str, numerator: str, denominator: str, **more: str) -> Metric:
    return Metric(name, mart_name, value, numerator, denominator, has_definition=True, **more)


def _of_orders(name: str, value: str, numerator: str, denominator: str, kind: str) -> Metric:
    return Metric(name, "order_value_by_period", value, numerator, denominator, kind)


def _of_surveys(name: str, value: str, numerator: str, survey_metric: str, **more: str) -> Metric:
    denominator = more.pop("denominator", "valid_answer_count")
    return Metric(name, "csat_by_period", value, numerator, denominator, survey_metric=survey_metric, **more)


STRICT = "retention_rate_excl_reactivated"
METRICS = {
    metric.name: metric
    for metric in (
        _of_customers(
            "retention",
            "retention_by_period",
            "retention_rate",
            "customers_at_end - new_customers",
            "customers_at_start",
        ),
        _of_customers(
            "retention_strict",
            "retention_by_period",
            STRICT,
            "retained_customers",
            "customers_at_start",
            lower=f"{STRICT}_lower",
            upper=f"{STRICT}_upper",
        ),
        _of_customers(
            "churn",
            "churn_by_period",
            "churn_rate",
            "lost_customers",
            "customers_at_start",
            lower="churn_rate_lower",
            upper="churn_rate_upper",
        ),
        _of_customers(
            "new_customer_churn",
            "churn_by_period",
            "new_customer_churn_rate",
            "lost_new_customers",
            "new_customers_at_start",
        ),
        _of_customers(
            "gross_revenue_churn",
            "churn_by_period",
            "gross_revenue_churn_rate",
            "churned_revenue + contraction_revenue",
            "revenue_at_start",
        ),
        _of_customers(
            "net_revenue_churn",
            "churn_by_period",
            "net_revenue_churn_rate",
            "churned_revenue + contraction_revenue - expansion_revenue - reactivation_revenue",
            "revenue_at_start",
        ),
        _of_customers(
            "net_revenue_retention",
            "churn_by_period",
            "net_revenue_retention_rate",
            "revenue_at_start - churned_revenue - contraction_revenue + expansion_revenue",
            "revenue_at_start",
        ),
        Metric(
            "value_to_date",
            "retention_by_cohort",
            "cumulative_net_amount / nullif(cohort_size, 0)",
            "cumulative_net_amount",
            "cohort_size",
            "amount",
        ),
        _of_orders("aov", "aov_net", "net_amount", "valued_order_count", "amount"),
        _of_orders(
            "aov_after_refunds", "aov_net_after_refunds", "net_amount_after_refunds", "valued_order_count", "amount"
        ),
        _of_orders(
            "purchase_frequency", "purchase_frequency", "order_count - anonymous_order_count", "buyer_count", "number"
        ),
        _of_orders("repeat_purchase_rate", "repeat_purchase_rate", "repeat_buyer_count", "buyer_count", "rate"),
        _of_surveys("csat", "csat", "positive_answer_count", "csat", lower="csat_lower", upper="csat_upper"),
        _of_surveys("nps", "nps", "positive_answer_count - detractor_count", "nps", kind="score"),
        _of_surveys("ces", "ces", "positive_answer_count", "ces"),
        _of_surveys("response_rate", "response_rate", "valid_answer_count", "csat", denominator="invited_count"),
    )
}
# The mart's status is about customers at start, orders of known value or answers. Figures over something else, or
# without a status, are judged by their own denominator.
OWN_BASE = ("new_customer_churn", "value_to_date", "purchase_frequency", "repeat_purchase_rate", "response_rate")


def periods(folder: Path, grain: str) -> pd.DataFrame:
    """The periods of a grain as in dim_period, oldest first."""
    return query(
        folder,
        "select period_start::date as period_start, period_end::date as period_end, period_label, is_complete, "
        f"is_final, as_of_date from {mart(folder, 'dim_period')} where period_grain = $grain order by period_start",
        {"grain": grain},
    )


def definitions(folder: Path) -> pd.DataFrame:
    """The activity definitions of the release (name): windows from short to long, then the others."""
    return query(
        folder,
        f"select distinct activity_definition as name from {mart(folder, 'retention_by_period')} "
        "order by try_cast(replace(name, 'window_', '') as integer) nulls last, name",
    )


def segments(folder: Path) -> pd.DataFrame:
    """Every segment_type and segment_value; 'all' comes first."""
    return query(
        folder,
        "select distinct segment_type, segment_value "
        f"from {mart(folder, 'retention_by_period')} where period_grain = 'year' "
        "order by segment_type != 'all', segment_type, segment_value",
    )


def series(
    folder: Path,
    name: str,
    selection: Selection,
    small_base_limit: int,
    survey_id: str = EVERYBODY,
    touchpoint: str = EVERYBODY,
) -> pd.DataFrame:
    """A figure in every period of the selection's grain, oldest first, whatever the selection's period.

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
        parameters |= {"metric": metric.survey_metric, "survey_id": survey_id, "touchpoint": touchpoint}
    sql = f"""
        with figures as (
            select period_start::date as period_start, {_measures(metric, small_base_limit)}
            from {_source(folder, metric)} where {" and ".join(conditions)}
        ),
        calendar as (
            select period_start::date as period_start, period_label, is_complete, is_final
            from {mart(folder, "dim_period")} where period_grain = $grain
        ),
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
    """A figure in the selection's period for every value of its segment type; columns as in `series`."""
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
        select segment_value, {_measures(metric, small_base_limit)}
        from {_source(folder, metric)} where {" and ".join(conditions)}
        order by segment_value
    """
    return query(folder, sql, parameters)


def by_touchpoint(folder: Path, name: str, selection: Selection, small_base_limit: int, survey_id: str) -> pd.DataFrame:
    """A figure of surveys in the selection's period for every touchpoint; columns as in `series`."""
    metric = METRICS[name]
    sql = f"""
        select touchpoint, {_measures(metric, small_base_limit)}
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


def movements(folder: Path, steps: dict[str, int], selection: Selection) -> pd.DataFrame:
    """The bridge of a period from start to end: step, amount (as in the mart), and the bar's start and end.

    `steps` names columns of retention_by_period or churn_by_period, each with 1 (adds), -1 (takes) or 0 (a level).
    """
    name = "retention_by_period" if "customers_at_end" in steps else "churn_by_period"
    found = query(
        folder,
        f"select {', '.join(steps)} from {mart(folder, name)} where {_of_customer_period()}",
        _customer_period(selection),
    )
    rows, level = [], 0.0
    for step, sign in steps.items() if len(found) else ():
        amount = float(found[step].iloc[0])
        start, level = (0.0, amount) if sign == 0 else (level, level + sign * amount)
        rows.append({"step": step, "amount": amount, "sign": sign, "start": start, "end": level})
    return pd.DataFrame(rows, columns=["step", "amount", "sign", "start", "end"])


def churn_reasons(folder: Path, selection: Selection) -> pd.DataFrame:
    """Lost customers of a period by reason: reason, count, share, denominator."""
    return query(
        folder,
        "select close_reason as reason, lost_customers as count, share_of_lost_rate as share, "
        f"all_lost_customers as denominator from {mart(folder, 'churn_reasons_by_period')} "
        f"where {_of_customer_period()} order by count desc, reason",
        _customer_period(selection),
    )


def cohorts(folder: Path, selection: Selection) -> pd.DataFrame:
    """Cohorts of the selection's grain and segment, the newest `periods_shown` up to the selection's period.

    Columns: cohort_start, cohort (its label), index, cohort_size, active, retention_rate, per_customer, is_open.
    """
    sql = f"""
        with calendar as (
            select period_start::date as cohort_start, period_label as cohort
            from {mart(folder, "dim_period")}
            where period_grain = $grain and period_start <= $period_start
            order by period_start desc limit {_limit(selection)}
        )
        select
            cohort_start, cohort, period_index as index, cohort_size, active_customers as active, retention_rate,
            cumulative_net_amount_per_customer as per_customer, is_open
        from (
            select * replace (cohort_start::date as cohort_start) from {mart(folder, "retention_by_cohort")}
            where cohort_grain = $grain and segment_type = $segment_type and segment_value = $segment_value
        ) inner join calendar using (cohort_start)
        where cohort_size > 0
        order by cohort_start, index
    """
    return query(
        folder,
        sql,
        {
            "grain": selection.grain,
            "period_start": selection.period_start,
            "segment_type": selection.segment_type,
            "segment_value": selection.segment_value,
        },
    )


def lifetime_values(folder: Path, segment_type: str, segment_value: str) -> pd.DataFrame:
    """Each method over today's customers of a segment: method, count, total, mean, p10, median, p90.

    Only customers with a figure; quantiles are approximate (t-digest), so that millions of customers take no time.
    """
    return query(
        folder,
        f"""
        select
            clv_method as method, count(*) as count, sum(clv_amount) as total,
            sum(clv_amount) / count(*) as mean, approx_quantile(clv_amount, 0.1) as p10,
            approx_quantile(clv_amount, 0.5) as median, approx_quantile(clv_amount, 0.9) as p90
        from {_customers(folder, segment_type)} where clv_status = 'ok' {_of_segment(segment_type)}
        group by clv_method order by list_position({list(METHODS)}, clv_method)
        """,
        _segment(segment_type, segment_value),
    )


def lifetime_value_distribution(folder: Path, method: str, segment_type: str, segment_value: str) -> pd.DataFrame:
    """How many customers have how much by one method: from, to, count; the outermost bars hold all beyond."""
    customers = _customers(folder, segment_type)
    condition = f"clv_status = 'ok' and clv_method = $method {_of_segment(segment_type)}"
    return query(
        folder,
        f"""
        with edges as (
            select
                approx_quantile(clv_amount, 0.01)::double as low,
                greatest(approx_quantile(clv_amount, 0.98), approx_quantile(clv_amount, 0.01) + 1)::double as high
            from {customers} where {condition}
        ),
        counted as (
            select
                least(greatest(floor((clv_amount - low) / (high - low) * {DISTRIBUTION_BARS}), 0),
                    {DISTRIBUTION_BARS - 1})::integer as bar,
                count(*) as count
            from {customers}, edges where {condition} group by bar
        )
        select
            low + bar * (high - low) / {DISTRIBUTION_BARS} as "from",
            low + (bar + 1) * (high - low) / {DISTRIBUTION_BARS} as "to", count
        from counted, edges order by bar
        """,
        {"method": method, **_segment(segment_type, segment_value)},
    )


def lifetime_value_gaps(folder: Path, segment_type: str, segment_value: str) -> pd.DataFrame:
    """Why customers have no figure: method, status, count, share of all customers of the segment."""
    return query(
        folder,
        f"""
        select method, status, count, share from (
            select
                clv_method as method, clv_status as status, count(*) as count,
                count(*) / sum(count(*)) over (partition by clv_method) as share
            from {_customers(folder, segment_type)} where true {_of_segment(segment_type)}
            group by clv_method, clv_status
        )
        where status != 'ok' order by list_position({list(METHODS)}, method), count desc, status
        """,
        _segment(segment_type, segment_value),
    )


def orders(folder: Path, selection: Selection) -> pd.DataFrame:
    """Orders in every period of the grain, oldest first: counts and amounts of order_value_by_period."""
    return query(
        folder,
        f"""
        select
            period_start::date as period_start, period_label, order_count as orders,
            valued_order_count as valued_orders, buyer_count as buyers, net_amount,
            refund_amount_by_order_date as refunds, net_amount_after_refunds as after_refunds,
            orders.is_complete, orders.is_final, rate_status as certainty
        from {mart(folder, "order_value_by_period")} as orders
        inner join {mart(folder, "dim_period")} as calendar using (period_grain, period_start)
        where period_grain = $grain and segment_type = $segment_type and segment_value = $segment_value
        order by period_start
        """,
        {
            "grain": selection.grain,
            "segment_type": selection.segment_type,
            "segment_value": selection.segment_value,
        },
    )


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


def restatements(folder: Path, limit: int = 1000) -> pd.DataFrame:
    """Final figures that have changed, the newest change first: metric, period, segment, before, after, cause."""
    return query(
        folder,
        f"""
        select
            metric, coalesce(period_label, period_start::varchar) as period,
            segment_type, segment_value, value_before as before, value_after as after, cause, restated_at
        from {mart(folder, "metric_restatements")} as changes left join {mart(folder, "dim_period")} as calendar
        using (period_grain, period_start)
        order by restated_at desc, metric, period, segment_type, segment_value limit {int(limit)}
        """,
    )


def latest(frame: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """The periods of a series that charts show: the newest `periods_shown` up to the selection's and what came after.

    Periods after the chosen one stay, so that a choice in the past is seen in its surroundings.
    """
    if selection.periods_shown is None:
        return frame
    starts = pd.to_datetime(frame["period_start"])
    before = frame[starts <= pd.Timestamp(selection.period_start)].tail(selection.periods_shown)
    after = frame[starts > pd.Timestamp(selection.period_start)].head(max(selection.periods_shown // 4, 1))
    return pd.concat([before, after])


def at(frame: pd.DataFrame, selection: Selection) -> pd.Series | None:
    """The row of the selection's period, or None when the figure does not reach it."""
    found = frame[pd.to_datetime(frame["period_start"]) == pd.Timestamp(selection.period_start)]
    return found.iloc[0] if len(found) else None


def _measures(metric: Metric, small_base_limit: int) -> str:
    limit = int(small_base_limit)
    own = f"""case when coalesce({metric.denominator}, 0) <= 0 then 'no_base'
        when {metric.denominator} < {limit} then 'small_base' else 'ok' end"""
    status = own if metric.name in OWN_BASE else f"case when {metric.value} is null then 'no_base' else rate_status end"
    return f"""
        ({metric.value})::double as value, ({metric.numerator})::double as numerator,
        ({metric.denominator})::double as denominator, ({metric.lower})::double as lower,
        ({metric.upper})::double as upper, {status} as certainty
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


def _of_customer_period() -> str:
    return (
        "period_grain = $grain and period_start = $period_start and activity_definition = $definition "
        "and segment_type = $segment_type and segment_value = $segment_value"
    )


def _customer_period(selection: Selection) -> dict[str, object]:
    return {
        "grain": selection.grain,
        "period_start": selection.period_start,
        "definition": selection.definition,
        "segment_type": selection.segment_type,
        "segment_value": selection.segment_value,
    }


def _limit(selection: Selection) -> str:
    return "all" if selection.periods_shown is None else str(int(selection.periods_shown))


def _customers(folder: Path, segment_type: str) -> str:
    values = mart(folder, "customer_lifetime_value")
    if segment_type == EVERYBODY:
        return values
    if segment_type not in columns_of(folder, "dim_customer"):
        # A segment type that customers no longer have: nobody is in it.
        return f"(select *, null::varchar as segment_now from {values})"
    return f"""(
        select clv.*, segments.segment_now from {values} as clv inner join (
            select customer_id, coalesce({quote_name(segment_type)}, 'unknown') as segment_now
            from {mart(folder, "dim_customer")}
        ) as segments using (customer_id)
    )"""


def _of_segment(segment_type: str) -> str:
    return "" if segment_type == EVERYBODY else "and segment_now = $segment_value"


def _segment(segment_type: str, segment_value: str) -> dict[str, object]:
    return {} if segment_type == EVERYBODY else {"segment_value": segment_value}
