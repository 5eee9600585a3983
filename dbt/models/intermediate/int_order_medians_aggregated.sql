with segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

medians_changed as (

    select * from {{ ref('int_order_medians_changed') }}

),

value_classes as (

    select value_classes.*
    from {{ ref('int_order_value_classes_aggregated') }} as value_classes
    {% if is_addition() -%}
    inner join medians_changed
        on value_classes.measure = medians_changed.measure
        and value_classes.period_grain = medians_changed.period_grain
        and value_classes.period_index = medians_changed.period_index
        and value_classes.segment_type = medians_changed.segment_type
        and value_classes.segment_value = medians_changed.segment_value
    {%- endif %}

),

taken as (

    {% for period_grain in period_grains() %}
    select * from (
        {{ order_medians(period_grain) }}
    ) as by_{{ period_grain }}
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
