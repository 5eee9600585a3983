-- 6. Cohorts: of the profile of the first day of purchase.
create table retention_by_cohort as
with lives as (
    select
        person, grain,
        min(period) as cohort, max(period) as last_period, arg_min(profile, period) as profile,
    from activity
    group by person, grain
),
cells as (
    select
        grain, cohort, period, lives.profile,
        count(*) as active_customers, sum(order_count) as order_count, sum(revenue) as revenue,
        count(*) filter (period = last_period) as last_seen,
    from activity inner join lives using (person, grain)
    group by grain, cohort, period, lives.profile
),
segment_cells as (
    select
        segment_type, segment_value, grain, cohort, period,
        sum(active_customers) as active_customers, sum(order_count) as order_count, sum(revenue) as revenue,
        sum(last_seen) as last_seen,
    from cells inner join segments_of_profile using (profile)
    group by segment_type, segment_value, grain, cohort, period
),
-- Everybody is active in the period of the first purchase.
sizes as (
    select segment_type, segment_value, grain, cohort, active_customers as cohort_size,
    from segment_cells
    where period = cohort
),
filled as (
    select
        sizes.*, periods.*,
        periods.period - cohort as period_index,
        coalesce(active_customers, 0) as active_customers,
        coalesce(order_count, 0) as order_count,
        coalesce(revenue, 0) as revenue,
        coalesce(last_seen, 0) as last_seen,
    from sizes
    inner join periods on periods.period_grain = sizes.grain and periods.period >= sizes.cohort
    left join segment_cells as cells using (segment_type, segment_value, grain, cohort, period)
)
select
    filled.grain as cohort_grain,
    cohorts.period_start as cohort_start,
    period_index,
    segment_type, segment_value,
    filled.period_start,
    cohort_size::bigint as cohort_size,
    active_customers::bigint as active_customers,
    (cohort_size - sum(last_seen) over so_far + last_seen)::bigint as active_or_later_customers,
    active_customers / cohort_size as retention_rate,
    active_or_later_customers / cohort_size as retention_or_later_rate,
    (lag(active_customers) over so_far)::bigint as previous_active_customers,
    active_customers / nullif(previous_active_customers, 0) as previous_period_rate,
    case period_index when 0 then 'no_previous_period' else status_of(previous_active_customers) end
        as previous_period_rate_status,
    order_count::bigint as order_count,
    revenue as net_amount,
    sum(revenue) over so_far as cumulative_net_amount,
    cumulative_net_amount::double / cohort_size as cumulative_net_amount_per_customer,
    not filled.is_complete as is_open,
from filled
inner join periods as cohorts on cohorts.period_grain = filled.grain and cohorts.period = filled.cohort
window so_far as (
    partition by filled.grain, cohort, segment_type, segment_value order by filled.period
    rows between unbounded preceding and current row
);
