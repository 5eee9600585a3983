{#-
    Ids under which the CRM or the shop delivers the customers about whom a refresh brought anything new: their own and those merged into
    them. None in a rebuild.
-#}
with customers_changed as (

    select * from {{ ref('int_customers_changed') }}

),

merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

)

select customer_id from customers_changed
union
select merges.customer_id
from merges
inner join customers_changed
    on merges.surviving_customer_id = customers_changed.customer_id
