{#-
    Exact medians by period and segment: the mean of the two middle values, or the middle one. The counts of values by class say which class
    holds the middle; only values of that class are put in order. So no step holds all values of a group, as an engine's own median does,
    and the work fits into memory at any size.
-#}
{%- set medians = ['measure', 'period_grain', 'period_index', 'segment_type', 'segment_value'] -%}

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
        on {% for column in medians -%}
        value_classes.{{ column }} = medians_changed.{{ column }}{{ ' and ' if not loop.last }}
        {%- endfor %}
    {%- endif %}

),

ranked_classes as (

    select
        *,
        cast(sum(row_count) over (partition by {{ medians | join(', ') }}) as bigint) as group_count,
        cast(sum(row_count) over (
            partition by {{ medians | join(', ') }} order by value_class rows between unbounded preceding and current row
        ) as bigint) as last_rank
    from value_classes

),

{#- The middle ranks of n values, counted from 1: floor((n + 1) / 2) and floor(n / 2) + 1. -#}
middle_classes as (

    select
        *,
        last_rank - row_count as lower_count,
        cast(floor((group_count + 1) / 2.0) as bigint) as first_middle_rank,
        cast(floor(group_count / 2.0) as bigint) + 1 as last_middle_rank,
        -- A number instead of five texts: it goes with every value.
        row_number() over (order by {{ medians | join(', ') }}, value_class) as middle_class_id
    from ranked_classes
    where last_rank >= floor((group_count + 1) / 2.0) and last_rank - row_count <= floor(group_count / 2.0)

),

middle_of_profiles as (

    -- Distinct already; said so that the engine does not repeat all values for their segments before it leaves most of them out.
    select distinct
        segment_profiles.segment_profile_id,
        middle_classes.measure,
        middle_classes.period_grain,
        middle_classes.period_index,
        middle_classes.value_class,
        middle_classes.middle_class_id
    from middle_classes
    inner join segment_profiles
        on middle_classes.segment_type = segment_profiles.segment_type
        and middle_classes.segment_value = segment_profiles.segment_value

),

measured_values as (

    {{ median_values(classes='middle_classes') }}

),

value_counts as (

    select
        middle_of_profiles.middle_class_id,
        measured_values.measured_value,
        count(*) as value_count
    from measured_values
    inner join middle_of_profiles
        on measured_values.measure = middle_of_profiles.measure
        and measured_values.period_grain = middle_of_profiles.period_grain
        and measured_values.period_index = middle_of_profiles.period_index
        and measured_values.segment_profile_id = middle_of_profiles.segment_profile_id
        and measured_values.value_class = middle_of_profiles.value_class
    group by middle_of_profiles.middle_class_id, measured_values.measured_value

),

ranked_values as (

    select
        *,
        sum(value_count) over (
            partition by middle_class_id order by measured_value rows between unbounded preceding and current row
        ) as last_rank_in_class
    from value_counts

),

placed_values as (

    select
        {% for column in medians -%}
        middle_classes.{{ column }},
        {% endfor -%}
        middle_classes.first_middle_rank,
        middle_classes.last_middle_rank,
        ranked_values.measured_value,
        middle_classes.lower_count + ranked_values.last_rank_in_class - ranked_values.value_count + 1 as first_rank,
        middle_classes.lower_count + ranked_values.last_rank_in_class as last_rank
    from ranked_values
    inner join middle_classes
        on ranked_values.middle_class_id = middle_classes.middle_class_id

),

taken as (

    -- The mean of the value at the first middle rank and the value at the last, which may be the same one.
    select
        {{ medians | join(',\n        ') }},
        sum(
            measured_value * (
                case when first_middle_rank between first_rank and last_rank then 1 else 0 end
                + case when last_middle_rank between first_rank and last_rank then 1 else 0 end
            )
        ) / 2 as median_value
    from placed_values
    group by {{ medians | join(', ') }}

)

select * from taken
{% if is_addition() %}
union all

select kept.*
from {{ this }} as kept
left join medians_changed
    on {% for column in medians -%}
    kept.{{ column }} = medians_changed.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor %}
where medians_changed.measure is null
{% endif %}
