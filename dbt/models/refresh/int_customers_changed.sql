-- depends_on: {{ ref('stg_crm__customer_versions') }}
-- depends_on: {{ ref('int_customer_merges_resolved') }}
-- depends_on: {{ ref('int_orders_touched') }}
{#-
    Customers about whom a refresh brought orders or CRM records, as they were identified before it and as they are now; none in a rebuild.
    All that is known of them is computed again, and of nobody else. (Answers and tickets bear on satisfaction only: int_responses_changed.)
-#}

{% if is_refresh() %}
with orders as (

    select * from {{ ref('stg_orders__orders') }}

),

customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

orders_touched as (

    select * from {{ ref('int_orders_touched') }}

),

changed_orders as (

    {{ changed_rows('stg_orders__orders') }}

),

changed_versions as (

    {{ changed_rows('stg_crm__customer_versions') }}

),

changed_merges as (

    {{ changed_rows('int_customer_merges_resolved') }}

),

delivered_ids as (

    select orders.customer_id
    from orders
    inner join orders_touched
        on orders.order_id = orders_touched.order_id

    union

    -- As it was, too: a correction may give an order to somebody else.
    select customer_id from changed_orders
    union
    select customer_id from changed_versions
    union
    select customer_id
    from customer_versions
    where
        {{ is_restated('valid_from_at') }}
        or {{ is_restated('created_at') }}
        or {{ is_restated('closed_at') }}
    union
    select customer_id from changed_merges

),

survivors as (

    select
        customer_id,
        surviving_customer_id
    from {{ rows_of('int_customer_merges_resolved', 'before') }}

    union

    select
        customer_id,
        surviving_customer_id
    from {{ rows_of('int_customer_merges_resolved', 'after') }}

)

select customer_id
from delivered_ids
where customer_id is not null
union
select survivors.surviving_customer_id as customer_id
from delivered_ids
inner join survivors
    on delivered_ids.customer_id = survivors.customer_id
{% else %}
select customer_id
from {{ ref('stg_orders__orders') }}
where false
{% endif %}
