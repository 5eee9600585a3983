{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['order_id', 'line_number']) }}

with order_lines as (

    {{ latest_rows(source('raw', 'order_lines'), ['order_id', 'line_number']) }}

)

select
    order_id,
    line_number,
    product_id,
    category,
    quantity,
    unit_price,
    discount_amount,
    shipping_amount,
    tax_amount,
    unit_cost
from order_lines
