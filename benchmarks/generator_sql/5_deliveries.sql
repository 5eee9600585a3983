-- What is in the files, as text: every fact once, or twice when it is repeated or was exported in an earlier state first.
-- Sorted by file, within it at random, so that each file is a slice. Grain: delivered row.
create macro deliveries(facts) as table (
    select *, file_of(first_day) as file, is_corrected as is_draft, 1 as delivery from query_table(facts)
    union all by name
    select *, second_file as file, false as is_draft, 2 as delivery from query_table(facts) where second_file is not null
);

create table crm_customers_delivered as
select * exclude (first_day, second_file, is_corrected, is_draft),
from deliveries('crm_customers')
order by file, draw(change_number, 905 + delivery), change_number;

create table orders_delivered as
select
    file,
    number,
    event_day,
    order_id,
    customer_id,
    local_text(ordered_time) as ordered_at,
    case when is_draft then 'PLACED' else status end as status,
    channel,
    currency,
    case when is_draft and order_amount > 0 then order_amount * 2 else order_amount end as order_amount,
    discount_amount,
    shipping_amount,
    tax_amount,
from deliveries('order_facts')
order by file, draw(number, 905 + delivery), number;

create table order_lines_delivered as
select
    file,
    event_day,
    order_id,
    line_number,
    product_id,
    category,
    case when is_draft then quantity + 1 else quantity end as quantity,
    unit_price,
    discount_amount,
    tax_amount,
    unit_cost,
from deliveries('line_facts')
order by file, draw(order_number, 905 + delivery), number;

create table order_refunds_delivered as
select
    file,
    event_day,
    refund_id,
    order_id,
    local_text(refunded_time) as refunded_at,
    replace(amount::varchar, '.', ',') as amount,
from deliveries('refund_facts')
order by file, draw(number, 905 + delivery), number;

create table crm_tickets_delivered as
select
    file,
    event_day,
    ticket_id,
    customer_id,
    utc_text(opened_time) as opened_at,
    case when not is_draft then utc_text(closed_time) end as closed_at,
    channel,
    category,
    case when is_draft or closed_time is null then 'open' else 'closed' end as status,
from deliveries('ticket_facts')
order by file, draw(number, 905 + delivery), number;

create table survey_responses_delivered as
select
    file,
    event_day,
    response_id as invitation,
    survey_id as survey,
    customer_id as customer,
    order_id as order_no,
    ticket_id as ticket,
    metric as question,
    touchpoint,
    scale,
    score as rating,
    offset_text(sent_time) as sent,
    offset_text(answered_time) as answered,
    comment,
from deliveries('survey_facts')
order by file, draw(number, 905 + delivery), number;

create table fx_rates_delivered as
select
    file,
    event_day,
    getvariable('start_date') + day_number::integer as rate_date,
    currency,
    rate,
from deliveries('rate_facts')
order by file, number;
