with sums_by_profile as (

    select * from {{ ref('int_survey_sums_aggregated') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

levels as (

    select true as is_total
    union all
    select false as is_total

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
        min(case when sums_by_profile.valid_answer_count > 0 then sums_by_profile.base_scale_id end) as lowest_scale_id,
        max(case when sums_by_profile.valid_answer_count > 0 then sums_by_profile.base_scale_id end) as highest_scale_id,
        {% for count in survey_counts() -%}
        cast(sum(sums_by_profile.{{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        sum(sums_by_profile.score_sum) as score_sum,
        sum(sums_by_profile.normalised_score_sum) as normalised_score_sum
    from sums_by_profile
    inner join segment_profiles
        on sums_by_profile.segment_profile_id = segment_profiles.segment_profile_id
    cross join levels as survey_levels
    cross join levels as touchpoint_levels
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
    case
        when sums.metric = 'ces' then {{ wilson_bound('sums.positive_answer_count', 'sums.valid_answer_count', -1) }}
    end as ces_lower,
    case
        when sums.metric = 'ces' then {{ wilson_bound('sums.positive_answer_count', 'sums.valid_answer_count', 1) }}
    end as ces_upper,
    periods.is_complete,
    periods.is_final
from sums
inner join periods
    on sums.period_grain = periods.period_grain
    and sums.period_index = periods.period_index
