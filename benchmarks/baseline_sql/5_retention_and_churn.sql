-- 5. Movements of profiles added up to segments, for every period, and the rates.
set variable z = 1.959963984540054;
create macro wilson_half_width(successes, trials) as (
    getvariable('z') * sqrt(successes * (trials - successes) / nullif(trials, 0) + getvariable('z') ^ 2 / 4)
    / (trials + getvariable('z') ^ 2)
);
create macro wilson_lower(successes, trials) as (
    (successes + getvariable('z') ^ 2 / 2) / (trials + getvariable('z') ^ 2) - wilson_half_width(successes, trials)
);
create macro wilson_upper(successes, trials) as (
    (successes + getvariable('z') ^ 2 / 2) / (trials + getvariable('z') ^ 2) + wilson_half_width(successes, trials)
);
create macro status_of(base) as (case when base = 0 then 'no_base' when base < 30 then 'small_base' else 'ok' end);

create table segment_movements as
-- A segment has rows under a definition of activity when anybody of it was ever counted under it.
with segments as (
    select distinct segment_type, segment_value, activity_definition, grain as period_grain,
    from movements inner join segments_of_profile using (profile)
),
spine as (
    select segments.*, periods.* exclude (period_grain),
    from segments inner join periods using (period_grain)
),
added as (
    select
        segment_type, segment_value, activity_definition, grain as period_grain, period,
        sum(columns(* exclude (segment_type, segment_value, activity_definition, grain, period, profile))),
    from movements inner join segments_of_profile using (profile)
    where period >= 0
    group by segment_type, segment_value, activity_definition, grain, period
),
filled as (
    select
        spine.*,
        coalesce(columns(added.* exclude (segment_type, segment_value, activity_definition, period_grain, period)), 0),
    from spine
    left join added using (segment_type, segment_value, activity_definition, period_grain, period)
)
select
    * replace (
        at_start + sum(at_start_change) over so_far as at_start,
        revenue_at_start + sum(revenue_at_start_change) over so_far as revenue_at_start
    ),
from filled
window so_far as (
    partition by segment_type, segment_value, activity_definition, period_grain order by period
    rows between unbounded preceding and current row
);

create table retention_by_period as
with rates as (
    select
        *,
        (at_start - lost + entered - new) / nullif(at_start, 0) as retention_rate,
    from segment_movements
)
select
    period_grain, period_start, period_end, segment_type, segment_value, activity_definition,
    status_of(at_start) as rate_status,
    at_start::bigint as customers_at_start,
    (at_start - lost + entered)::bigint as customers_at_end,
    new::bigint as new_customers,
    (at_start - lost)::bigint as retained_customers,
    (entered - new)::bigint as reactivated_customers,
    lost::bigint as lost_customers,
    (joined - new)::bigint as new_and_lost_customers,
    retention_rate,
    retained_customers / nullif(customers_at_start, 0) as retention_rate_excl_reactivated,
    wilson_lower(retained_customers, customers_at_start) as retention_rate_excl_reactivated_lower,
    wilson_upper(retained_customers, customers_at_start) as retention_rate_excl_reactivated_upper,
    lag(retention_rate) over by_period as retention_rate_previous_period,
    lag(retention_rate, case period_grain when 'week' then 52 when 'month' then 12 when 'quarter' then 4 else 1 end)
        over by_period as retention_rate_same_period_last_year,
    median(retention_rate) filter (is_complete) over (
        partition by segment_type, segment_value, activity_definition, period_grain order by period
        rows between 12 preceding and 1 preceding
    ) as retention_rate_trailing_median,
    is_complete, is_final,
from rates
window by_period as (partition by segment_type, segment_value, activity_definition, period_grain order by period);

create table churn_by_period as
select
    period_grain, period_start, period_end, segment_type, segment_value, activity_definition,
    status_of(at_start) as rate_status,
    at_start::bigint as customers_at_start,
    lost::bigint as lost_customers,
    lost_customers / nullif(customers_at_start, 0) as churn_rate,
    wilson_lower(lost_customers, customers_at_start) as churn_rate_lower,
    wilson_upper(lost_customers, customers_at_start) as churn_rate_upper,
    new_at_start::bigint as new_customers_at_start,
    lost_new::bigint as lost_new_customers,
    lost_new_customers / nullif(new_customers_at_start, 0) as new_customer_churn_rate,
    status_of(new_at_start) as new_customer_churn_rate_status,
    revenue_at_start,
    churned as churned_revenue,
    contraction as contraction_revenue,
    expansion as expansion_revenue,
    reactivation as reactivation_revenue,
    new_revenue,
    revenue_at_start + new_revenue + expansion + reactivation - contraction - churned as revenue_at_end,
    (churned + contraction)::double / nullif(greatest(revenue_at_start, 0), 0) as gross_revenue_churn_rate,
    (churned + contraction - expansion - reactivation)::double / nullif(greatest(revenue_at_start, 0), 0) as net_revenue_churn_rate,
    1 - gross_revenue_churn_rate as gross_revenue_retention_rate,
    gross_revenue_retention_rate + expansion / nullif(greatest(revenue_at_start, 0), 0) as net_revenue_retention_rate,
    1 - net_revenue_churn_rate as net_revenue_retention_rate_incl_reactivation,
    case when revenue_at_start > 0 then status_of(at_start) else 'no_base' end as revenue_rate_status,
    is_complete, is_final,
from segment_movements;
