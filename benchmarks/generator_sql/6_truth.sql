-- What is true of the facts, whoever asks. Read from what was drawn, not from the files, and by the rules of docs/metrics.md.
create view true_persons as
select
    customer_id,
    number,
    -- A record of a chain of three was merged into one that was itself merged.
    case
        when merged_raw is null then number
        when number % 470 = 12 and lag(merged_raw) over (order by number) is not null then number - 2
        else number - 1
    end as person_number,
    merged_raw is not null as is_merged,
from customers;

create view true_order_values as
with line_values as (
    select
        order_number,
        sum((quantity * unit_price)::decimal(18, 4)) as gross_amount,
        sum(discount_amount::decimal(18, 4)) as discount_amount,
    from line_facts
    group by order_number
),
refunds as (
    select order_number, sum(amount::decimal(18, 4)) as refund_amount,
    from refund_facts
    group by order_number
)
select
    orders.number,
    orders.customer_id,
    orders.status,
    orders.ordered_time,
    coalesce(line_values.gross_amount, orders.order_amount::decimal(18, 4)) as gross,
    coalesce(line_values.discount_amount, orders.discount_amount::decimal(18, 4), 0) as discount,
    coalesce(refunds.refund_amount, 0) as refund,
    usd_rate(orders.currency, floor(orders.ordered_time)::bigint)::decimal(18, 8) as rate,
    -- Full is what is full in the currency of the order; cents lost in conversion do not matter.
    gross - discount > 0 and refund >= gross - discount as is_fully_refunded,
    case
        when status = 'CANCELED' then 'status_cancelled'
        when status = 'OUT_OF_STOCK' then 'status_unavailable'
        when status = 'TEST' then 'status_test'
        when gross - discount = 0 then 'zero_value'
        when is_fully_refunded then 'fully_refunded'
    end as exclusion,
    exclusion is null as is_valid,
    is_valid and customer_id is not null as is_purchase,
from order_facts as orders
left join line_values on line_values.order_number = orders.number
left join refunds on refunds.order_number = orders.number;

create table true_orders as
select
    true_order_values.*,
    true_persons.person_number,
    round(gross * rate, 2)::decimal(18, 4) as gross_usd,
    round(discount * rate, 2)::decimal(18, 4) as discount_usd,
    round(refund * rate, 2)::decimal(18, 4) as refund_usd,
from true_order_values
left join true_persons using (customer_id);
