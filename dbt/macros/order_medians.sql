{#-
    What medians are taken of, one row a value: order values, and days from one purchase day of a customer to the next. Grain: one row an
    order of known value (measure net_amount) or a purchase day that has a predecessor (measure days_between_purchases), at one grain.
    `moment`: of which rows, see rows_of.
-#}
{% macro median_values(period_grain, moment='all') %}
select
    'net_amount' as measure,
    calendar_days.period_index,
    {{ profile_at_period_start() }} as segment_profile_id,
    cast(orders.net_amount as double) as measured_value
from {{ rows_of('int_orders_valued', moment) }} as orders
inner join {{ rows_of('int_calendar_days', moment) }} as calendar_days
    on orders.ordered_date = calendar_days.calendar_date
    and calendar_days.period_grain = '{{ period_grain }}'
left join {{ rows_of('int_customer_segments_versioned', moment) }} as segment_versions
    {{ on_segment_at_period_start('orders') }}
where orders.is_valid_order and orders.net_amount is not null

union all

select
    'days_between_purchases' as measure,
    calendar_days.period_index,
    {{ profile_at_period_start() }} as segment_profile_id,
    cast({{ days_between('purchase_days.previous_purchase_date', 'purchase_days.purchase_date') }} as double) as measured_value
from {{ rows_of('int_purchase_days_aggregated', moment) }} as purchase_days
inner join {{ rows_of('int_calendar_days', moment) }} as calendar_days
    on purchase_days.purchase_date = calendar_days.calendar_date
    and calendar_days.period_grain = '{{ period_grain }}'
left join {{ rows_of('int_customer_segments_versioned', moment) }} as segment_versions
    {{ on_segment_at_period_start('purchase_days') }}
where purchase_days.previous_purchase_date is not null
{% endmacro %}
