with orders as (

    select * from {{ ref('stg_orders__orders') }}

),

customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}

),

responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

latest_moments as (

    select max(ordered_at) as event_at
    from orders

    union all

    select max(greatest(created_at, valid_from_at, coalesce(closed_at, created_at))) as event_at
    from customer_versions

    union all

    select max(greatest(opened_at, coalesce(closed_at, opened_at))) as event_at
    from tickets

    union all

    select max(answered_at) as event_at
    from responses

),

event_bounds as (

    select
        (select {{ reporting_date('min(ordered_at)') }} from orders) as first_order_date,
        (select {{ reporting_date('min(created_at)') }} from customer_versions) as first_customer_date,
        (select {{ reporting_date('max(event_at)') }} from latest_moments) as latest_event_date

)

select
    first_order_date,
    -- The calendar has to reach back to the first contract, which may be older than the first order.
    least(first_order_date, coalesce(first_customer_date, first_order_date)) as first_event_date,
    latest_event_date,
    {% if var('as_of_date') -%}
        cast('{{ var("as_of_date") }}' as date)
    {%- else -%}
        {{ add_days('latest_event_date', 1) }}
    {%- endif %} as as_of_date
from event_bounds
