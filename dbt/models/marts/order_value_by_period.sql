with order_values as (

    select * from {{ ref('int_order_values_aggregated') }}

),

periods as (

    select * from {{ ref('int_periods') }}

),

segments as (

    select distinct
        period_grain,
        segment_type,
        segment_value
    from order_values

),

dense as (

    -- A period without any order is a row of zeros.
    select
        periods.period_grain,
        periods.period_start,
        periods.period_end,
        segments.segment_type,
        segments.segment_value,
        {% for count in ['order', 'valued_order', 'anonymous_order', 'buyer', 'repeat_buyer'] -%}
        coalesce(order_values.{{ count }}_count, 0) as {{ count }}_count,
        {% endfor -%}
        {% for amount in order_value_amounts() -%}
        coalesce(order_values.{{ amount }}, 0) as {{ amount }},
        {% endfor -%}
        order_values.net_amount_median,
        order_values.median_days_between_purchases,
        periods.is_complete,
        periods.is_final
    from segments
    inner join periods
        on segments.period_grain = periods.period_grain
    left join order_values
        on segments.period_grain = order_values.period_grain
        and segments.segment_type = order_values.segment_type
        and segments.segment_value = order_values.segment_value
        and periods.period_index = order_values.period_index

),

netted as (

    select
        *,
        gross_amount - discount_amount as net_amount,
        gross_amount - discount_amount - refund_amount_by_order_date as net_amount_after_refunds
    from dense

)

select
    period_grain,
    period_start,
    period_end,
    segment_type,
    segment_value,
    order_count,
    valued_order_count,
    buyer_count,
    repeat_buyer_count,
    anonymous_order_count,
    gross_amount,
    discount_amount,
    cast(net_amount as decimal(28, 4)) as net_amount,
    shipping_amount,
    tax_amount,
    refund_amount_by_order_date,
    refund_amount_by_refund_date,
    cast(net_amount_after_refunds as decimal(28, 4)) as net_amount_after_refunds,
    {{ money_ratio('gross_amount', 'valued_order_count') }} as aov_gross,
    {{ money_ratio('net_amount', 'valued_order_count') }} as aov_net,
    {{ money_ratio('net_amount_after_refunds', 'valued_order_count') }} as aov_net_after_refunds,
    {{ money_ratio('net_amount + shipping_amount', 'valued_order_count') }} as aov_incl_shipping,
    {{ money_ratio('net_amount + shipping_amount + tax_amount', 'valued_order_count') }} as aov_incl_shipping_and_tax,
    {{ double_as_decimal('net_amount_median', 28, 6) }} as aov_net_median,
    {{ rate('order_count - anonymous_order_count', 'buyer_count') }} as purchase_frequency,
    {{ rate('repeat_buyer_count', 'buyer_count') }} as repeat_purchase_rate,
    median_days_between_purchases,
    {{ rate_status('valued_order_count') }} as rate_status,
    {{ rate_status('buyer_count') }} as buyer_rate_status,
    is_complete,
    is_final
from netted
