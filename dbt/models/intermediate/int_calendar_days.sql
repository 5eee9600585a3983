{{ config(materialized='incremental', incremental_strategy='replace_rows') }}

{#- Purchases count until the longest window after them has run out, and a period may end a year after the as-of date. -#}
{%- set days_ahead = (var('activity_windows') + [0]) | max + 370 -%}

with as_of as (

    select * from {{ ref('int_as_of') }}

),

days as (

    select
        {{ each_date(
            add_days('earliest_date', -370),
            add_days('greatest(as_of_date, latest_date)', days_ahead)
        ) }} as calendar_date
    from as_of

),

day_periods as (

    {% for period_grain in period_grains() -%}
    select
        '{{ period_grain }}' as period_grain,
        calendar_date,
        {{ period_start(period_grain, 'calendar_date') }} as period_start
    from days
    {{ 'union all' if not loop.last }}
    {% endfor -%}

)

select
    period_grain,
    case period_grain
        {% for period_grain in period_grains() -%}
        when '{{ period_grain }}' then {{ period_index(period_grain, 'period_start') }}
        {% endfor -%}
    end as period_index,
    calendar_date,
    period_start,
    case period_grain
        {% for period_grain in period_grains() -%}
        when '{{ period_grain }}' then {{ next_period_start(period_grain, 'period_start') }}
        {% endfor -%}
    end as period_end
from day_periods
