-- The headline marts in bare SQL, from the generator's files, for ('all', 'all') only. Written from docs/metrics.md, apart
-- from dbt/: a second opinion on the figures, and what the pipeline's speed is measured against.
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

create table refund_totals as
with latest as (
    select distinct refund_id, order_id, amount
    from read_csv(
        feed_files('order_refunds/*.csv'), header = true, delim = ';', decimal_separator = ',', ignore_errors = true,
        columns = {
            'refund_id': 'varchar', 'order_id': 'varchar', 'refunded_at': 'timestamp', 'amount': 'decimal(18, 4)'
        }
    )
    where amount >= 0
)
select order_id, sum(amount)::decimal(18, 4) as refund_amount,
from latest
group by order_id;

-- The CRM writes UTC; Dubai is four hours ahead all the year.
create table customer_versions as
select
    customer_id,
    canonical_customer_id,
    (created_at + interval 4 hours)::timestamp as created_at,
    (updated_at + interval 4 hours)::timestamp as updated_at,
    (closed_at + interval 4 hours)::timestamp as closed_at,
    status,
    close_reason,
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

-- Numbers instead of texts from here on: keys of joins and groups.
create type period_grain as enum ('week', 'month', 'quarter', 'year');
create type activity_definition as enum ('purchase', 'window_90', 'window_365', 'contract');

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
    arg_max(opened_at + interval 4 hours, file) as opened_at,
    max(closed_at + interval 4 hours) as closed_at,
from delivered
group by ticket_id;

create table answers as
with delivered as (
    select *
    from read_csv(
        feed_files('survey_responses/*.csv'), header = true, ignore_errors = true,
        columns = {
            'response_id': 'varchar', 'survey_id': 'varchar', 'customer_id': 'varchar', 'order_id': 'varchar',
            'ticket_id': 'varchar', 'metric': 'varchar', 'touchpoint': 'varchar', 'scale': 'varchar',
            'score': 'integer', 'sent_at': 'timestamptz', 'answered_at': 'timestamptz', 'comment': 'varchar'
        }
    )
    where response_id not like 'BAD%'
)
select distinct
    response_id, survey_id, coalesce(merges.person_id, customer_id) as customer_id, order_id, ticket_id, metric, scale,
    score, answered_at at time zone 'Asia/Dubai' as answered_at, sent_at at time zone 'Asia/Dubai' as sent_at,
from delivered
left join merges using (customer_id);

-- 2. Valid orders with their value in USD.
create table valued_orders as
with rates as (
    select rate_date, currency, any_value(rate) as rate,
    from read_csv(
        feed_files('fx_rates/*.csv'), header = true,
        columns = {'rate_date': 'date', 'currency': 'varchar', 'rate': 'decimal(18, 8)'}
    )
    group by rate_date, currency
),
joined as (
    select
        orders.order_id,
        coalesce(merges.person_id, orders.customer_id) as customer_id,
        lower(orders.status) as status,
        orders.ordered_at,
        orders.ordered_at::date as ordered_date,
        coalesce(line_totals.gross_amount, orders.order_amount) as gross,
        coalesce(line_totals.discount_amount, orders.discount_amount, 0) as discount,
        coalesce(orders.shipping_amount, 0) as shipping,
        coalesce(line_totals.tax_amount, orders.tax_amount, 0) as tax,
        coalesce(refund_totals.refund_amount, 0) as refund,
        line_totals.cost_amount as cost,
        case when orders.currency = 'USD' then 1 else rates.rate end as rate,
    from orders
    left join line_totals using (order_id)
    left join refund_totals using (order_id)
    left join merges on merges.customer_id = orders.customer_id
    left join rates on rates.rate_date = orders.ordered_at::date and rates.currency = orders.currency
)
select
    order_id,
    customer_id,
    ordered_at,
    ordered_date,
    round(gross * rate, 2)::decimal(18, 4) as gross_amount,
    round(discount * rate, 2)::decimal(18, 4) as discount_amount,
    gross_amount - discount_amount as net_amount,
    round(shipping * rate, 2)::decimal(18, 4) as shipping_amount,
    round(tax * rate, 2)::decimal(18, 4) as tax_amount,
    round(refund * rate, 2)::decimal(18, 4) as refund_amount,
    net_amount - refund_amount as net_amount_after_refunds,
    round(cost * rate, 2)::decimal(18, 4) as cost_amount,
from joined
where status not in ('canceled', 'out_of_stock', 'test')
    and rate is not null
    -- No value, no zero; refunded in full is judged in the order's own currency.
    and (gross is null or (gross <> discount and not (gross > discount and refund >= gross - discount)));

create table persons as
select customer_id, row_number() over ()::integer as person,
from (
    select customer_id from valued_orders where customer_id is not null
    union
    select coalesce(merges.person_id, versions.customer_id)
    from customer_versions as versions left join merges using (customer_id)
);

create table purchase_days as
select
    person,
    ordered_date as day,
    count(*) as order_count,
    coalesce(sum(net_amount_after_refunds), 0)::decimal(18, 4) as revenue,
    coalesce(sum(net_amount), 0)::decimal(18, 4) as net_amount,
from valued_orders inner join persons using (customer_id)
group by person, ordered_date;
