-- Orders in their final state. Grain: order. The first order of a customer is at the start of the first life, the others lie
-- anywhere in it; a reopened customer has a second life.
create table order_facts as
with placed as (
    select
        number as customer_number,
        customer_id,
        unnest(range(first_life_orders + second_life_orders)) as order_index,
        first_raw,
        end_raw,
        reopened_raw,
        second_end_raw,
        first_life_orders,
        country,
    from customers
),
timed as (
    select
        *,
        customer_number * 1000 + order_index as number,
        seasonal(case
            when order_index = 0 then first_raw
            when order_index < first_life_orders
                then first_raw + (end_raw - first_raw) * draw(customer_number * 1000 + order_index, 50)
            else reopened_raw + (second_end_raw - reopened_raw) * draw(customer_number * 1000 + order_index, 50)
        end) as ordered_time,
    from placed
),
drawn as (
    select
        *,
        floor(ordered_time)::integer as event_day,
        draw(number, 51) < 0.02 as is_anonymous,
        draw(number, 52) as status_draw,
        draw(number, 53) as value_draw,
        draw(number, 54) as currency_draw,
        draw(number, 55) < 0.03 as wants_correction,
        draw(number, 56) < 0.01 as wants_repeat,
    from timed
),
delivered as (
    select
        *,
        first_delivery_day(event_day, number) as first_day,
        case
            when wants_correction or wants_repeat
                then second_delivery_file(first_delivery_day(event_day, number), number, wants_correction)
        end as second_file,
    from drawn
)
select
    number,
    'A' || number as order_id,
    case when not is_anonymous then customer_id end as customer_id,
    ordered_time,
    event_day,
    case
        when status_draw < 0.025 then 'CANCELED'
        when status_draw < 0.03 then 'TEST'
        when status_draw < 0.037 then 'OUT_OF_STOCK'
        when event_day > getvariable('days') - 4 then 'SHIPPED'
        else 'DELIVERED'
    end as status,
    case when value_draw >= 0.86 then 'phone' when draw(number, 57) < 0.7 then 'web' else 'store' end as channel,
    case
        when currency_draw < 0.4 then 'USD'
        when currency_draw < 0.8 then 'AED'
        when currency_draw < 0.92 then 'EUR'
        when currency_draw < 0.97 then 'KWD'
        else 'JPY'
    end as currency,
    -- 'lines': the value is in the lines. 'total': only a total. 'none': value unknown. The zero ones are worth exactly 0.
    case
        when value_draw < 0.855 then 'lines'
        when value_draw < 0.86 then 'zero lines'
        when value_draw < 0.985 then 'total'
        when value_draw < 0.989 then 'zero total'
        else 'none'
    end as value_kind,
    case
        when value_draw < 0.86 then 1 + floor(3 * pow(draw(number, 58), 2.5))::integer
        else 0
    end as line_count,
    case
        when value_kind = 'total' then in_currency(10 + 60 * waiting(number, 59), currency)
        when value_kind = 'zero total' then 0.0
    end as order_amount,
    case
        when value_kind = 'total' and draw(number, 60) < 0.15 then rounded(order_amount * 0.1, currency)
    end as discount_amount,
    case when draw(number, 61) < 0.6 then in_currency(4.5, currency) else 0.0 end as shipping_amount,
    case when value_kind = 'total' then rounded((order_amount - coalesce(discount_amount, 0)) * 0.05, currency) end as tax_amount,
    first_day,
    second_file,
    wants_correction and second_file is not null as is_corrected,
from delivered;

-- Grain: order x line. Products: 400, the first ones far more popular; their cost is a share of the price, of some unknown.
create table line_facts as
with numbered as (
    select
        number as order_number,
        order_id,
        currency,
        value_kind = 'zero lines' as is_free,
        event_day,
        first_day as order_first_day,
        unnest(range(1, line_count + 1)) as line_number,
    from order_facts
    where line_count > 0
),
drawn as (
    select
        *,
        order_number * 8 + line_number as number,
        1 + floor(400 * pow(draw(order_number * 8 + line_number, 70), 2))::integer as product_number,
        1 + floor(3 * pow(draw(order_number * 8 + line_number, 71), 3))::integer as quantity,
        draw(order_number * 8 + line_number, 72) < 0.15 as is_discounted,
        draw(order_number * 8 + line_number, 73) < 0.01 as wants_correction,
        draw(order_number * 8 + line_number, 74) < 0.005 as wants_repeat,
    from numbered
),
priced as (
    select
        *,
        case when is_free then 0.0 else in_currency(5 + 90 * pow(draw(product_number, 75), 2), currency) end as unit_price,
    from drawn
),
delivered as (
    select
        *,
        case
            when wants_correction or wants_repeat then second_delivery_file(order_first_day, number, wants_correction)
        end as second_file,
    from priced
)
select
    number,
    order_number,
    order_id,
    line_number,
    'P' || lpad(product_number::varchar, 4, '0') as product_id,
    ['home', 'kitchen', 'garden', 'toys', 'books', 'beauty', 'sports', 'office'][1 + product_number % 8] as category,
    quantity,
    unit_price,
    case when is_discounted then rounded(quantity * unit_price * 0.1, currency) end as discount_amount,
    rounded((quantity * unit_price - coalesce(discount_amount, 0)) * 0.05, currency) as tax_amount,
    case
        when draw(product_number, 76) >= 0.05 then rounded(unit_price * (0.5 + 0.25 * draw(product_number, 77)), currency)
    end as unit_cost,
    event_day,
    order_first_day as first_day,
    second_file,
    wants_correction and second_file is not null as is_corrected,
from delivered;

-- Grain: refund. Six orders in a hundred: half of them in full, the others in part, of these some a second time.
create table refund_facts as
with refunded as (
    select
        *,
        draw(number, 80) < 0.5 as is_full,
        ordered_time + 2 + case when draw(number, 81) < 0.15 then 300 * draw(number, 82) else 12 * waiting(number, 82) end
            as refunded_time,
    from order_facts
    where draw(number, 83) < 0.06 and status in ('DELIVERED', 'SHIPPED') and value_kind in ('lines', 'total')
),
line_values as (
    select order_number, sum((quantity * unit_price - coalesce(discount_amount, 0))::decimal(18, 4))::double as net_amount,
    from line_facts
    where order_number in (select number from refunded)
    group by order_number
),
valued as (
    select
        refunded.*,
        rounded(coalesce(line_values.net_amount, order_amount - coalesce(discount_amount, 0)), currency) as net_amount,
    from refunded
    left join line_values on line_values.order_number = refunded.number
),
parts as (
    select *, 1 as part, case when is_full then net_amount else rounded(net_amount * 0.4, currency) end as amount, from valued
    union all by name
    select
        * replace (refunded_time + 1 + 20 * draw(number, 84) as refunded_time),
        2 as part,
        rounded(net_amount * 0.3, currency) as amount,
    from valued
    where not is_full and draw(number, 85) < 0.15
)
select
    number * 4 + part as number,
    number as order_number,
    'R' || number || '-' || part as refund_id,
    order_id,
    refunded_time,
    currency,
    amount,
    is_full,
    ordered_time,
    floor(refunded_time)::integer as event_day,
    first_delivery_day(floor(refunded_time)::integer, number * 4 + part) as first_day,
    case
        when draw(number * 4 + part, 904) < 0.01 then second_delivery_file(
            first_delivery_day(floor(refunded_time)::integer, number * 4 + part), number * 4 + part, false
        )
    end as second_file,
    false as is_corrected,
from parts
where amount > 0 and refunded_time < getvariable('days');
