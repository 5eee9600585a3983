{% if is_addition() %}
with sums_before as (

    {{ all_movements('month', 'before') }}

),

sums_after as (

    {{ all_movements('month', 'after') }}

)

{{ corrected_sums(movement_keys(), movement_counts(), movement_amounts()) }}
{% else %}
{{ all_movements('month') }}
{% endif %}
