{{ config(
    materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}
) }}

with purchase_days as (

    select * from {{ rows_concerned('int_purchase_days_aggregated') }}

),

calendar_days as (

    select * from {{ ref('int_calendar_days') }}

)

-- A grain at a time: four small groupings cost less than one of all days four times.
{% for period_grain in period_grains() -%}
select
    calendar_days.period_grain,
    calendar_days.period_index,
    purchase_days.customer_id,
    cast(sum(purchase_days.order_count) as bigint) as order_count,
    cast(sum(purchase_days.net_amount) as decimal(18, 4)) as net_amount,
    count(purchase_days.previous_purchase_date) < count(*) as is_first_period,
    -- The customer's purchase days are in order, so what the first one says of the day before it is the least, and so on.
    case
        when count(purchase_days.previous_purchase_date) = count(*) then min(purchase_days.previous_purchase_date)
    end as previous_purchase_date,
    min(purchase_days.purchase_date) as first_purchase_date,
    max(purchase_days.purchase_date) as last_purchase_date,
    case when count(purchase_days.next_purchase_date) = count(*) then max(purchase_days.next_purchase_date) end as next_purchase_date
from purchase_days
inner join calendar_days
    on purchase_days.purchase_date = calendar_days.calendar_date
where calendar_days.period_grain = '{{ period_grain }}'
group by
    calendar_days.period_grain,
    calendar_days.period_index,
    purchase_days.customer_id
{{ 'union all' if not loop.last }}
{% endfor %}
