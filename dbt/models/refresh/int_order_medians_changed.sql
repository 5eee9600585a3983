{#-
    Medians that a refresh takes again: those of periods and segments in which a value came, went or changed. A median is no sum, so it
    cannot be corrected; but a day brings new values to few periods. None where all are taken anew.
-#}
-- depends_on: {{ ref('int_orders_valued') }}
-- depends_on: {{ ref('int_purchase_days_aggregated') }}
-- depends_on: {{ ref('int_customer_segments_versioned') }}
-- depends_on: {{ ref('int_calendar_days') }}

with segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

{% if is_addition() -%}
known_profiles as (

    -- The last customer of a profile may have left it.
    select * from {{ rows_of('int_segment_profiles', 'before') }}
    union
    select * from segment_profiles

),

signed_values as (

    {% for moment, sign in {'before': -1, 'after': 1}.items() %}
    select
        measured.*,
        {{ sign }} as sign
    from ({{ median_values(moment) }}) as measured
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

changed_values as (

    select
        measure,
        period_grain,
        period_index,
        segment_profile_id
    from signed_values
    group by measure, period_grain, period_index, segment_profile_id, measured_value
    having sum(sign) != 0

)

select distinct
    changed_values.measure,
    changed_values.period_grain,
    changed_values.period_index,
    known_profiles.segment_type,
    known_profiles.segment_value
from changed_values
inner join known_profiles
    on changed_values.segment_profile_id = known_profiles.segment_profile_id
{%- else -%}
nothing as (

    select
        'net_amount' as measure,
        'week' as period_grain,
        1 as period_index,
        segment_type,
        segment_value
    from segment_profiles
    where false

)

select * from nothing
{%- endif %}
