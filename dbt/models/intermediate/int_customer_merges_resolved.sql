{{ config(materialized='incremental', incremental_strategy='replace_rows') }}

{#- Merges may chain (A into B, B into C). Each step doubles the reach: six steps follow chains of up to 64 merges. -#}
{%- set steps = 6 -%}

with customers as (

    select * from {{ ref('stg_crm__customers') }}

),

step_0 as (

    select
        customer_id,
        canonical_customer_id as survivor_id
    from customers
    where canonical_customer_id is not null

),

{% for step in range(1, steps + 1) -%}
step_{{ step }} as (

    select
        nearer.customer_id,
        coalesce(further.survivor_id, nearer.survivor_id) as survivor_id
    from step_{{ step - 1 }} as nearer
    left join step_{{ step - 1 }} as further
        on nearer.survivor_id = further.customer_id

),

{% endfor -%}

checked as (

    -- A survivor that is itself merged away after all steps is part of a circle: nobody survives, so nobody is merged.
    select
        reached.customer_id,
        reached.survivor_id,
        circling.customer_id is not null as is_circular
    from step_{{ steps }} as reached
    left join step_0 as circling
        on reached.survivor_id = circling.customer_id

)

select
    customer_id,
    case when is_circular then customer_id else survivor_id end as surviving_customer_id,
    is_circular
from checked
