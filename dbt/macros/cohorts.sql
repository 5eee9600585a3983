{#-
    Customers of a cohort by how many periods after the first purchase they bought again, as sums over customers of one segment profile.
    Grain: cohort_grain x cohort_index x period_index (distance from the cohort's own period) x segment_profile_id.
    `moment`: of which rows, see rows_of.
-#}
{% macro cohort_cells(moment='all') %}
select
    customer_periods.period_grain as cohort_grain,
    first_days.period_index as cohort_index,
    customer_periods.period_index - first_days.period_index as period_index,
    customers.cohort_segment_profile_id as segment_profile_id,
    count(*) as active_customers,
    count(case when customer_periods.period_index = last_days.period_index then 1 end) as last_active_customers,
    cast(sum(customer_periods.order_count) as bigint) as order_count,
    cast(sum(customer_periods.net_amount) as decimal(28, 4)) as net_amount,
    count(*) as row_count
from {{ rows_of('int_customer_periods_aggregated', moment) }} as customer_periods
inner join {{ rows_of('int_customers_aggregated', moment) }} as customers
    on customer_periods.customer_id = customers.customer_id
inner join {{ rows_of('int_calendar_days', moment) }} as first_days
    on customer_periods.period_grain = first_days.period_grain
    and customers.first_purchase_date = first_days.calendar_date
inner join {{ rows_of('int_calendar_days', moment) }} as last_days
    on customer_periods.period_grain = last_days.period_grain
    and customers.last_purchase_date = last_days.calendar_date
group by 1, 2, 3, 4
{% endmacro %}
