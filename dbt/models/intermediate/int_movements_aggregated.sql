{{ config(materialized='view') }}

{#- One table a grain, so that the work on one is done, and its memory free, before the next begins. -#}
with movements_by_week as (

    select * from {{ ref('int_movements_by_week') }}

),

movements_by_month as (

    select * from {{ ref('int_movements_by_month') }}

),

movements_by_quarter as (

    select * from {{ ref('int_movements_by_quarter') }}

),

movements_by_year as (

    select * from {{ ref('int_movements_by_year') }}

)

select * from movements_by_week
union all
select * from movements_by_month
union all
select * from movements_by_quarter
union all
select * from movements_by_year
