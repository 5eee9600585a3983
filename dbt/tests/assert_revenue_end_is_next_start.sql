-- The revenue side of assert_end_is_next_start: what the bridge of one period ends with, the next one starts with.
with churn as (

    select * from {{ ref('churn_by_period') }}
    where segment_type = 'all'

)

select
    earlier.period_grain,
    earlier.period_start,
    earlier.activity_definition,
    earlier.revenue_at_end,
    later.revenue_at_start
from churn as earlier
inner join churn as later
    on earlier.period_grain = later.period_grain
    and earlier.activity_definition = later.activity_definition
    and earlier.period_end = later.period_start
where earlier.revenue_at_end != later.revenue_at_start
