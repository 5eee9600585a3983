{% if is_addition() %}
with sums_before as (

    {{ all_order_value_sums('before') }}

),

sums_after as (

    {{ all_order_value_sums('after') }}

)

{{ corrected_sums(
    ['period_grain', 'period_index', 'segment_profile_id'],
    order_value_counts(),
    order_value_amounts()
) }}
{% else %}
{{ all_order_value_sums() }}
{% endif %}
