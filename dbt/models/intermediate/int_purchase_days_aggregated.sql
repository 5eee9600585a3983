{{ config(
    materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}
) }}

with orders as (

    select * from {{ rows_concerned('int_orders_valued') }}

),

purchase_days as (

    select
        customer_id,
        ordered_date as purchase_date,
        count(*) as order_count,
        count(net_amount) as valued_order_count,
        -- A purchase of unknown value counts as a purchase and adds nothing to revenue.
        cast(coalesce(sum(net_amount_after_refunds), 0) as decimal(18, 4)) as net_amount,
        cast(coalesce(sum(case when cost_amount is not null then net_amount_after_refunds end), 0) as decimal(18, 4)) as costed_net_amount,
        cast(coalesce(sum(cost_amount), 0) as decimal(18, 4)) as cost_amount
    from orders
    where is_valid_purchase
    group by customer_id, ordered_date

)

select
    customer_id,
    order_count,
    valued_order_count,
    net_amount,
    costed_net_amount,
    cost_amount,
    lag(purchase_date) over (partition by customer_id order by purchase_date) as previous_purchase_date,
    purchase_date,
    lead(purchase_date) over (partition by customer_id order by purchase_date) as next_purchase_date
from purchase_days
