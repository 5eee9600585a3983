{% call(moment) sums_over_customers(
    ['period_grain', 'period_index', 'segment_profile_id', 'metric', 'survey_id', 'touchpoint', 'base_scale_id'],
    survey_counts(),
    ['score_sum', 'normalised_score_sum'],
    amount_type='decimal(28, 8)'
) %}
    {{ survey_sums(moment) }}
{% endcall %}
