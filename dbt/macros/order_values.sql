{#-
    Sums, counts and medians of orders at one grain, one row a period and segment in which anything happened. A customer's orders
    carry the segment the customer had at the period's start, so that the segments of a type add up to 'all'.
-#}
{% macro order_values(period_grain) %}
with calendar_days as (

    select * from {{ ref('int_calendar_days') }}
    where period_grain = '{{ period_grain }}'

),

orders as (

    select * from {{ ref('int_orders_valued') }}
    where is_valid_order

),

refunds as (

    select * from {{ ref('int_refunds_valued') }}

),

customer_periods as (

    select * from {{ ref('int_customer_periods_aggregated') }}
    where period_grain = '{{ period_grain }}'

),

purchase_days as (

    select * from {{ ref('int_purchase_days_aggregated') }}
    where previous_purchase_date is not null

),

segment_versions as (

    select * from {{ ref('int_customer_segments_versioned') }}

),

segment_profiles as (

    select * from {{ ref('int_segment_profiles') }}

),

order_sums as (

    select
        calendar_days.period_index,
        {{ profile_at_period_start() }} as segment_profile_id,
        count(*) as order_count,
        count(orders.net_amount) as valued_order_count,
        count(case when orders.customer_id is null then 1 end) as anonymous_order_count,
        sum(orders.gross_amount) as gross_amount,
        {% for amount in ['discount', 'shipping', 'tax', 'refund'] -%}
        -- An order of unknown value stays out of both sides of every fraction.
        sum(case when orders.net_amount is not null then orders.{{ amount }}_amount end) as {{ amount }}_amount{{ ',' if not loop.last }}
        {% endfor %}
    from orders
    inner join calendar_days
        on orders.ordered_date = calendar_days.calendar_date
    {{ join_segment_at_period_start('orders') }}
    group by 1, 2

),

refund_sums as (

    select
        calendar_days.period_index,
        {{ profile_at_period_start() }} as segment_profile_id,
        sum(refunds.refund_amount) as refund_amount
    from refunds
    inner join calendar_days
        on refunds.refunded_date = calendar_days.calendar_date
    {{ join_segment_at_period_start('refunds') }}
    group by 1, 2

),

buyer_sums as (

    select
        customer_periods.period_index,
        {{ profile_at_period_start() }} as segment_profile_id,
        count(*) as buyer_count,
        count(case when customer_periods.order_count >= 2 then 1 end) as repeat_buyer_count
    from customer_periods
    inner join (select distinct period_index, period_start from calendar_days) as calendar_days
        on customer_periods.period_index = calendar_days.period_index
    {{ join_segment_at_period_start('customer_periods') }}
    group by 1, 2

),

medians as (

    select
        calendar_days.period_index,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        {{ median_of('orders.net_amount') }} as net_amount_median
    from orders
    inner join calendar_days
        on orders.ordered_date = calendar_days.calendar_date
    {{ join_segment_at_period_start('orders') }}
    inner join segment_profiles
        on {{ profile_at_period_start() }} = segment_profiles.segment_profile_id
    where orders.net_amount is not null
    group by 1, 2, 3

),

gap_medians as (

    select
        calendar_days.period_index,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        {{ median_of(days_between('purchase_days.previous_purchase_date', 'purchase_days.purchase_date')) }}
            as median_days_between_purchases
    from purchase_days
    inner join calendar_days
        on purchase_days.purchase_date = calendar_days.calendar_date
    {{ join_segment_at_period_start('purchase_days') }}
    inner join segment_profiles
        on {{ profile_at_period_start() }} = segment_profiles.segment_profile_id
    group by 1, 2, 3

),

{% set counts = ['order_count', 'valued_order_count', 'anonymous_order_count', 'buyer_count', 'repeat_buyer_count'] -%}

sums as (

    {{ union_of_sums(counts + order_value_amounts(), [
        {
            'relation': 'order_sums',
            'keyed_by': ['period_index', 'segment_profile_id'],
            'sums': {
                'order_count': 'order_count',
                'valued_order_count': 'valued_order_count',
                'anonymous_order_count': 'anonymous_order_count',
                'gross_amount': 'gross_amount',
                'discount_amount': 'discount_amount',
                'shipping_amount': 'shipping_amount',
                'tax_amount': 'tax_amount',
                'refund_amount_by_order_date': 'refund_amount'
            }
        },
        {
            'relation': 'buyer_sums',
            'keyed_by': ['period_index', 'segment_profile_id'],
            'sums': {'buyer_count': 'buyer_count', 'repeat_buyer_count': 'repeat_buyer_count'}
        },
        {
            'relation': 'refund_sums',
            'keyed_by': ['period_index', 'segment_profile_id'],
            'sums': {'refund_amount_by_refund_date': 'refund_amount'}
        }
    ]) }}

),

segment_sums as (

    select
        sums.period_index,
        segment_profiles.segment_type,
        segment_profiles.segment_value,
        {% for count in counts -%}
        cast(sum(sums.{{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        {% for amount in order_value_amounts() -%}
        cast(coalesce(sum(sums.{{ amount }}), 0) as decimal(28, 4)) as {{ amount }}{{ ',' if not loop.last }}
        {% endfor %}
    from sums
    inner join segment_profiles
        on sums.segment_profile_id = segment_profiles.segment_profile_id
    group by 1, 2, 3

)

select
    '{{ period_grain }}' as period_grain,
    segment_sums.*,
    medians.net_amount_median,
    gap_medians.median_days_between_purchases
from segment_sums
left join medians
    on segment_sums.period_index = medians.period_index
    and segment_sums.segment_type = medians.segment_type
    and segment_sums.segment_value = medians.segment_value
left join gap_medians
    on segment_sums.period_index = gap_medians.period_index
    and segment_sums.segment_type = gap_medians.segment_type
    and segment_sums.segment_value = gap_medians.segment_value
{% endmacro %}

{#- The sums of money that order_values gives. -#}
{% macro order_value_amounts() %}
    {{ return([
        'gross_amount', 'discount_amount', 'shipping_amount', 'tax_amount', 'refund_amount_by_order_date',
        'refund_amount_by_refund_date'
    ]) }}
{% endmacro %}
