{#-
    What medians are taken of, one row a value: order values, and days from one purchase day of a customer to the next. Grain: one row an
    order of known value (measure net_amount) or a purchase day that has a predecessor (measure days_between), in every grain.
    value_class groups values of like size: a higher class holds higher values only. `moment`: of which rows, see rows_of.
    `classes`: a relation (measure, period_grain, period_index, value_class); only values of these then.
    Names of measures have twelve characters at most, which engines keep inline: all values are grouped by them.
    All grains and both measures go through one join: each join more would hold the segments of all customers once more in memory.
-#}
{% macro median_values(moment='all', classes=none) %}
{%- set sources = {
    'net_amount': {
        'relation': rows_of('int_orders_valued', moment),
        'date': 'ordered_date',
        'value': 'measured.net_amount',
        'where': 'measured.is_valid_order and measured.net_amount is not null'
    },
    'days_between': {
        'relation': rows_of('int_purchase_days_aggregated', moment),
        'date': 'purchase_date',
        'value': days_between('measured.previous_purchase_date', 'measured.purchase_date'),
        'where': 'measured.previous_purchase_date is not null'
    }
} %}
select
    measured.measure,
    calendar_days.period_grain,
    calendar_days.period_index,
    {{ profile_at_period_start() }} as segment_profile_id,
    measured.value_class,
    measured.measured_value
from (
    {%- for measure, source in sources.items() %}
    select *
    from (
        select
            '{{ measure }}' as measure,
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
        ) as {{ measure }}_values
    ) as {{ measure }}_classes
    {{ 'union all' if not loop.last }}
    {%- endfor %}
) as measured
inner join {{ rows_of('int_calendar_days', moment) }} as calendar_days
    on measured.measured_date = calendar_days.calendar_date
{% if classes -%}
inner join (select distinct measure, period_grain, period_index, value_class from {{ classes }}) as wanted
    on measured.measure = wanted.measure
    and calendar_days.period_grain = wanted.period_grain
    and calendar_days.period_index = wanted.period_index
    and measured.value_class = wanted.value_class
{% endif -%}
left join {{ few_versions(rows_of('int_customer_segments_versioned', moment)) }} as segment_versions
    {{ on_segment_at_period_start('measured') }}
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
    select
        measure,
        period_grain,
        period_index,
        segment_profile_id,
        value_class,
        count(*) as value_count
    from ({{ median_values(moment) }}) as measured
    group by measure, period_grain, period_index, segment_profile_id, value_class
) as counted
inner join {{ rows_of('int_segment_profiles', moment) }} as segment_profiles
    on counted.segment_profile_id = segment_profiles.segment_profile_id
group by 1, 2, 3, 4, 5, 6
{% endmacro %}
