{#-
    Answers counted and added up by period, segment profile, survey, touchpoint and scale. A customer's answers carry the segment the
    customer had at the period's start. `moment`: of which rows, see rows_of.
-#}
{% macro survey_sums(moment='all') %}
select
    calendar_days.period_grain,
    calendar_days.period_index,
    {{ profile_at_period_start() }} as segment_profile_id,
    answers.metric,
    answers.survey_id,
    answers.touchpoint,
    answers.base_scale_id,
    count(case when answers.exclusion_reason is null then 1 end) as invited_count,
    count(case when answers.is_valid then 1 end) as valid_answer_count,
    count(case when answers.is_valid and answers.is_positive then 1 end) as positive_answer_count,
    count(case when answers.is_valid and answers.is_top_box then 1 end) as top_box_answer_count,
    count(case when answers.is_valid and answers.turned_score <= 6 then 1 end) as detractor_count,
    count(case when answers.exclusion_reason is not null then 1 end) as dropped_duplicate_count,
    cast(coalesce(sum(case when answers.is_valid then answers.turned_score end), 0) as decimal(28, 8)) as score_sum,
    cast(coalesce(sum(case when answers.is_valid then answers.normalised_score end), 0) as decimal(28, 8)) as normalised_score_sum,
    count(*) as row_count
from (
    select
        *,
        exclusion_reason is null and is_answered as is_valid
    from {{ rows_of('int_survey_answers_attributed', moment) }}
    where exclusion_reason is null or exclusion_reason = 'duplicate_answer'
) as answers
inner join {{ rows_of('int_calendar_days', moment) }} as calendar_days
    on answers.event_date = calendar_days.calendar_date
left join {{ few_versions(segments_of_respondents(moment)) }} as segment_versions
    {{ on_segment_at_period_start('answers') }}
group by 1, 2, 3, 4, 5, 6, 7
{% endmacro %}

{#-
    The segments of all whose answers there are at a `moment`. Answers are attributed again also of customers about whom nothing else has
    changed; those are not among the segments that were replaced, and theirs are what they were.
-#}
{% macro segments_of_respondents(moment) %}
    {%- set is_changed = is_listed('customer_id', 'int_customers_changed') -%}
    {%- if moment == 'before' -%}
(
    select * from {{ rows_of('int_customer_segments_versioned', 'before') }}
    union all
    select * from {{ rows_of('int_customer_segments_versioned') }} where not {{ is_changed }}
)
    {%- else -%}
        {{ rows_of('int_customer_segments_versioned') }}
    {%- endif -%}
{% endmacro %}

{#- The counts that survey_sums gives. -#}
{% macro survey_counts() %}
    {{ return([
        'invited_count', 'valid_answer_count', 'positive_answer_count', 'top_box_answer_count', 'detractor_count', 'dropped_duplicate_count'
    ]) }}
{% endmacro %}
