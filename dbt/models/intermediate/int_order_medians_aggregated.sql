with segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

medians_changed as (

    select * from {{ ref('int_order_medians_changed') }}

),

taken as (

    {% for period_grain in period_grains() %}
    select
        measured.measure,
        '{{ period_grain }}' as period_grain,
        measured.period_index,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        {{ median_of('measured.measured_value') }} as median_value
    from ({{ median_values(period_grain) }}) as measured
    inner join segment_profiles
        on measured.segment_profile_id = segment_profiles.segment_profile_id
    {% if is_addition() -%}
    inner join medians_changed
        on medians_changed.period_grain = '{{ period_grain }}'
        and measured.measure = medians_changed.measure
        and measured.period_index = medians_changed.period_index
        and segment_profiles.segment_type = medians_changed.segment_type
        and segment_profiles.segment_value = medians_changed.segment_value
    -- Once more, so that values of other periods are left out before they are repeated for their segments.
    where (measured.measure, measured.period_index) in (
        select
            measure,
            period_index
        from medians_changed
        where period_grain = '{{ period_grain }}'
    )
    {%- endif %}
    group by 1, 2, 3, 4, 5
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from taken
{% if is_addition() %}
union all

select kept.*
from {{ this }} as kept
left join medians_changed
    on kept.measure = medians_changed.measure
    and kept.period_grain = medians_changed.period_grain
    and kept.period_index = medians_changed.period_index
    and kept.segment_type = medians_changed.segment_type
    and kept.segment_value = medians_changed.segment_value
where medians_changed.measure is null
{% endif %}
