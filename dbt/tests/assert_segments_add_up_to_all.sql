-- Every customer carries exactly one value of a segment type in a period, so the segments of a type add up to 'all' in every
-- count. If this fails, a customer was counted under two values or under none.
with retention as (

    select * from {{ ref('retention_by_period') }}

),

totals as (

    select
        period_grain,
        period_start,
        activity_definition,
        segment_type,
        sum(customers_at_start) as customers_at_start,
        sum(customers_at_end) as customers_at_end,
        sum(new_customers) as new_customers,
        sum(retained_customers) as retained_customers,
        sum(reactivated_customers) as reactivated_customers,
        sum(lost_customers) as lost_customers,
        sum(new_and_lost_customers) as new_and_lost_customers
    from retention
    group by period_grain, period_start, activity_definition, segment_type

)

select
    by_type.*
from totals as by_type
inner join totals as overall
    on by_type.period_grain = overall.period_grain
    and by_type.period_start = overall.period_start
    and by_type.activity_definition = overall.activity_definition
    and overall.segment_type = 'all'
where
    by_type.customers_at_start != overall.customers_at_start
    or by_type.customers_at_end != overall.customers_at_end
    or by_type.new_customers != overall.new_customers
    or by_type.retained_customers != overall.retained_customers
    or by_type.reactivated_customers != overall.reactivated_customers
    or by_type.lost_customers != overall.lost_customers
    or by_type.new_and_lost_customers != overall.new_and_lost_customers
