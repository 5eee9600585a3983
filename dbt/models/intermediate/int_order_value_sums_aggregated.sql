{% call(moment) sums_over_customers(
    ['period_grain', 'period_index', 'segment_profile_id'],
    order_value_counts(),
    order_value_amounts()
) %}
    {{ order_value_sums(moment) }}
{% endcall %}
