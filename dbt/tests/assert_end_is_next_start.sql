-- Whoever is there at the end of a period is there at the start of the next: E(k) = S(k + 1) for all customers together (people
-- change segment at a period's edge, so it holds for 'all' only). If this fails, a customer vanished between two periods.
with retention as (

    select * from {{ ref('retention_by_period') }}
    where segment_type = 'all'

)

select
    earlier.period_grain,
    earlier.period_start,
    earlier.activity_definition,
    earlier.customers_at_end,
    later.customers_at_start
from retention as earlier
inner join retention as later
    on earlier.period_grain = later.period_grain
    and earlier.activity_definition = later.activity_definition
    and earlier.period_end = later.period_start
where earlier.customers_at_end != later.customers_at_start
