{{ config(materialized='view') }}

-- Nothing here reads it: MetricFlow asks for a table of days.
with calendar_days as (

    select * from {{ ref('int_calendar_days') }}

)

select calendar_date
from calendar_days
where period_grain = '{{ period_grains() | first }}'
