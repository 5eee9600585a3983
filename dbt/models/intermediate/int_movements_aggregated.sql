{% if is_addition() %}
with sums_before as (

    {{ all_movements('before') }}

),

sums_after as (

    {{ all_movements('after') }}

)

{{ corrected_sums(
    ['activity_definition', 'period_grain', 'period_index', 'segment_profile_id', 'close_reason'],
    movement_counts(),
    movement_amounts()
) }}
{% else %}
{{ all_movements() }}
{% endif %}
