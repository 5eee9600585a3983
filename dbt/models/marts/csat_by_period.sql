with answers as (

    select * from {{ ref('int_survey_answers_attributed') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

calendar_days as (

    select * from {{ ref('int_calendar_days') }}

),

segment_versions as (

    select * from {{ ref('int_customer_segments_versioned') }}

),

segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

placed as (

    select
        answers.*,
        calendar_days.period_grain,
        calendar_days.period_index,
        {{ profile_at_period_start() }} as segment_profile_id
    from answers
    inner join calendar_days
        on answers.event_date = calendar_days.calendar_date
    {{ join_segment_at_period_start('answers') }}
    where answers.exclusion_reason is null or answers.exclusion_reason = 'duplicate_answer'

),

judged as (

    select
        *,
        exclusion_reason is null and is_answered as is_valid
    from placed

),

-- Sums first: only they, not the answers, are then repeated for the totals and the segments.
sums_by_profile as (

    select
        period_grain,
        period_index,
        segment_profile_id,
        metric,
        survey_id,
        touchpoint,
        min(case when is_valid then base_scale_id end) as lowest_scale_id,
        max(case when is_valid then base_scale_id end) as highest_scale_id,
        count(case when exclusion_reason is null then 1 end) as invited_count,
        count(case when is_valid then 1 end) as valid_answer_count,
        count(case when is_valid and is_positive then 1 end) as positive_answer_count,
        count(case when is_valid and is_top_box then 1 end) as top_box_answer_count,
        count(case when is_valid and turned_score <= 6 then 1 end) as detractor_count,
        count(case when exclusion_reason is not null then 1 end) as dropped_duplicate_count,
        sum(case when is_valid then turned_score end) as score_sum,
        sum(case when is_valid then normalised_score end) as normalised_score_sum
    from judged
    group by 1, 2, 3, 4, 5, 6

),

sums as (

    -- Surveys and touchpoints one by one and all together.
    select
        sums_by_profile.period_grain,
        sums_by_profile.period_index,
        sums_by_profile.metric,
        case when survey_levels.is_total then 'all' else sums_by_profile.survey_id end as survey_id,
        case when touchpoint_levels.is_total then 'all' else sums_by_profile.touchpoint end as touchpoint,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        min(sums_by_profile.lowest_scale_id) as lowest_scale_id,
        max(sums_by_profile.highest_scale_id) as highest_scale_id,
        {% for count in ['invited', 'valid_answer', 'positive_answer', 'top_box_answer', 'detractor', 'dropped_duplicate'] -%}
        cast(sum(sums_by_profile.{{ count }}_count) as bigint) as {{ count }}_count,
        {% endfor -%}
        sum(sums_by_profile.score_sum) as score_sum,
        sum(sums_by_profile.normalised_score_sum) as normalised_score_sum
    from sums_by_profile
    inner join segment_profiles
        on sums_by_profile.segment_profile_id = segment_profiles.segment_profile_id
    cross join (select true as is_total union all select false as is_total) as survey_levels
    cross join (select true as is_total union all select false as is_total) as touchpoint_levels
    group by 1, 2, 3, 4, 5, 6, 7

)

select
    periods.period_grain,
    periods.period_start,
    periods.period_end,
    sums.segment_type,
    sums.segment_value,
    sums.metric,
    sums.survey_id,
    sums.touchpoint,
    {{ rate_status('sums.valid_answer_count') }} as rate_status,
    sums.invited_count,
    sums.valid_answer_count,
    sums.positive_answer_count,
    sums.top_box_answer_count,
    sums.detractor_count,
    sums.dropped_duplicate_count,
    {{ rate('sums.valid_answer_count', 'sums.invited_count') }} as response_rate,
    case when sums.metric = 'csat' then {{ rate('sums.positive_answer_count', 'sums.valid_answer_count') }} end as csat,
    case
        when sums.metric = 'csat' then {{ wilson_bound('sums.positive_answer_count', 'sums.valid_answer_count', -1) }}
    end as csat_lower,
    case
        when sums.metric = 'csat' then {{ wilson_bound('sums.positive_answer_count', 'sums.valid_answer_count', 1) }}
    end as csat_upper,
    {{ rate('sums.top_box_answer_count', 'sums.valid_answer_count') }} as top_box_rate,
    -- Raw scores of different scales are never averaged.
    case
        when sums.lowest_scale_id = sums.highest_scale_id then {{ rate('sums.score_sum', 'sums.valid_answer_count') }}
    end as mean_score,
    {{ rate('sums.normalised_score_sum', 'sums.valid_answer_count') }} as mean_score_normalised,
    case
        when sums.metric = 'nps' then 100 * {{ rate('sums.positive_answer_count - sums.detractor_count', 'sums.valid_answer_count') }}
    end as nps,
    case when sums.metric = 'ces' then {{ rate('sums.positive_answer_count', 'sums.valid_answer_count') }} end as ces,
    periods.is_complete,
    periods.is_final
from sums
inner join periods
    on sums.period_grain = periods.period_grain
    and sums.period_index = periods.period_index
