{% call(moment) sums_over_customers(
    ['cohort_grain', 'cohort_index', 'period_index', 'segment_profile_id'],
    ['active_customers', 'last_active_customers', 'order_count'],
    ['net_amount']
) -%}
    {{ cohort_cells(moment) }}
{% endcall %}
