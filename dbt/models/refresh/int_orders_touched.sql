-- depends_on: {{ ref('stg_orders__orders') }}
-- depends_on: {{ ref('stg_orders__order_lines') }}
-- depends_on: {{ ref('stg_orders__order_refunds') }}
-- depends_on: {{ ref('stg_reference__exchange_rates') }}
{#- Orders about which a refresh brought anything new; none in a rebuild, which has no need of them. -#}

{% if is_refresh() %}
with orders as (

    select * from {{ ref('stg_orders__orders') }}

),

order_refunds as (

    select * from {{ ref('stg_orders__order_refunds') }}

),

changed_orders as (

    {{ changed_rows('stg_orders__orders') }}

),

changed_lines as (

    {{ changed_rows('stg_orders__order_lines') }}

),

changed_refunds as (

    {{ changed_rows('stg_orders__order_refunds') }}

),

changed_rates as (

    {{ changed_rows('stg_reference__exchange_rates') }}

),

dated_orders as (

    -- A day in the reporting time zone is worked out only where it may matter: no zone is more than a day away from UTC.
    select
        order_id,
        currency,
        {{ reporting_date('ordered_at') }} as ordered_date
    from orders
    where ordered_at >= (select {{ add_days('min(rate_date)', -1) }} from changed_rates)

)

select order_id from changed_orders
union
select order_id from changed_lines
union
select order_id from changed_refunds
union
select order_id
from orders
where {{ is_restated('ordered_at') }}
union
select order_id
from order_refunds
where {{ is_restated('refunded_at') }}
union
select dated_orders.order_id
from dated_orders
inner join changed_rates
    on dated_orders.currency = changed_rates.currency
    and dated_orders.ordered_date >= changed_rates.rate_date
    and dated_orders.ordered_date <= {{ add_days('changed_rates.rate_date', var('exchange_rate_maximum_age_days')) }}
{% else %}
select order_id
from {{ ref('stg_orders__orders') }}
where false
{% endif %}
