-- The headline marts in bare SQL, from the generator's files: every row and figure of section 8 of the definitions. Written
-- from docs/metrics.md, apart from dbt/: a second opinion on the figures, and what the pipeline's speed is measured against.
-- Expects the variable `extracts` (folder). Reporting: Asia/Dubai, USD, ISO weeks, calendar years, windows of 90 and 365 days.

-- 1. Files -> rows. Of several rows of a key the one in the latest file counts (CRM: the latest change).
create macro feed_files(pattern) as getvariable('extracts') || '/' || pattern;
create macro is_known(moment) as moment <= current_timestamp::timestamp + interval 1 day;

create table orders as
with delivered as (
    select *
    from read_csv(
        feed_files('orders/*.csv'), header = true, ignore_errors = true, filename = 'file',
        columns = {
            'order_id': 'varchar', 'customer_id': 'varchar', 'ordered_at': 'timestamp', 'status': 'varchar',
            'channel': 'varchar', 'currency': 'varchar', 'order_amount': 'decimal(18, 4)',
            'discount_amount': 'decimal(18, 4)', 'shipping_amount': 'decimal(18, 4)', 'tax_amount': 'decimal(18, 4)'
        }
    )
    where order_id is not null and ordered_at is not null and is_known(ordered_at) and length(currency) = 3
        and coalesce(discount_amount, 0) >= 0
)
select * exclude (file)
from delivered
qualify row_number() over (partition by order_id order by file desc) = 1;

create table line_totals as
with delivered as (
    select order_id, line_number, quantity, unit_price, discount_amount, tax_amount, unit_cost, file
    from read_csv(
        feed_files('order_lines/*.csv'), header = true, ignore_errors = true, filename = 'file',
        columns = {
            'order_id': 'varchar', 'line_number': 'integer', 'product_id': 'varchar', 'category': 'varchar',
            'quantity': 'decimal(9, 2)', 'unit_price': 'decimal(12, 4)', 'discount_amount': 'decimal(18, 4)',
            'tax_amount': 'decimal(18, 4)', 'unit_cost': 'decimal(12, 4)'
        }
    )
    where quantity >= 0 and unit_price is not null
),
latest as (
    select *
    from delivered
    qualify row_number() over (partition by order_id, line_number order by file desc) = 1
)
select
    order_id,
    sum(quantity * unit_price)::decimal(18, 4) as gross_amount,
    sum(discount_amount)::decimal(18, 4) as discount_amount,
    sum(tax_amount)::decimal(18, 4) as tax_amount,
    case when count(unit_cost) = count(*) then sum(quantity * unit_cost)::decimal(18, 4) end as cost_amount,
from latest
group by order_id;

create table refunds as
    select distinct refund_id, order_id, refunded_at::date as refunded_on, amount
    from read_csv(
        feed_files('order_refunds/*.csv'), header = true, delim = ';', decimal_separator = ',', ignore_errors = true,
        columns = {
            'refund_id': 'varchar', 'order_id': 'varchar', 'refunded_at': 'timestamp', 'amount': 'decimal(18, 4)'
        }
    )
    where amount >= 0;

-- The CRM writes UTC; Dubai is four hours ahead all the year.
create table customer_versions as
select
    customer_id,
    canonical_customer_id,
    (created_at + interval 4 hours)::timestamp as created_at,
    (updated_at + interval 4 hours)::timestamp as updated_at,
    (closed_at + interval 4 hours)::timestamp as closed_at,
    coalesce(country, 'unknown') as country,
    coalesce(region, 'unknown') as region,
    coalesce(segment, 'unknown') as segment,
    coalesce(acquisition_channel, 'unknown') as acquisition_channel,
    acquisition_cost,
from read_csv(
    feed_files('crm_customers/*.csv'), header = true, ignore_errors = true, filename = 'file',
    columns = {
        'customer_id': 'varchar', 'created_at': 'timestamp', 'updated_at': 'timestamp',
        'canonical_customer_id': 'varchar', 'email': 'varchar', 'phone': 'varchar', 'full_name': 'varchar',
        'birth_date': 'date', 'country': 'varchar', 'region': 'varchar', 'city': 'varchar', 'segment': 'varchar',
        'acquisition_channel': 'varchar', 'acquisition_cost': 'decimal(18, 4)', 'status': 'varchar',
        'closed_at': 'timestamp', 'close_reason': 'varchar', 'email_consent': 'boolean', 'sms_consent': 'boolean'
    }
)
where customer_id is not null and is_known(updated_at) and (closed_at is null or closed_at >= created_at)
qualify row_number() over (partition by customer_id, updated_at order by file desc) = 1;

create table merges as
with recursive steps as (
    select customer_id, arg_max(canonical_customer_id, updated_at) as survivor_id,
    from customer_versions
    where canonical_customer_id is not null
    group by customer_id
),
chains as (
    select customer_id, survivor_id, 1 as depth from steps
    union all
    select chains.customer_id, steps.survivor_id, chains.depth + 1
    from chains inner join steps on steps.customer_id = chains.survivor_id
)
select customer_id, arg_max(survivor_id, depth) as person_id,
from chains
group by customer_id;


create table tickets as
with delivered as (
    select *
    from read_csv(
        feed_files('crm_tickets/*.csv.gz'), header = true, ignore_errors = true, filename = 'file',
        columns = {
            'ticket_id': 'varchar', 'customer_id': 'varchar', 'opened_at': 'timestamp', 'closed_at': 'timestamp',
            'channel': 'varchar', 'category': 'varchar', 'status': 'varchar'
        }
    )
)
select
    ticket_id,
    arg_max(customer_id, file) as customer_id,
    arg_max(opened_at + interval 4 hours, file) as opened_at,
    max(closed_at + interval 4 hours) as closed_at,
from delivered
group by ticket_id;

create table answers as
select distinct
    response_id, survey_id, customer_id, order_id, ticket_id, metric, touchpoint, scale, score,
    answered_at at time zone 'Asia/Dubai' as answered_at,
    sent_at at time zone 'Asia/Dubai' as sent_at,
from read_csv(
    feed_files('survey_responses/*.csv'), header = true, ignore_errors = true,
    columns = {
        'response_id': 'varchar', 'survey_id': 'varchar', 'customer_id': 'varchar', 'order_id': 'varchar',
        'ticket_id': 'varchar', 'metric': 'varchar', 'touchpoint': 'varchar', 'scale': 'varchar',
        'score': 'integer', 'sent_at': 'timestamptz', 'answered_at': 'timestamptz', 'comment': 'varchar'
    }
)
where response_id not like 'BAD%';

set variable as_of_date = (
    select max(moment)::date + 1
    from (
        select max(ordered_at) as moment from orders
        union all
        select max(greatest(created_at, updated_at, coalesce(closed_at, created_at))) from customer_versions
        union all
        select max(greatest(opened_at, coalesce(closed_at, opened_at))) from tickets
        union all
        select max(answered_at) from answers
    )
);
