{#-
    Orders that a refresh values again: those about which it brought anything new, and all others of their customers, because the number
    of a purchase depends on the purchases before it. None in a rebuild.
-#}
with orders as (

    select * from {{ ref('stg_orders__orders') }}

)

select order_id from {{ ref('int_orders_touched') }}
union
select order_id
from orders
where customer_id in (select customer_id from {{ ref('int_customer_ids_changed') }})
