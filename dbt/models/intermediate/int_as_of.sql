with orders as (

    select * from {{ ref('stg_orders__orders') }}

),

order_refunds as (

    select * from {{ ref('stg_orders__order_refunds') }}

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

moments as (

    -- Of every feed the first and the last date, and the latest event: refunds and surveys sent do not move the as-of date.
    select
        min(ordered_at) as first_at,
        max(ordered_at) as last_at,
        max(ordered_at) as latest_event_at
    from orders

    union all

    select
        min(refunded_at) as first_at,
        max(refunded_at) as last_at,
        cast(null as timestamp) as latest_event_at
    from order_refunds

    union all

    select
        min(least(created_at, valid_from_at, coalesce(closed_at, created_at))) as first_at,
        max(greatest(created_at, valid_from_at, coalesce(closed_at, created_at))) as last_at,
        max(greatest(created_at, valid_from_at, coalesce(closed_at, created_at))) as latest_event_at
    from customer_versions

    union all

    select
        min(least(opened_at, coalesce(closed_at, opened_at))) as first_at,
        max(greatest(opened_at, coalesce(closed_at, opened_at))) as last_at,
        max(greatest(opened_at, coalesce(closed_at, opened_at))) as latest_event_at
    from tickets

    union all

    select
        min(least(coalesce(sent_at, answered_at), coalesce(answered_at, sent_at))) as first_at,
        max(greatest(coalesce(sent_at, answered_at), coalesce(answered_at, sent_at))) as last_at,
        max(answered_at) as latest_event_at
    from responses

),

event_bounds as (

    select
        (select {{ reporting_date('min(ordered_at)') }} from orders) as first_order_date,
        (select {{ reporting_date('max(latest_event_at)') }} from moments) as latest_event_date,
        (select {{ reporting_date('min(first_at)') }} from moments) as earliest_date,
        (select {{ reporting_date('max(last_at)') }} from moments) as latest_date

)

select
    first_order_date,
    latest_event_date,
    -- Nothing dated lies outside these: whatever is added up by a day is added up whatever else the extracts hold.
    earliest_date,
    latest_date,
    {% if var('as_of_date') -%}
        cast('{{ var("as_of_date") }}' as date)
    {%- else -%}
        {{ add_days('latest_event_date', 1) }}
    {%- endif %} as as_of_date
from event_bounds
