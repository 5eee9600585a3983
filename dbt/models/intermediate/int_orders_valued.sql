{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'order_id': 'int_orders_changed'}}) }}

{%- set reporting_currency = var('reporting_currency') -%}
{%- set revenue = 'sum(case when is_revenue then ' ~ exact_product('quantity', 'unit_price') ~ ' else 0 end)' -%}
{%- set cost = 'sum(case when is_revenue then ' ~ exact_product('quantity', 'unit_cost') ~ ' end)' -%}

with orders as (

    select * from {{ ref('stg_orders__orders') }}
    where {{ is_listed('order_id', 'int_orders_changed') }}

),

order_lines as (

    select * from {{ ref('stg_orders__order_lines') }}
    where {{ is_listed('order_id', 'int_orders_changed') }}

),

order_refunds as (

    select * from {{ ref('stg_orders__order_refunds') }}
    where {{ is_listed('order_id', 'int_orders_changed') }}

),

merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

),

exchange_rates as (

    select * from {{ ref('int_exchange_rates_daily') }}

),

currencies as (

    select * from {{ ref('currencies') }}

),

-- Lines and refunds are summed before they are joined: a join to several lines would count header amounts again and again.
line_totals as (

    select
        order_id,
        count(*) as line_count,
        count(case when is_revenue then 1 end) as revenue_line_count,
        count(case when is_revenue and unit_cost is not null then 1 end) as costed_line_count,
        cast(case when {{ fits_amount(revenue) }} then {{ rounded(revenue, 4) }} end as decimal(18, 4)) as gross_amount,
        -- The lines speak if any of them states a discount, be it that of a gift card, which lowers nothing.
        cast(sum(case when is_revenue then discount_amount else discount_amount * 0 end) as decimal(18, 4)) as discount_amount,
        cast(sum(shipping_amount) as decimal(18, 4)) as shipping_amount,
        cast(sum(tax_amount) as decimal(18, 4)) as tax_amount,
        cast(case when {{ fits_amount(cost) }} then {{ rounded(cost, 4) }} end as decimal(18, 4)) as cost_amount
    from (
        select
            *,
            -- The sale of a gift card is a debt, not revenue; what is bought with it later is.
            not coalesce(
                {% if var('gift_card_categories') -%}
                lower(category) in ({{ lowered_texts(var('gift_card_categories')) }})
                {%- else -%}
                false
                {%- endif %},
                false
            ) as is_revenue
        from order_lines
    ) as marked_lines
    group by order_id

),

refund_totals as (

    select
        order_id,
        cast(sum(refund_amount) as decimal(18, 4)) as refund_amount
    from order_refunds
    where not {{ is_after_as_of(reporting_date('refunded_at')) }}
    group by order_id

),

joined as (

    select
        orders.order_id,
        coalesce(merges.surviving_customer_id, orders.customer_id) as customer_id,
        orders.customer_id as delivered_customer_id,
        orders.status,
        orders.channel,
        coalesce(orders.currency, '{{ reporting_currency }}') as order_currency,
        orders.ordered_at,
        {{ reporting_date('orders.ordered_at') }} as ordered_date,
        coalesce(line_totals.line_count, 0) as line_count,
        coalesce(line_totals.revenue_line_count, 0) as revenue_line_count,
        coalesce(line_totals.costed_line_count, 0) as costed_line_count,
        -- The lines are the order's value where it has lines; the header speaks only for what the lines do not state.
        case when line_totals.order_id is null then orders.order_amount else line_totals.gross_amount end as gross_amount,
        coalesce(line_totals.discount_amount, orders.discount_amount, 0) as discount_amount,
        coalesce(line_totals.shipping_amount, orders.shipping_amount, 0) as shipping_amount,
        coalesce(line_totals.tax_amount, orders.tax_amount, 0) as tax_amount,
        coalesce(refund_totals.refund_amount, 0) as refund_amount,
        line_totals.cost_amount
    from orders
    left join line_totals
        on orders.order_id = line_totals.order_id
    left join refund_totals
        on orders.order_id = refund_totals.order_id
    left join merges
        on orders.customer_id = merges.customer_id

),

rated as (

    select
        joined.*,
        case
            when joined.order_currency = '{{ reporting_currency }}' then cast(1 as decimal(25, 15))
            else exchange_rates.exchange_rate
        end as exchange_rate,
        exchange_rates.rate_of_8_places,
        case
            when joined.order_currency = '{{ reporting_currency }}' then joined.ordered_date
            else exchange_rates.rate_date
        end as exchange_rate_date
    from joined
    left join exchange_rates
        on joined.order_currency = exchange_rates.currency
        and joined.ordered_date = exchange_rates.valid_date

),

converted as (

    select
        rated.order_id,
        rated.customer_id,
        rated.delivered_customer_id,
        rated.status,
        rated.channel,
        rated.order_currency,
        rated.ordered_at,
        rated.ordered_date,
        rated.line_count,
        rated.revenue_line_count,
        rated.costed_line_count,
        cast(rated.gross_amount - rated.discount_amount as decimal(28, 8)) as net_amount_in_order_currency,
        rated.gross_amount - rated.discount_amount - rated.refund_amount as remaining_amount_in_order_currency,
        rated.exchange_rate,
        rated.exchange_rate_date,
        {% for amount in ['gross', 'discount', 'shipping', 'tax', 'refund', 'cost'] -%}
        cast(
            case
                when rated.order_currency = '{{ reporting_currency }}' then rated.{{ amount }}_amount
                else {{ converted(
                    'cast(rated.' ~ amount ~ '_amount as decimal(18, 4))', 'rated.exchange_rate', 'currencies.minor_units',
                    'rated.rate_of_8_places'
                ) }}
            end as decimal(18, 4)
        ) as {{ amount }}_amount{{ ',' if not loop.last }}
        {% endfor %}
    from rated
    left join currencies
        on currencies.currency = '{{ reporting_currency }}'

),

valued as (

    select
        *,
        cast(gross_amount - discount_amount as decimal(18, 4)) as net_amount,
        cast(gross_amount - discount_amount - refund_amount as decimal(18, 4)) as net_amount_after_refunds
    from converted

),

judged as (

    -- Judged in the order's own currency: rounding after conversion makes a small value 0 and leaves a cent of a full refund.
    select
        *,
        case
            when {{ is_after_as_of('ordered_date') }} then 'after_as_of_date'
            when status in ('cancelled', 'unavailable', 'test') then 'status_' || status
            when exchange_rate is null then 'missing_exchange_rate'
            when line_count > 0 and revenue_line_count = 0 then 'gift_card_sale'
            {% if not var('zero_value_orders_count') -%}
            when net_amount_in_order_currency = 0 then 'zero_value'
            {% endif -%}
            {% if not var('fully_refunded_orders_count') -%}
            when net_amount_in_order_currency > 0 and remaining_amount_in_order_currency <= 0 then 'fully_refunded'
            {% endif -%}
        end as order_exclusion_reason
    from valued

),

classified as (

    select
        *,
        order_exclusion_reason is null as is_valid_order,
        order_exclusion_reason is null and customer_id is not null as is_valid_purchase
    from judged

)

select
    order_id,
    customer_id,
    delivered_customer_id,
    status,
    channel,
    -- A valid order without a customer counts in revenue and in no customer figure.
    case when is_valid_order and customer_id is null then 'anonymous' else order_exclusion_reason end as exclusion_reason,
    order_currency,
    exchange_rate,
    net_amount_in_order_currency,
    gross_amount,
    discount_amount,
    net_amount,
    shipping_amount,
    tax_amount,
    refund_amount,
    net_amount_after_refunds,
    -- The margin is known only where every line states its cost.
    case
        when revenue_line_count > 0 and costed_line_count = revenue_line_count then cost_amount
    end as cost_amount,
    cast(
        case
            when is_valid_purchase
                then row_number() over (partition by customer_id, is_valid_purchase order by ordered_at, order_id)
        end as integer
    ) as order_seq,
    is_valid_order,
    is_valid_purchase,
    ordered_date,
    exchange_rate_date,
    ordered_at
from classified
