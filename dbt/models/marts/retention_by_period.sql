with segment_movements as (

    select * from {{ ref('int_segment_movements_aggregated') }}

),

rates as (

    select
        *,
        {{ rate('customers_at_end - new_customers', 'customers_at_start') }} as retention_rate,
        {{ rate('retained_customers', 'customers_at_start') }} as retention_rate_excl_reactivated
    from segment_movements

),

trailing_medians as (

    -- The company's own past: complete periods only, the current one not among them.
    select
        rates.period_grain,
        rates.period_index,
        rates.activity_definition,
        rates.segment_type,
        rates.segment_value,
        {{ median_of('earlier.retention_rate') }} as retention_rate_trailing_median
    from rates
    inner join rates as earlier
        on rates.period_grain = earlier.period_grain
        and rates.activity_definition = earlier.activity_definition
        and rates.segment_type = earlier.segment_type
        and rates.segment_value = earlier.segment_value
        and earlier.period_index between rates.period_index - {{ var('trailing_median_periods') }} and rates.period_index - 1
    where earlier.is_complete
    group by 1, 2, 3, 4, 5

)

select
    rates.period_grain,
    rates.period_start,
    rates.period_end,
    rates.segment_type,
    rates.segment_value,
    rates.activity_definition,
    {{ rate_status('rates.customers_at_start') }} as rate_status,
    rates.customers_at_start,
    rates.customers_at_end,
    rates.new_customers,
    rates.retained_customers,
    rates.reactivated_customers,
    rates.lost_customers,
    rates.new_and_lost_customers,
    rates.retention_rate,
    rates.retention_rate_excl_reactivated,
    {{ wilson_bound('rates.retained_customers', 'rates.customers_at_start', -1) }} as retention_rate_excl_reactivated_lower,
    {{ wilson_bound('rates.retained_customers', 'rates.customers_at_start', 1) }} as retention_rate_excl_reactivated_upper,
    previous_periods.retention_rate as retention_rate_previous_period,
    last_year.retention_rate as retention_rate_same_period_last_year,
    trailing_medians.retention_rate_trailing_median,
    rates.is_complete,
    rates.is_final
from rates
left join rates as previous_periods
    on rates.period_grain = previous_periods.period_grain
    and rates.activity_definition = previous_periods.activity_definition
    and rates.segment_type = previous_periods.segment_type
    and rates.segment_value = previous_periods.segment_value
    and rates.period_index - 1 = previous_periods.period_index
left join rates as last_year
    on rates.period_grain = last_year.period_grain
    and rates.activity_definition = last_year.activity_definition
    and rates.segment_type = last_year.segment_type
    and rates.segment_value = last_year.segment_value
    and rates.period_index - case rates.period_grain
        {% for period_grain, periods_per_year in period_grains().items() -%}
        when '{{ period_grain }}' then {{ periods_per_year }}
        {% endfor -%}
    end = last_year.period_index
left join trailing_medians
    on rates.period_grain = trailing_medians.period_grain
    and rates.activity_definition = trailing_medians.activity_definition
    and rates.segment_type = trailing_medians.segment_type
    and rates.segment_value = trailing_medians.segment_value
    and rates.period_index = trailing_medians.period_index
