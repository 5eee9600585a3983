{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['refund_id']) }}

with order_refunds as (

    {{ latest_rows(source('raw', 'order_refunds'), ['refund_id']) }}

)

select
    refund_id,
    order_id,
    amount as refund_amount,
    refunded_at
from order_refunds
