{% if is_addition() %}
with sums_before as (

    {{ all_movements('quarter', 'before') }}

),

sums_after as (

    {{ all_movements('quarter', 'after') }}

)

{{ corrected_sums(movement_keys(), movement_counts(), movement_amounts()) }}
{% else %}
{{ all_movements('quarter') }}
{% endif %}
