with movements as (

    select * from {{ ref('int_movements_aggregated') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

by_segment as (

    select
        movements.activity_definition,
        movements.period_grain,
        movements.period_index,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        {% for column in movement_counts() + movement_amounts() -%}
        sum(movements.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from movements
    inner join segment_profiles
        on movements.segment_profile_id = segment_profiles.segment_profile_id
    group by 1, 2, 3, 4, 5

),

first_periods as (

    select
        period_grain,
        min(period_index) as first_period_index
    from periods
    group by period_grain

),

opening_stock as (

    -- What was built up before the first period is there at its start.
    select
        by_segment.activity_definition,
        by_segment.period_grain,
        by_segment.segment_type,
        by_segment.segment_value,
        sum(by_segment.stock_customers) as stock_customers,
        sum(by_segment.stock_revenue) as stock_revenue,
        sum(
            case when by_segment.period_index = first_periods.first_period_index - 1 then by_segment.stock_new_customers else 0 end
        ) as stock_new_customers
    from by_segment
    inner join first_periods
        on by_segment.period_grain = first_periods.period_grain
        and by_segment.period_index < first_periods.first_period_index
    group by 1, 2, 3, 4

),

segments as (

    select distinct
        activity_definition,
        period_grain,
        segment_type,
        segment_value
    from by_segment

),

dense as (

    -- A period in which nobody moved is a row, too.
    select
        segments.activity_definition,
        segments.segment_type,
        segments.segment_value,
        periods.period_grain,
        periods.period_index,
        periods.period_start,
        periods.period_end,
        periods.is_complete,
        periods.is_final,
        {% for column in movement_counts() + movement_amounts() -%}
        coalesce(by_segment.{{ column }}, 0) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from segments
    inner join periods
        on segments.period_grain = periods.period_grain
    left join by_segment
        on segments.activity_definition = by_segment.activity_definition
        and segments.segment_type = by_segment.segment_type
        and segments.segment_value = by_segment.segment_value
        and periods.period_grain = by_segment.period_grain
        and periods.period_index = by_segment.period_index

),

accumulated as (

    select
        dense.*,
        coalesce(opening_stock.stock_customers, 0) + coalesce(sum(dense.stock_customers) over earlier_periods, 0) as customers_at_start,
        coalesce(opening_stock.stock_revenue, 0) + coalesce(sum(dense.stock_revenue) over earlier_periods, 0) as revenue_at_start,
        coalesce(
            lag(dense.stock_new_customers) over (
                partition by dense.activity_definition, dense.period_grain, dense.segment_type, dense.segment_value
                order by dense.period_index
            ),
            opening_stock.stock_new_customers,
            0
        ) as new_customers_at_start
    from dense
    left join opening_stock
        on dense.activity_definition = opening_stock.activity_definition
        and dense.period_grain = opening_stock.period_grain
        and dense.segment_type = opening_stock.segment_type
        and dense.segment_value = opening_stock.segment_value
    window earlier_periods as (
        partition by dense.activity_definition, dense.period_grain, dense.segment_type, dense.segment_value
        order by dense.period_index
        rows between unbounded preceding and 1 preceding
    )

)

select
    period_grain,
    period_index,
    activity_definition,
    segment_type,
    segment_value,
    cast(customers_at_start as bigint) as customers_at_start,
    cast(customers_at_start - lost_customers + new_customers + reactivated_customers as bigint) as customers_at_end,
    cast(new_customers as bigint) as new_customers,
    cast(customers_at_start - lost_customers as bigint) as retained_customers,
    cast(reactivated_customers as bigint) as reactivated_customers,
    cast(lost_customers as bigint) as lost_customers,
    cast(new_and_lost_customers as bigint) as new_and_lost_customers,
    cast(new_customers_at_start as bigint) as new_customers_at_start,
    cast(lost_new_customers as bigint) as lost_new_customers,
    cast(revenue_at_start as decimal(28, 4)) as revenue_at_start,
    cast(churned_revenue as decimal(28, 4)) as churned_revenue,
    cast(contraction_revenue as decimal(28, 4)) as contraction_revenue,
    cast(expansion_revenue as decimal(28, 4)) as expansion_revenue,
    cast(reactivation_revenue as decimal(28, 4)) as reactivation_revenue,
    cast(new_revenue as decimal(28, 4)) as new_revenue,
    cast(
        revenue_at_start + new_revenue + expansion_revenue + reactivation_revenue - contraction_revenue - churned_revenue
        as decimal(28, 4)
    ) as revenue_at_end,
    is_complete,
    is_final,
    period_start,
    period_end
from accumulated
