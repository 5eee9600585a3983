with sums as (

    select * from {{ ref('int_order_value_sums_aggregated') }}

),

medians as (

    select * from {{ ref('int_order_medians_aggregated') }}

),

segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

segment_sums as (

    select
        sums.period_grain,
        sums.period_index,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        {% for count in order_value_counts() -%}
        cast(sum(sums.{{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        {% for amount in order_value_amounts() -%}
        cast(sum(sums.{{ amount }}) as decimal(28, 4)) as {{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from sums
    inner join segment_profiles
        on sums.segment_profile_id = segment_profiles.segment_profile_id
    group by 1, 2, 3, 4

)

select
    segment_sums.*,
    net_amounts.median_value as net_amount_median,
    gaps.median_value as median_days_between_purchases
from segment_sums
{% for name, measure in {'net_amounts': 'net_amount', 'gaps': 'days_between'}.items() -%}
left join medians as {{ name }}
    on {{ name }}.measure = '{{ measure }}'
    and segment_sums.period_grain = {{ name }}.period_grain
    and segment_sums.period_index = {{ name }}.period_index
    and segment_sums.segment_type = {{ name }}.segment_type
    and segment_sums.segment_value = {{ name }}.segment_value
{% endfor %}
