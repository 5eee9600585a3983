{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['order_id']) }}

with orders as (

    {{ latest_rows(source('raw', 'orders'), ['order_id']) }}

)

select
    order_id,
    customer_id,
    status,
    channel,
    currency,
    order_amount,
    discount_amount,
    shipping_amount,
    tax_amount,
    ordered_at
from orders
