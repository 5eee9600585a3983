-- Tickets, surveys and exchange rates.
-- Grain: ticket. A ticket is exported when opened and again, corrected, when closed.
create table ticket_facts as
with opened as (
    select
        number,
        customer_id,
        ordered_time + 0.1 + 6 * waiting(number, 100) as opened_time,
    from order_facts
    where draw(number, 101) < 0.08 and customer_id is not null
),
closed as (
    select
        *,
        opened_time + 0.05 + 4 * waiting(number, 102) as closed_time,
        floor(opened_time)::integer as opened_day,
    from opened
    where opened_time < getvariable('days')
)
select
    number,
    'T' || number as ticket_id,
    customer_id,
    opened_time,
    case when closed_time < getvariable('days') then closed_time end as closed_time,
    ['phone', 'email', 'chat'][1 + floor(3 * draw(number, 103))::integer] as channel,
    ['delivery', 'product', 'billing', 'other'][1 + floor(4 * pow(draw(number, 104), 1.5))::integer] as category,
    opened_day as event_day,
    first_delivery_day(opened_day, number + 3) as first_day,
    case
        when closed_time < getvariable('days') - 1
            then nullif(greatest(
                file_of(floor(closed_time)::integer), file_of(first_delivery_day(opened_day, number + 3)) + 1
            ), getvariable('last_file') + 1)
    end as second_file,
    second_file is not null as is_corrected,
from closed;

-- Invitations, answered or not. Grain: response. The scales change: the purchase survey went from 1-5 to 1-10 in the middle of
-- the time; the service survey has 1 for best. A second answer to the same invitation has a response_id of its own.
create table survey_facts as
with invited as (
    select
        number * 8 + 1 as number,
        'purchase' as survey_id,
        customer_id,
        order_id,
        null as ticket_id,
        'csat' as metric,
        'post_purchase' as touchpoint,
        case when ordered_time < getvariable('days') * 0.6 then '1-5' else '1-10' end as scale,
        ordered_time + 3 as sent_time,
    from order_facts
    where draw(number, 120) < 0.25 and status in ('DELIVERED', 'SHIPPED') and customer_id is not null
    union all
    select
        number * 8 + 2,
        'recommendation',
        customer_id,
        order_id,
        null,
        'nps',
        'post_purchase',
        '0-10',
        ordered_time + 10,
    from order_facts
    where draw(number, 121) < 0.12 and status in ('DELIVERED', 'SHIPPED') and customer_id is not null
    union all
    select
        number * 8 + 3, 'service', customer_id, null, ticket_id, 'csat', 'post_service', '1-5 (1 = best)', closed_time + 0.05,
    from ticket_facts
    where draw(number, 122) < 0.7 and closed_time is not null
    union all
    select
        number * 8 + 4, 'effort', customer_id, null, ticket_id, 'ces', 'post_service', '1-7', closed_time + 0.1,
    from ticket_facts
    where draw(number, 123) < 0.5 and closed_time is not null
),
drawn as (
    select
        *,
        case when draw(number, 124) < 0.45 then sent_time + 0.02 + 3 * waiting(number, 125) end as answer_time,
        -- How good the experience was, better than even for most.
        pow(draw(number, 126), 0.45) as mood,
    from invited
    where sent_time < getvariable('days')
),
first_answers as (
    select
        * exclude (answer_time),
        1 as answer,
        case when answer_time < getvariable('days') then answer_time end as answered_time,
    from drawn
),
answers as (
    select * from first_answers
    union all by name
    select
        * replace (
            number + 4 as number, 2 as answer, answered_time + 0.01 + draw(number, 127) as answered_time,
            pow(draw(number, 128), 0.45) as mood
        ),
    from first_answers
    where draw(number, 129) < 0.05 and answered_time + 0.01 + draw(number, 127) < getvariable('days')
)
select
    number,
    'V' || number as response_id,
    * exclude (number, mood),
    case when answered_time is not null then
        case scale
            when '1-5' then 1 + floor(5 * mood)
            when '1-10' then 1 + floor(10 * mood)
            when '0-10' then floor(11 * mood)
            when '1-5 (1 = best)' then 5 - floor(5 * mood)
            when '1-7' then 1 + floor(7 * mood)
        end
    end::integer as score,
    case when draw(number, 130) < 0.1 and answered_time is not null then 'A sample comment, with a comma.' end as comment,
    floor(coalesce(answered_time, sent_time))::integer as event_day,
    first_delivery_day(event_day, number) as first_day,
    case
        when draw(number, 904) < 0.01
            then second_delivery_file(first_delivery_day(event_day, number), number, false)
    end as second_file,
    false as is_corrected,
from answers;

-- One rate for every day and currency, the reporting currency too. Grain: day x currency.
create table rate_facts as
select
    day.range * 8 + currency.position as number,
    day.range as day_number,
    currency.code as currency,
    usd_rate(currency.code, day.range) as rate,
    day.range::integer as event_day,
    day.range::integer as first_day,
    null::integer as second_file,
    false as is_corrected,
from range(getvariable('days')::bigint) as day
cross join (
    select unnest(['USD', 'AED', 'EUR', 'KWD', 'JPY']) as code, unnest(range(5)) as position
) as currency;
