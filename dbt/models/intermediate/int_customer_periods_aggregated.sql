{{ config(
    materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}
) }}

with purchase_days as (

    select * from {{ rows_concerned('int_purchase_days_aggregated') }}

),

calendar_days as (

    select * from {{ ref('int_calendar_days') }}

)

select
    calendar_days.period_grain,
    calendar_days.period_index,
    purchase_days.customer_id,
    count(*) as purchase_day_count,
    cast(sum(purchase_days.order_count) as bigint) as order_count,
    cast(sum(purchase_days.net_amount) as decimal(18, 4)) as net_amount,
    max(case when purchase_days.previous_purchase_date is null then 1 else 0 end) = 1 as is_first_period,
    min(purchase_days.purchase_date) as first_purchase_date
from purchase_days
inner join calendar_days
    on purchase_days.purchase_date = calendar_days.calendar_date
group by
    calendar_days.period_grain,
    calendar_days.period_index,
    purchase_days.customer_id
