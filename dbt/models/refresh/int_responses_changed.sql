-- depends_on: {{ ref('stg_surveys__responses') }}
-- depends_on: {{ ref('stg_crm__tickets') }}
-- depends_on: {{ ref('int_customer_merges_resolved') }}
-- depends_on: {{ ref('int_customer_ids_changed') }}
-- depends_on: {{ ref('int_orders_changed') }}
{#-
    Answers that a refresh attributes again: those about which it brought anything new, of themselves, their order, their ticket or their
    customer; and all about the same contacts, of whom they may take the place. All to restate, none in a rebuild.
-#}

{% if is_addition() %}
with responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}

),

merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

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

respondents as (

    select coalesce(merges.surviving_customer_id, changed_responses.customer_id) as customer_id
    from changed_responses
    left join merges
        on changed_responses.customer_id = merges.customer_id

),

customer_ids_concerned as (

    select customer_id from customer_ids_changed
    union
    select customer_id from respondents
    union
    select customer_id
    from merges
    where surviving_customer_id in (select customer_id from respondents)

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

),

concerned as (

    select response_id from changed_responses
    union
    select response_id
    from responses
    where customer_id in (select customer_id from customer_ids_concerned)
    union
    select response_id
    from responses
    where order_id in (select order_id from orders_concerned)
    union
    select response_id
    from responses
    where ticket_id in (select ticket_id from tickets_concerned)

),

contacts as (

    select
        response_id,
        {{ rated_contact() }} as contact
    from responses

)

-- Of the answers about one contact only one counts, so they are ranked together or not at all.
select response_id
from contacts
where contact in (
    select contacts.contact
    from contacts
    inner join concerned
        on contacts.response_id = concerned.response_id
)
union
select response_id from concerned
{% else %}
select response_id
from {{ ref('stg_surveys__responses') }}
where {{ 'true' if is_refresh() else 'false' }}
{% endif %}
