{% call(moment) sums_over_customers(
    ['measure', 'period_grain', 'period_index', 'segment_type', 'segment_value', 'value_class'],
    [],
    []
) -%}
    {{ order_value_classes(moment) }}
{% endcall %}
