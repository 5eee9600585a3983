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
select orders.order_id
from orders
inner join changed_rates
    on orders.currency = changed_rates.currency
    and {{ reporting_date('orders.ordered_at') }} >= changed_rates.rate_date
    and {{ reporting_date('orders.ordered_at') }} <= {{ add_days('changed_rates.rate_date', var('exchange_rate_maximum_age_days')) }}
{% else %}
select order_id
from {{ ref('stg_orders__orders') }}
where false
{% endif %}
