{% if is_addition() %}
with sums_before as (

    {{ all_movements('week', 'before') }}

),

sums_after as (

    {{ all_movements('week', 'after') }}

)

{{ corrected_sums(movement_keys(), movement_counts(), movement_amounts()) }}
{% else %}
{{ all_movements('week') }}
{% endif %}
