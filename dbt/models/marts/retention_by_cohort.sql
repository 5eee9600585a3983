with cells_by_profile as (

    select * from {{ ref('int_cohort_cells_aggregated') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

cells as (

    select
        cells_by_profile.cohort_grain,
        cells_by_profile.cohort_index,
        cells_by_profile.period_index,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        sum(cells_by_profile.active_customers) as active_customers,
        sum(cells_by_profile.last_active_customers) as last_active_customers,
        sum(cells_by_profile.order_count) as order_count,
        sum(cells_by_profile.net_amount) as net_amount
    from cells_by_profile
    inner join segment_profiles
        on cells_by_profile.segment_profile_id = segment_profiles.segment_profile_id
    group by 1, 2, 3, 4, 5

),

cohorts as (

    select
        cohort_grain,
        cohort_index,
        segment_type,
        segment_value,
        active_customers as cohort_size
    from cells
    where period_index = 0

),

dense as (

    -- A period in which nobody of the cohort bought is a row of zeros.
    select
        cohorts.cohort_grain,
        cohort_periods.period_start as cohort_start,
        periods.period_index - cohorts.cohort_index as period_index,
        cohorts.segment_type,
        cohorts.segment_value,
        periods.period_start,
        cohorts.cohort_size,
        coalesce(cells.active_customers, 0) as active_customers,
        coalesce(cells.last_active_customers, 0) as last_active_customers,
        coalesce(cells.order_count, 0) as order_count,
        coalesce(cells.net_amount, 0) as net_amount,
        not periods.is_complete as is_open
    from cohorts
    inner join periods as cohort_periods
        on cohorts.cohort_grain = cohort_periods.period_grain
        and cohorts.cohort_index = cohort_periods.period_index
    inner join periods
        on cohorts.cohort_grain = periods.period_grain
        and cohorts.cohort_index <= periods.period_index
    left join cells
        on cohorts.cohort_grain = cells.cohort_grain
        and cohorts.cohort_index = cells.cohort_index
        and cohorts.segment_type = cells.segment_type
        and cohorts.segment_value = cells.segment_value
        and periods.period_index - cohorts.cohort_index = cells.period_index

),

accumulated as (

    select
        *,
        cast(sum(last_active_customers) over later_periods as bigint) as active_or_later_customers,
        cast(sum(net_amount) over earlier_periods as decimal(28, 4)) as cumulative_net_amount,
        lag(active_customers) over (
            partition by cohort_grain, cohort_start, segment_type, segment_value order by period_index
        ) as previous_active_customers
    from dense
    window
        earlier_periods as (
            partition by cohort_grain, cohort_start, segment_type, segment_value
            order by period_index
            rows between unbounded preceding and current row
        ),
        later_periods as (
            partition by cohort_grain, cohort_start, segment_type, segment_value
            order by period_index
            rows between current row and unbounded following
        )

)

select
    cohort_grain,
    cohort_start,
    period_index,
    segment_type,
    segment_value,
    period_start,
    cast(cohort_size as bigint) as cohort_size,
    cast(active_customers as bigint) as active_customers,
    active_or_later_customers,
    {{ rate('active_customers', 'cohort_size') }} as retention_rate,
    {{ rate('active_or_later_customers', 'cohort_size') }} as retention_or_later_rate,
    cast(previous_active_customers as bigint) as previous_active_customers,
    {{ rate('active_customers', 'previous_active_customers') }} as previous_period_rate,
    case
        when period_index = 0 then 'no_previous_period'
        else {{ rate_status('previous_active_customers') }}
    end as previous_period_rate_status,
    cast(order_count as bigint) as order_count,
    cast(net_amount as decimal(28, 4)) as net_amount,
    cumulative_net_amount,
    {{ money_ratio('cumulative_net_amount', 'cohort_size') }} as cumulative_net_amount_per_customer,
    is_open
from accumulated
