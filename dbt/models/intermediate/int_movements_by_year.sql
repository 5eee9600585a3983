{% if is_addition() %}
with sums_before as (

    {{ all_movements('year', 'before') }}

),

sums_after as (

    {{ all_movements('year', 'after') }}

)

{{ corrected_sums(movement_keys(), movement_counts(), movement_amounts()) }}
{% else %}
{{ all_movements('year') }}
{% endif %}
