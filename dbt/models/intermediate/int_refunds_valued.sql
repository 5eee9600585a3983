{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'order_id': 'int_orders_changed'}}) }}

with order_refunds as (

    select * from {{ ref('stg_orders__order_refunds') }}
    where {{ is_listed('order_id', 'int_orders_changed') }}

),

orders as (

    select * from {{ rows_concerned('int_orders_valued') }}

),

currencies as (

    select * from {{ ref('currencies') }}

)

select
    order_refunds.refund_id,
    order_refunds.order_id,
    orders.customer_id,
    -- At the rate of the order's date: a refund gives back what was taken then.
    cast(
        case
            when orders.order_currency = '{{ var("reporting_currency") }}' then order_refunds.refund_amount
            else {{ converted('order_refunds.refund_amount', 'orders.exchange_rate', 'currencies.minor_units') }}
        end as decimal(18, 4)
    ) as refund_amount,
    {{ reporting_date('order_refunds.refunded_at') }} as refunded_date
from order_refunds
inner join orders
    on order_refunds.order_id = orders.order_id
left join currencies
    on currencies.currency = '{{ var("reporting_currency") }}'
where
    orders.is_valid_order
    and orders.net_amount is not null
    and not {{ is_after_as_of(reporting_date('order_refunds.refunded_at')) }}
