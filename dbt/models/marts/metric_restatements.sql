with restatements as (

    select * from {{ source('raw', 'restatements') }}

)

select
    metric,
    period_grain,
    period_start,
    segment_type,
    segment_value,
    activity_definition,
    cohort_start,
    survey_metric,
    survey_id,
    touchpoint,
    cause,
    first_published_release_id,
    previous_release_id,
    run_id,
    cast(
        row_number() over (
            partition by
                metric,
                period_grain,
                period_start,
                segment_type,
                segment_value,
                activity_definition,
                cohort_start,
                survey_metric,
                survey_id,
                touchpoint
            order by restated_at, previous_release_id
        ) as bigint
    ) as change_number,
    first_published_value,
    value_before,
    value_after,
    value_after - value_before as value_change,
    load_sequence_from,
    load_sequence_to,
    first_published_at,
    restated_at
from restatements
