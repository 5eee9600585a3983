with calendar_days as (

    select * from {{ ref('int_calendar_days') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

periods as (

    select distinct
        period_grain,
        period_index,
        period_start,
        period_end
    from calendar_days

)

select
    periods.period_grain,
    periods.period_index,
    periods.period_end <= as_of.as_of_date as is_complete,
    {{ add_days('periods.period_end', var('final_grace_days')) }} <= as_of.as_of_date as is_final,
    periods.period_start,
    periods.period_end,
    as_of.as_of_date
from periods
inner join as_of
    -- From the period of the first order to the one that holds the as-of date.
    on periods.period_end > as_of.first_order_date
    and periods.period_start <= as_of.as_of_date
