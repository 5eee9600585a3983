with movements as (

    select * from {{ ref('int_movements_aggregated') }}

),

segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

churn as (

    select * from {{ ref('churn_by_period') }}

),

lost_by_reason as (

    select
        periods.period_grain,
        periods.period_start,
        periods.period_end,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        movements.activity_definition,
        movements.close_reason,
        cast(sum(movements.lost_customers) as bigint) as lost_customers
    from movements
    inner join periods
        on movements.period_grain = periods.period_grain
        and movements.period_index = periods.period_index
    inner join segment_profiles
        on movements.segment_profile_id = segment_profiles.segment_profile_id
    where movements.lost_customers > 0
    group by 1, 2, 3, 4, 5, 6, 7

)

select
    lost_by_reason.period_grain,
    lost_by_reason.period_start,
    lost_by_reason.period_end,
    lost_by_reason.segment_type,
    lost_by_reason.segment_value,
    lost_by_reason.activity_definition,
    lost_by_reason.close_reason,
    churn.lost_customers as all_lost_customers,
    lost_by_reason.lost_customers,
    {{ rate('lost_by_reason.lost_customers', 'churn.lost_customers') }} as share_of_lost_rate,
    churn.is_complete,
    churn.is_final
from lost_by_reason
inner join churn
    on lost_by_reason.period_grain = churn.period_grain
    and lost_by_reason.period_start = churn.period_start
    and lost_by_reason.segment_type = churn.segment_type
    and lost_by_reason.segment_value = churn.segment_value
    and lost_by_reason.activity_definition = churn.activity_definition
