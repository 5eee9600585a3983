-- Every lost customer has exactly one reason: the reasons add up to the lost customers of churn_by_period.
with reasons as (

    select
        period_grain,
        period_start,
        activity_definition,
        segment_type,
        segment_value,
        sum(lost_customers) as lost_customers
    from {{ ref('churn_reasons_by_period') }}
    group by period_grain, period_start, activity_definition, segment_type, segment_value

),

churn as (

    select * from {{ ref('churn_by_period') }}

)

select
    churn.period_grain,
    churn.period_start,
    churn.activity_definition,
    churn.segment_type,
    churn.segment_value,
    churn.lost_customers,
    reasons.lost_customers as explained_customers
from churn
left join reasons
    on churn.period_grain = reasons.period_grain
    and churn.period_start = reasons.period_start
    and churn.activity_definition = reasons.activity_definition
    and churn.segment_type = reasons.segment_type
    and churn.segment_value = reasons.segment_value
where churn.lost_customers != coalesce(reasons.lost_customers, 0)
