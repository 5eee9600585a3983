-- depends_on: {{ ref('stg_surveys__responses') }}
-- depends_on: {{ ref('stg_crm__tickets') }}
-- depends_on: {{ ref('int_customer_ids_changed') }}
-- depends_on: {{ ref('int_orders_changed') }}
{#-
    Answers that a refresh attributes again: those about which it brought anything new, of themselves, their order or their ticket; and all
    of the customers changed, because an answer may take another's place. All to restate, none in a rebuild.
-#}

{% if is_addition() %}
with responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}

),

customer_ids_changed as (

    select * from {{ ref('int_customer_ids_changed') }}

),

changed_responses as (

    {{ changed_rows('stg_surveys__responses') }}

),

changed_tickets as (

    {{ changed_rows('stg_crm__tickets') }}

),

orders_concerned as (

    select order_id from {{ ref('int_orders_changed') }}
    union
    select order_id from changed_responses

),

tickets_concerned as (

    select ticket_id from changed_tickets
    union
    select ticket_id from changed_responses
    union
    select ticket_id
    from tickets
    where customer_id in (select customer_id from customer_ids_changed)

)

select response_id from changed_responses
union
select response_id
from responses
where customer_id in (select customer_id from customer_ids_changed)
union
select response_id
from responses
where order_id in (select order_id from orders_concerned)
union
select response_id
from responses
where ticket_id in (select ticket_id from tickets_concerned)
{% else %}
select response_id
from {{ ref('stg_surveys__responses') }}
where {{ 'true' if is_refresh() else 'false' }}
{% endif %}
