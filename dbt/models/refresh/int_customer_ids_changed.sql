{#-
    Ids under which the CRM or the shop delivers the customers about whom a refresh brought anything new: their own and those merged into
    them. None in a rebuild.
-#}
with customers_changed as (

    select * from {{ ref('int_customers_changed') }}

),

resolved_merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

),

merged_ids as (

    select resolved_merges.customer_id
    from resolved_merges
    inner join customers_changed
        on resolved_merges.surviving_customer_id = customers_changed.customer_id

)

select customer_id from customers_changed
union
select customer_id from merged_ids
