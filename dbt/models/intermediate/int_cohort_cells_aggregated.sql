{% if is_addition() %}
with sums_before as (

    {{ cohort_cells('before') }}

),

sums_after as (

    {{ cohort_cells('after') }}

)

{{ corrected_sums(
    ['cohort_grain', 'cohort_index', 'period_index', 'segment_profile_id'],
    ['active_customers', 'last_active_customers', 'order_count'],
    ['net_amount']
) }}
{% else %}
{{ cohort_cells() }}
{% endif %}
