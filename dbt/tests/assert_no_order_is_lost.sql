-- Every staged order is valued exactly once, counted or with a reason; a join that multiplies or drops orders shows here.
with staged as (

    select count(*) as order_count from {{ ref('stg_orders__orders') }}

),

valued as (

    select
        count(*) as order_count,
        count(case when not is_valid_purchase and exclusion_reason is null then 1 end) as unexplained_count
    from {{ ref('int_orders_valued') }}

)

select
    staged.order_count as staged_order_count,
    valued.order_count as valued_order_count,
    valued.unexplained_count
from staged
cross join valued
where staged.order_count != valued.order_count or valued.unexplained_count > 0
