{#- Refunds can take revenue below 0, and a share of that says nothing. -#}
{%- set revenue_base = 'case when revenue_at_start > 0 then revenue_at_start end' -%}

with segment_movements as (

    select * from {{ ref('int_segment_movements_aggregated') }}

)

select
    period_grain,
    period_start,
    period_end,
    segment_type,
    segment_value,
    activity_definition,
    {{ rate_status('customers_at_start') }} as rate_status,
    customers_at_start,
    lost_customers,
    {{ rate('lost_customers', 'customers_at_start') }} as churn_rate,
    {{ wilson_bound('lost_customers', 'customers_at_start', -1) }} as churn_rate_lower,
    {{ wilson_bound('lost_customers', 'customers_at_start', 1) }} as churn_rate_upper,
    new_customers_at_start,
    lost_new_customers,
    {{ rate('lost_new_customers', 'new_customers_at_start') }} as new_customer_churn_rate,
    {{ rate_status('new_customers_at_start') }} as new_customer_churn_rate_status,
    revenue_at_start,
    churned_revenue,
    contraction_revenue,
    expansion_revenue,
    reactivation_revenue,
    new_revenue,
    revenue_at_end,
    {{ rate('churned_revenue + contraction_revenue', revenue_base) }} as gross_revenue_churn_rate,
    {{ rate(
        'churned_revenue + contraction_revenue - expansion_revenue - reactivation_revenue', revenue_base
    ) }} as net_revenue_churn_rate,
    {{ rate('revenue_at_start - churned_revenue - contraction_revenue', revenue_base) }} as gross_revenue_retention_rate,
    {{ rate(
        'revenue_at_start - churned_revenue - contraction_revenue + expansion_revenue', revenue_base
    ) }} as net_revenue_retention_rate,
    {{ rate(
        'revenue_at_start - churned_revenue - contraction_revenue + expansion_revenue + reactivation_revenue', revenue_base
    ) }} as net_revenue_retention_rate_incl_reactivation,
    -- Whether a base is small is a question of people.
    case
        when revenue_at_start > 0 then {{ rate_status('customers_at_start') }}
        else 'no_base'
    end as revenue_rate_status,
    is_complete,
    is_final
from segment_movements
