{%- set cap = var('clv_lifespan_cap_years') -%}
{#- A group without anybody has no rates, however small a base may be. -#}
{%- set fewest_customers = [var('small_base_limit'), 1] | max -%}

with customers as (

    select * from {{ ref('int_customers_aggregated') }}

),

as_of as (

    select * from {{ ref('int_as_of') }}

),

segment_rates as (

    select * from {{ ref('int_clv_rates') }}
    where segment_type = '{{ var("clv_segment_type") }}'

),

all_rates as (

    select * from {{ ref('int_clv_rates') }}
    where segment_type = 'all'

),

measured as (

    select
        customers.customer_id,
        as_of.as_of_date,
        customers.{{ var('clv_segment_type') }} as segment_value,
        customers.purchase_count,
        customers.purchase_day_count,
        greatest(customers.purchase_day_count - 1, 0) as repeat_purchase_day_count,
        {{ days_between('customers.first_purchase_date', 'customers.last_purchase_date') }} as recency_days,
        {{ days_between('customers.first_purchase_date', 'as_of.as_of_date') }} as age_days,
        {{ money_ratio('customers.net_amount', 'customers.valued_purchase_count') }} as average_order_value,
        case
            when customers.purchase_day_count > 1
                then {{ money_ratio('customers.repeat_net_amount', 'customers.purchase_day_count - 1') }}
        end as repeat_average_purchase_day_amount,
        customers.net_amount,
        -- Refunds can take it below 0, and a share of that says nothing.
        {{ rate(
            'customers.costed_net_amount - customers.cost_amount',
            'case when customers.costed_net_amount > 0 then customers.costed_net_amount end'
        ) }} as gross_margin_rate,
        case
            when customers.costed_net_amount > 0
                then cast(customers.costed_net_amount - customers.cost_amount as decimal(28, 4))
        end as margin_amount,
        customers.costed_net_amount,
        customers.acquisition_cost
    from customers
    cross join as_of

),

sourced as (

    -- The customer's own rate where the history is long enough, else that of the segment, else that of all.
    select
        measured.*,
        case
            when measured.age_days >= {{ var('clv_minimum_history_days') }} then 'customer'
            when segment_rates.customer_count >= {{ fewest_customers }} then 'segment'
            when all_rates.purchases_per_year is not null then 'all'
            else 'none'
        end as input_source,
        case
            when segment_rates.customers_at_start >= {{ fewest_customers }} then 'segment'
            when all_rates.customers_at_start > 0 then 'all'
            else 'none'
        end as retention_source,
        {{ rate('measured.purchase_count * 365.25', 'measured.age_days') }} as own_purchases_per_year,
        segment_rates.purchases_per_year as segment_purchases_per_year,
        all_rates.purchases_per_year as all_purchases_per_year,
        segment_rates.retention_rate as segment_retention_rate,
        all_rates.retention_rate as all_retention_rate,
        segment_rates.churn_rate as segment_churn_rate,
        all_rates.churn_rate as all_churn_rate
    from measured
    left join segment_rates
        on measured.segment_value = segment_rates.segment_value
    cross join all_rates

),

inputs as (

    select
        *,
        case input_source
            when 'customer' then own_purchases_per_year
            when 'segment' then segment_purchases_per_year
            when 'all' then all_purchases_per_year
        end as purchases_per_year,
        case retention_source
            when 'segment' then segment_retention_rate
            when 'all' then all_retention_rate
        end as retention_rate_used,
        case retention_source
            when 'segment' then segment_churn_rate
            when 'all' then all_churn_rate
        end as churn_rate_used
    from sourced

),

lifespans as (

    select
        *,
        {% if cap is not none -%}
        -- Nobody lost means no end in sight: the cap is what is believed then.
        case
            when churn_rate_used is null then null
            when churn_rate_used = 0 then cast({{ cap }} as double)
            else least({{ rate('1', 'churn_rate_used') }}, cast({{ cap }} as double))
        end as lifespan_years
        {%- else -%}
        {{ rate('1', 'churn_rate_used') }} as lifespan_years
        {%- endif %}
    from inputs

),

valued as (

    select
        *,
        cast(average_order_value as double) * purchases_per_year * retention_rate_used as retention_form_amount,
        purchases_per_year * cast(average_order_value as double) * lifespan_years as lifespan_form_amount
    from lifespans

),

by_method as (

    select
        valued.*,
        methods.clv_method,
        case methods.clv_method
            when 'historic' then cast(net_amount as double)
            when 'retention_form' then retention_form_amount
            when 'lifespan_form' then lifespan_form_amount
            when 'profit_form' then lifespan_form_amount * gross_margin_rate - cast(acquisition_cost as double)
        end as clv_amount,
        case
            when purchase_count = 0 then 'no_purchase'
            when average_order_value is null then 'no_valued_purchase'
            when clv_method = 'historic' then 'ok'
            when purchases_per_year is null then 'short_history'
            when retention_source = 'none' then 'no_base'
            when clv_method in ('lifespan_form', 'profit_form') and lifespan_years is null then 'no_churn'
            when clv_method = 'profit_form' and gross_margin_rate is null then 'unknown_margin'
            when clv_method = 'profit_form' and acquisition_cost is null then 'unknown_acquisition_cost'
            else 'ok'
        end as clv_status
    from valued
    cross join (
        select 'historic' as clv_method
        union all
        select 'retention_form' as clv_method
        union all
        select 'lifespan_form' as clv_method
        union all
        select 'profit_form' as clv_method
    ) as methods

)

select
    customer_id,
    clv_method,
    as_of_date,
    purchase_count,
    purchase_day_count,
    repeat_purchase_day_count,
    recency_days,
    age_days,
    average_order_value,
    repeat_average_purchase_day_amount,
    purchases_per_year,
    retention_rate_used,
    churn_rate_used,
    lifespan_years,
    gross_margin_rate,
    acquisition_cost,
    input_source,
    retention_source,
    {{ double_as_decimal("case when clv_status = 'ok' then clv_amount end", 28, 4) }} as clv_amount,
    margin_amount,
    costed_net_amount,
    clv_status
from by_method
