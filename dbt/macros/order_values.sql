{#-
    Sums and counts of orders at every grain by segment profile. A customer's orders carry the segment the customer had at the period's
    start, so that the segments of a type add up to 'all'. row_count is 0 where nothing is left behind the sums. `moment`: of which
    rows, see rows_of.
    All grains go through one join: an engine that guesses too few orders would hold all of them in memory, grain by grain.
-#}
{% macro order_value_sums(moment='all') %}
with calendar_days as (

    select * from {{ rows_of('int_calendar_days', moment) }}

),

orders as (

    select * from {{ rows_of('int_orders_valued', moment) }}
    where is_valid_order

),

refunds as (

    select * from {{ rows_of('int_refunds_valued', moment) }}

),

customer_periods as (

    select * from {{ rows_of('int_customer_periods_aggregated', moment) }}

),

segment_versions as (

    select * from {{ few_versions(rows_of('int_customer_segments_versioned', moment)) }} as versions

),

order_sums as (

    select
        calendar_days.period_grain,
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
    group by 1, 2, 3

),

refund_sums as (

    select
        calendar_days.period_grain,
        calendar_days.period_index,
        {{ profile_at_period_start() }} as segment_profile_id,
        count(*) as refund_count,
        sum(refunds.refund_amount) as refund_amount
    from refunds
    inner join calendar_days
        on refunds.refunded_date = calendar_days.calendar_date
    {{ join_segment_at_period_start('refunds') }}
    group by 1, 2, 3

),

buyer_sums as (

    select
        customer_periods.period_grain,
        customer_periods.period_index,
        {{ profile_at_period_start() }} as segment_profile_id,
        count(*) as buyer_count,
        count(case when customer_periods.order_count >= 2 then 1 end) as repeat_buyer_count
    from customer_periods
    inner join (select distinct period_grain, period_index, period_start from calendar_days) as calendar_days
        on customer_periods.period_grain = calendar_days.period_grain
        and customer_periods.period_index = calendar_days.period_index
    {{ join_segment_at_period_start('customer_periods') }}
    group by 1, 2, 3

),

sums as (

    {{ union_of_sums(order_value_counts() + order_value_amounts() + ['row_count'], [
        {
            'relation': 'order_sums',
            'keyed_by': ['period_grain', 'period_index', 'segment_profile_id'],
            'sums': {
                'order_count': 'order_count',
                'valued_order_count': 'valued_order_count',
                'anonymous_order_count': 'anonymous_order_count',
                'gross_amount': 'gross_amount',
                'discount_amount': 'discount_amount',
                'shipping_amount': 'shipping_amount',
                'tax_amount': 'tax_amount',
                'refund_amount_by_order_date': 'refund_amount',
                'row_count': 'order_count'
            }
        },
        {
            'relation': 'buyer_sums',
            'keyed_by': ['period_grain', 'period_index', 'segment_profile_id'],
            'sums': {'buyer_count': 'buyer_count', 'repeat_buyer_count': 'repeat_buyer_count', 'row_count': 'buyer_count'}
        },
        {
            'relation': 'refund_sums',
            'keyed_by': ['period_grain', 'period_index', 'segment_profile_id'],
            'sums': {'refund_amount_by_refund_date': 'refund_amount', 'row_count': 'refund_count'}
        }
    ]) }}

)

select
    period_grain,
    period_index,
    segment_profile_id,
    {% for count in order_value_counts() -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    {% for amount in order_value_amounts() -%}
    cast(coalesce(sum({{ amount }}), 0) as decimal(28, 4)) as {{ amount }},
    {% endfor -%}
    cast(sum(row_count) as bigint) as row_count
from sums
group by period_grain, period_index, segment_profile_id
{% endmacro %}

{#- The counts that order_value_sums gives. -#}
{% macro order_value_counts() %}
    {{ return(['order_count', 'valued_order_count', 'anonymous_order_count', 'buyer_count', 'repeat_buyer_count']) }}
{% endmacro %}

{#- The sums of money that order_value_sums gives. -#}
{% macro order_value_amounts() %}
    {{ return([
        'gross_amount', 'discount_amount', 'shipping_amount', 'tax_amount', 'refund_amount_by_order_date',
        'refund_amount_by_refund_date'
    ]) }}
{% endmacro %}
