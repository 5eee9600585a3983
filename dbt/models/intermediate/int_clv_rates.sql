{#- Rates of a group of customers, which stand in where a customer's own history is too short. Grain: segment_value, and 'all'. -#}
with customers as (

    select * from {{ ref('int_customers_aggregated') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

segment_movements as (

    select * from {{ ref('int_segment_movements_aggregated') }}
    where period_grain = 'year'
    and activity_definition = '{{ var("clv_activity_definition") }}'
    and segment_type in ('all', '{{ var("clv_segment_type") }}')
    and is_complete

),

experienced as (

    -- Customers whose first purchase is long enough ago; one purchase in the first week is no rate of fifty a year.
    select
        customers.{{ var('clv_segment_type') }} as segment_value,
        customers.purchase_count,
        {{ days_between('customers.first_purchase_date', 'as_of.as_of_date') }} as age_days
    from customers
    cross join as_of
    where {{ days_between('customers.first_purchase_date', 'as_of.as_of_date') }} >= {{ var('clv_minimum_history_days') }}

),

frequencies as (

    select
        'all' as segment_type,
        'all' as segment_value,
        count(*) as customer_count,
        {{ rate('sum(purchase_count) * 365.25', 'sum(age_days)') }} as purchases_per_year
    from experienced

    union all

    select
        '{{ var("clv_segment_type") }}' as segment_type,
        segment_value,
        count(*) as customer_count,
        {{ rate('sum(purchase_count) * 365.25', 'sum(age_days)') }} as purchases_per_year
    from experienced
    group by segment_value

),

latest_years as (

    select
        segment_type,
        segment_value,
        customers_at_start,
        {{ rate('customers_at_end - new_customers', 'customers_at_start') }} as retention_rate,
        {{ rate('lost_customers', 'customers_at_start') }} as churn_rate,
        row_number() over (partition by segment_type, segment_value order by period_index desc) as recency_rank
    from segment_movements

),

last_years as (

    select * from latest_years
    where recency_rank = 1

)

-- A segment may have either only: members at the start of the year who have all moved on, or experience since then.
select
    coalesce(frequencies.segment_type, last_years.segment_type) as segment_type,
    coalesce(frequencies.segment_value, last_years.segment_value) as segment_value,
    cast(coalesce(frequencies.customer_count, 0) as bigint) as customer_count,
    frequencies.purchases_per_year,
    cast(coalesce(last_years.customers_at_start, 0) as bigint) as customers_at_start,
    last_years.retention_rate,
    last_years.churn_rate
from frequencies
full outer join last_years
    on frequencies.segment_type = last_years.segment_type
    and frequencies.segment_value = last_years.segment_value
