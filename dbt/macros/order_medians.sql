{#-
    What medians are taken of, one row a value: order values, and days from one purchase day of a customer to the next. Grain: one row an
    order of known value (measure net_amount) or a purchase day that has a predecessor (measure days_between_purchases), at one grain.
    value_class groups values of like size: a higher class holds higher values only. `moment`: of which rows, see rows_of.
    `classes`: a relation (measure, value_class); only values of these classes then.
-#}
{% macro median_values(period_grain, moment='all', classes=none) %}
{%- set sources = {
    'net_amount': {
        'relation': rows_of('int_orders_valued', moment),
        'date': 'ordered_date',
        'value': 'measured.net_amount',
        'where': 'measured.is_valid_order and measured.net_amount is not null'
    },
    'days_between_purchases': {
        'relation': rows_of('int_purchase_days_aggregated', moment),
        'date': 'purchase_date',
        'value': days_between('measured.previous_purchase_date', 'measured.purchase_date'),
        'where': 'measured.previous_purchase_date is not null'
    }
} %}
{%- for measure, source in sources.items() %}
select
    '{{ measure }}' as measure,
    calendar_days.period_index,
    {{ profile_at_period_start() }} as segment_profile_id,
    measured.value_class,
    measured.measured_value
from (
    select *
    from (
        select
            customer_id,
            measured_date,
            measured_value,
            -- Twenty classes to a factor of e.
            cast(sign(measured_value) * floor(20 * ln(1 + abs(measured_value))) as integer) as value_class
        from (
            select
                measured.customer_id,
                measured.{{ source.date }} as measured_date,
                cast({{ source.value }} as double) as measured_value
            from {{ source.relation }} as measured
            where {{ source.where }}
        ) as measured
    ) as measured
    {% if classes -%}
    where value_class in (select value_class from {{ classes }} where measure = '{{ measure }}')
    {%- endif %}
) as measured
inner join {{ rows_of('int_calendar_days', moment) }} as calendar_days
    on measured.measured_date = calendar_days.calendar_date
    and calendar_days.period_grain = '{{ period_grain }}'
left join {{ rows_of('int_customer_segments_versioned', moment) }} as segment_versions
    {{ on_segment_at_period_start('measured') }}
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endmacro %}

{#-
    How many values of each class there are by period and segment: as many as segments, periods and classes, however many values.
    `moment`: of which rows, see rows_of.
-#}
{% macro order_value_classes(moment='all') %}
select
    counted.measure,
    counted.period_grain,
    counted.period_index,
    segment_profiles.segment_type,
    segment_profiles.segment_value,
    counted.value_class,
    cast(sum(counted.value_count) as bigint) as row_count
from (
    {% for period_grain in period_grains() %}
    select
        measure,
        '{{ period_grain }}' as period_grain,
        period_index,
        segment_profile_id,
        value_class,
        count(*) as value_count
    from ({{ median_values(period_grain, moment) }}) as measured
    group by measure, period_index, segment_profile_id, value_class
    {{ 'union all' if not loop.last }}
    {% endfor %}
) as counted
inner join {{ rows_of('int_segment_profiles', moment) }} as segment_profiles
    on counted.segment_profile_id = segment_profiles.segment_profile_id
group by 1, 2, 3, 4, 5, 6
{% endmacro %}

{#-
    Exact medians by period and segment at one grain: the mean of the two middle values, or the middle one. The counts of values by class
    say which class holds the middle; only values of that class are put in order. So no step holds all values of a group, as an engine's
    own median does, and the work fits into memory at any size. Expects the CTEs segment_profiles and value_classes.
-#}
{% macro order_medians(period_grain) %}
{%- set group = ['measure', 'period_index', 'segment_type', 'segment_value'] | join(', ') %}
with ranked_classes as (

    select
        *,
        cast(sum(row_count) over (partition by {{ group }}) as bigint) as group_count,
        cast(sum(row_count) over (
            partition by {{ group }} order by value_class rows between unbounded preceding and current row
        ) as bigint) as last_rank
    from value_classes
    where period_grain = '{{ period_grain }}'

),

{#- The middle ranks of n values, counted from 1: floor((n + 1) / 2) and floor(n / 2) + 1. -#}
middle_classes as (

    select
        *,
        last_rank - row_count as lower_count,
        cast(floor((group_count + 1) / 2.0) as bigint) as first_middle_rank,
        cast(floor(group_count / 2.0) as bigint) + 1 as last_middle_rank
    from ranked_classes
    where last_rank >= floor((group_count + 1) / 2.0) and last_rank - row_count <= floor(group_count / 2.0)

),

middle_of_profiles as (

    -- Distinct already; said so that the engine does not repeat all values for their segments before it leaves most of them out.
    select distinct
        segment_profiles.segment_profile_id,
        middle_classes.*
    from middle_classes
    inner join segment_profiles
        on middle_classes.segment_type = segment_profiles.segment_type
        and middle_classes.segment_value = segment_profiles.segment_value

),

middle_values as (

    select
        middle_of_profiles.measure,
        middle_of_profiles.period_index,
        middle_of_profiles.segment_type,
        middle_of_profiles.segment_value,
        middle_of_profiles.first_middle_rank,
        middle_of_profiles.last_middle_rank,
        measured.measured_value,
        middle_of_profiles.lower_count + row_number() over (
            partition by
                middle_of_profiles.measure,
                middle_of_profiles.period_index,
                middle_of_profiles.segment_type,
                middle_of_profiles.segment_value,
                middle_of_profiles.value_class
            order by measured.measured_value
        ) as value_rank
    from ({{ median_values(period_grain, classes='middle_classes') }}) as measured
    inner join middle_of_profiles
        on measured.measure = middle_of_profiles.measure
        and measured.period_index = middle_of_profiles.period_index
        and measured.segment_profile_id = middle_of_profiles.segment_profile_id
        and measured.value_class = middle_of_profiles.value_class

)

select
    measure,
    '{{ period_grain }}' as period_grain,
    period_index,
    segment_type,
    segment_value,
    avg(measured_value) as median_value
from middle_values
where value_rank between first_middle_rank and last_middle_rank
group by {{ group }}
{% endmacro %}
