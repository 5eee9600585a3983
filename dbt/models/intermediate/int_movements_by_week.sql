{% call(moment) sums_over_customers(movement_keys(), movement_counts(), movement_amounts()) %}
    {{ movements('week', moment) }}
{% endcall %}
