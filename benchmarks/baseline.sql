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
    score, answered_at at time zone 'Asia/Dubai' as answered_at,
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

-- 3. The calendar: a row for each day and grain; `period` counts from the first order's period. Boundary p is the start of
-- period p; who is active at boundary p is in S of period p and in E of period p - 1.
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

create table calendar as
with grains as (
    select unnest(enum_range(null::period_grain)) as grain
),
days as (
    select unnest(generate_series(
        (select date_trunc('year', min(ordered_at)) - interval 7 days from orders),
        getvariable('as_of_date') + interval 800 days, interval 1 day
    ))::date as day
),
truncated as (
    select grain, day, date_trunc(grain::varchar, day)::date as period_start,
    from days cross join grains
)
select
    truncated.grain,
    truncated.day,
    truncated.period_start,
    dense_rank() over (partition by truncated.grain order by truncated.period_start)::integer - 1 as period,
from truncated
inner join (select grain, date_trunc(grain::varchar, (select min(ordered_at)::date from orders))::date as first_start from grains) as firsts
    on firsts.grain = truncated.grain and truncated.period_start >= firsts.first_start;

-- For a purchase on a day: the first boundary after it and the first one that no longer looks back on it.
create table window_reach as
select
    windows.days, starts.grain, starts.day,
    starts.period + 1 as first_boundary, ends.period + 1 as end_boundary,
    ('window_' || windows.days)::activity_definition as activity_definition,
from (values (90), (365)) as windows (days)
cross join calendar as starts
inner join calendar as ends on ends.grain = starts.grain and ends.day = starts.day + windows.days::integer;

create table periods as
select
    grain as period_grain,
    period,
    period_start,
    case grain
        when 'week' then period_start + interval 7 days
        when 'month' then period_start + interval 1 month
        when 'quarter' then period_start + interval 3 months
        else period_start + interval 1 year
    end::date as period_end,
    period_end <= getvariable('as_of_date') as is_complete,
from calendar
group by all
having period_start <= getvariable('as_of_date');

-- 4. Spells of activity -> runs of boundaries at which a customer is active. Between two runs of a customer lies at least one
-- boundary without activity, or they touch: then nobody left.
create table firsts as
select false as is_contract, person, min(day) as first_day from purchase_days group by person
union all
select true, persons.person, min(created_at)::date
from customer_versions as versions
left join merges using (customer_id)
inner join persons on persons.customer_id = coalesce(merges.person_id, versions.customer_id)
group by 2;

create table first_periods as
select firsts.is_contract, firsts.person, calendar.grain, calendar.period,
from firsts inner join calendar on calendar.day = firsts.first_day;

create table window_spells as
with breaks as (
    select
        windows.days,
        person,
        day,
        coalesce(day - lag(day) over later > windows.days, true) as is_start,
    from purchase_days cross join (values (90), (365)) as windows (days)
    window later as (partition by windows.days, person order by day)
),
numbered as (
    select *, count(*) filter (is_start) over (partition by days, person order by day) as spell,
    from breaks
)
select days, person, min(day) as first_day, max(day) as last_day,
from numbered
group by days, person, spell;

create table contract_spells as
with marked as (
    select
        coalesce(merges.person_id, versions.customer_id) as person_id,
        versions.*,
        closed_at is null
        and lag(closed_at) over (partition by versions.customer_id order by updated_at) is not null as is_reopening,
    from customer_versions as versions left join merges using (customer_id)
),
numbered as (
    select *, count(*) filter (is_reopening) over (partition by customer_id order by updated_at) as spell,
    from marked
),
spells as (
    select
        person_id,
        case when spell = 0 then min(created_at) else min(updated_at) end as from_at,
        arg_max(coalesce(closed_at, timestamp '9999-01-01'), updated_at) as to_at,
    from numbered
    group by person_id, customer_id, spell
),
joined as (
    select *, max(to_at) over (
        partition by person_id order by from_at, to_at rows between unbounded preceding and 1 preceding
    ) as end_before,
    from spells
),
islands as (
    select *, count(*) filter (end_before is null or end_before < from_at) over (
        partition by person_id order by from_at, to_at rows between unbounded preceding and current row
    ) as island,
    from joined
)
select person, min(from_at) as from_at, max(to_at) as to_at,
from islands inner join persons on persons.customer_id = islands.person_id
group by person, island;

create table runs as
with spells_with_end as materialized (
    select reach.activity_definition, reach.grain, person, first_day, reach.end_boundary - 1 as last_boundary,
    from window_spells
    inner join window_reach as reach on reach.days = window_spells.days and reach.day = window_spells.last_day
),
spanned as (
    select
        'purchase'::activity_definition as activity_definition, calendar.grain, person,
        calendar.period + 1 as first_boundary, calendar.period + 1 as last_boundary,
    from purchase_days inner join calendar using (day)
    group by all
    union all
    select spells.activity_definition, spells.grain, person, starts.period + 1 as first_boundary, last_boundary,
    from spells_with_end as spells
    inner join calendar as starts on starts.day = spells.first_day and starts.grain = spells.grain
    where last_boundary > starts.period
    union all
    -- Active at t: created at or before t and not closed before t. Before the calendar is before boundary 0.
    select
        'contract', grains.grain, person,
        coalesce(starts.period + 1, 0) as first_boundary,
        case when to_at > timestamp '9000-01-01' then 99999 else coalesce(ends.period, -1) end as last_boundary,
    from contract_spells
    cross join (select distinct grain from calendar) as grains
    left join calendar as starts
        on starts.grain = grains.grain and starts.day = (from_at - interval 1 microsecond)::date
    left join calendar as ends on ends.grain = grains.grain and ends.day = to_at::date
    where last_boundary >= first_boundary
),
marked as (
    select
        *,
        coalesce(first_boundary > lag(last_boundary) over same + 1, true) as is_entry,
        coalesce(lead(first_boundary) over same > last_boundary + 1, true) as is_exit,
    from spanned
    window same as (partition by activity_definition, grain, person order by first_boundary)
)
select marked.*, is_entry and coalesce(first_periods.period = first_boundary - 1, false) as is_first_entry,
from marked
left join first_periods
    on first_periods.is_contract = (activity_definition = 'contract')
    and first_periods.grain = marked.grain and first_periods.person = marked.person
where is_entry or is_exit or activity_definition = 'contract';

create table movements as
with entries as (
    select
        activity_definition, grain, first_boundary as boundary,
        count(*) as entered,
        count(*) filter (is_first_entry) as new,
    from runs
    where is_entry
    group by all
),
exits as (
    select activity_definition, grain, last_boundary + 1 as boundary, count(*) as lost,
    from runs
    where is_exit
    group by all
),
firsts_by_period as (
    select is_contract, grain, period, count(*) as joined, from first_periods group by all
),
counted as (
    select
        definitions.activity_definition,
        periods.*,
        coalesce(entries.entered, 0) as entered,
        coalesce(entries.new, 0) as new,
        coalesce(exits.lost, 0) as lost,
        coalesce(firsts_by_period.joined, 0) as joined,
    from periods
    cross join (select unnest(enum_range(null::activity_definition)) as activity_definition) as definitions
    left join entries
        on entries.activity_definition = definitions.activity_definition
        and entries.grain = periods.period_grain and entries.boundary = periods.period + 1
    left join exits
        on exits.activity_definition = definitions.activity_definition
        and exits.grain = periods.period_grain and exits.boundary = periods.period + 1
    left join firsts_by_period
        on firsts_by_period.is_contract = (definitions.activity_definition = 'contract')
        and firsts_by_period.grain = periods.period_grain and firsts_by_period.period = periods.period
),
at_first as (
    select activity_definition, grain, count(*) filter (first_boundary = 0 and is_entry) as active,
    from runs
    group by all
),
-- Who left at boundary 0 was never in S; who entered there is in S of period 0.
summed as (
    select
        counted.*,
        at_first.active + coalesce(sum(entered - lost) over (
            partition by counted.activity_definition, period_grain order by period
            rows between unbounded preceding and 1 preceding
        ), 0) as customers_at_start,
    from counted
    inner join at_first
        on at_first.activity_definition = counted.activity_definition and at_first.grain = counted.period_grain
)
select * replace (customers_at_start::bigint as customers_at_start) from summed;

create table retention_by_period as
select
    period_grain, period_start, period_end, activity_definition,
    customers_at_start,
    customers_at_start + entered - lost as customers_at_end,
    new as new_customers,
    customers_at_start - lost as retained_customers,
    entered - new as reactivated_customers,
    lost as lost_customers,
    joined - new as new_and_lost_customers,
    (customers_at_end - new) / nullif(customers_at_start, 0) as retention_rate,
    retained_customers / nullif(customers_at_start, 0) as retention_rate_excl_reactivated,
    is_complete,
from movements;

-- 5. Revenue. Under `purchase` and `window_n` a purchase adds its value at the first boundary after it and takes it away again
-- when it leaves the look-back, so only boundaries at which something changes have rows.
create table revenue_movements as
with changes as (
    select
        'purchase'::activity_definition as activity_definition, calendar.grain, person,
        unnest([calendar.period + 1, calendar.period + 2]) as boundary, unnest([revenue, -revenue]) as change,
        false as is_entry, false as is_first_entry, false as is_exit,
    from purchase_days inner join calendar using (day)
    union all
    select
        activity_definition, grain, person,
        unnest([first_boundary, end_boundary]), unnest([revenue, -revenue]),
        false, false, false,
    from purchase_days inner join window_reach using (day)
    where end_boundary > first_boundary
    -- Who comes and who goes at a boundary is told by the runs.
    union all
    select activity_definition, grain, person, first_boundary, 0, true, is_first_entry, false,
    from runs
    where is_entry and activity_definition <> 'contract'
    union all
    select activity_definition, grain, person, last_boundary + 1, 0, false, false, true,
    from runs
    where is_exit and activity_definition <> 'contract'
),
placed as (
    select
        activity_definition, grain, boundary,
        sum(change)::decimal(18, 4) as change,
        case
            when bool_or(is_first_entry) then 'new'
            when bool_or(is_entry) then 'reactivated'
            when bool_or(is_exit) then 'lost'
            else 'retained'
        end as state,
    from changes
    group by activity_definition, grain, boundary, person
),
by_boundary as (
    select
        activity_definition, grain, boundary,
        coalesce(-sum(change) filter (state = 'lost'), 0) as churned,
        coalesce(-sum(change) filter (state = 'retained' and change < 0), 0) as contraction,
        coalesce(sum(change) filter (state = 'retained' and change > 0), 0) as expansion,
        coalesce(sum(change) filter (state = 'reactivated'), 0) as reactivation,
        coalesce(sum(change) filter (state = 'new'), 0) as new,
        0::decimal(38, 4) as at_start,
        0::decimal(38, 4) as at_end,
    from placed
    group by all
),
-- Under `contract` revenue is that of the period before and of this one, of those who are in S and in E.
period_revenue as (
    select person, grain, period, sum(revenue) as revenue,
    from purchase_days inner join calendar using (day)
    group by all
),
contract_pairs as (
    select person, grain, period, sum(before) as before, sum(now) as now,
    from (
        select person, grain, period, 0 as before, revenue as now from period_revenue
        union all
        select person, grain, period + 1, revenue, 0 from period_revenue
    )
    group by all
),
contract_states as (
    select
        pairs.grain, pairs.period, pairs.person, pairs.before, pairs.now,
        bool_or(coalesce(pairs.period between runs.first_boundary and runs.last_boundary, false)) as in_s,
        bool_or(coalesce(pairs.period + 1 between runs.first_boundary and runs.last_boundary, false)) as in_e,
        coalesce(any_value(first_periods.period) = pairs.period, false) as is_new,
    from contract_pairs as pairs
    left join runs
        on runs.activity_definition = 'contract' and runs.grain = pairs.grain and runs.person = pairs.person
    left join first_periods
        on first_periods.is_contract and first_periods.grain = pairs.grain
        and first_periods.person = pairs.person
    group by pairs.grain, pairs.period, pairs.person, pairs.before, pairs.now
)
select * from by_boundary
union all
select
    'contract', grain, period + 1,
    coalesce(sum(before) filter (in_s and not in_e), 0),
    coalesce(sum(before - now) filter (in_s and in_e and now < before), 0),
    coalesce(sum(now - before) filter (in_s and in_e and now > before), 0),
    coalesce(sum(now) filter (in_e and not in_s and not is_new), 0),
    coalesce(sum(now) filter (in_e and not in_s and is_new), 0),
    coalesce(sum(before) filter (in_s), 0),
    coalesce(sum(now) filter (in_e), 0),
from contract_states
group by grain, period;

create table churn_by_period as
with filled as (
    select
        movements.period_grain, movements.period, movements.period_start, movements.period_end,
        movements.activity_definition, movements.customers_at_start, movements.lost as lost_customers,
        coalesce(revenue.churned, 0) as churned_revenue,
        coalesce(revenue.contraction, 0) as contraction_revenue,
        coalesce(revenue.expansion, 0) as expansion_revenue,
        coalesce(revenue.reactivation, 0) as reactivation_revenue,
        coalesce(revenue.new, 0) as new_revenue,
        coalesce(revenue.at_start, 0) as contract_at_start,
        coalesce(revenue.at_end, 0) as contract_at_end,
        movements.is_complete,
    from movements
    left join revenue_movements as revenue
        on revenue.activity_definition = movements.activity_definition
        and revenue.grain = movements.period_grain and revenue.boundary = movements.period + 1
),
summed as (
    select
        *,
        case
            when activity_definition = 'contract' then contract_at_end
            else sum(new_revenue + expansion_revenue + reactivation_revenue - contraction_revenue - churned_revenue) over (
                partition by activity_definition, period_grain order by period
            )
        end as revenue_at_end,
    from filled
)
select
    * exclude (period, contract_at_start, contract_at_end),
    case
        when activity_definition = 'contract' then contract_at_start
        else revenue_at_end - new_revenue - expansion_revenue - reactivation_revenue + contraction_revenue + churned_revenue
    end as revenue_at_start,
    lost_customers / nullif(customers_at_start, 0) as churn_rate,
from summed;

-- 6. Cohorts.
create table retention_by_cohort as
with activity as (
    select
        purchase_days.person, calendar.grain, calendar.period,
        sum(order_count) as order_count, sum(revenue) as revenue,
    from purchase_days inner join calendar using (day)
    group by all
),
lives as (
    select person, grain, min(period) as cohort, max(period) as last_period,
    from activity
    group by all
),
sizes as (
    select grain, cohort, count(*) as cohort_size, from lives group by all
),
cells as (
    select
        grain, cohort, period - cohort as period_index,
        count(*) as active_customers, sum(order_count) as order_count, sum(revenue) as revenue,
    from activity inner join lives using (person, grain)
    group by all
),
last_seen as (
    select grain, cohort, last_period - cohort as period_index, count(*) as customers, from lives group by all
)
select
    sizes.grain as cohort_grain,
    cohorts.period_start as cohort_start,
    periods.period - sizes.cohort as period_index,
    periods.period_start,
    sizes.cohort_size,
    coalesce(cells.active_customers, 0) as active_customers,
    (
        sizes.cohort_size - coalesce(sum(last_seen.customers) over (
            partition by sizes.grain, sizes.cohort order by periods.period
            rows between unbounded preceding and 1 preceding
        ), 0)
    )::bigint as active_or_later_customers,
    coalesce(cells.order_count, 0)::bigint as order_count,
    coalesce(cells.revenue, 0) as net_amount,
    sum(coalesce(cells.revenue, 0)) over (
        partition by sizes.grain, sizes.cohort order by periods.period
    ) as cumulative_net_amount,
from sizes
inner join periods as cohorts on cohorts.period_grain = sizes.grain and cohorts.period = sizes.cohort
inner join periods on periods.period_grain = sizes.grain and periods.period >= sizes.cohort
left join cells
    on cells.grain = sizes.grain and cells.cohort = sizes.cohort and cells.period_index = periods.period - sizes.cohort
left join last_seen
    on last_seen.grain = sizes.grain and last_seen.cohort = sizes.cohort
    and last_seen.period_index = periods.period - sizes.cohort;

-- 7. Order value, satisfaction, lifetime value.
create table order_value_by_period as
with dated as (
    select *, ordered_date - lag(ordered_date) over (partition by customer_id order by ordered_at, order_id) as gap_days,
    from valued_orders
),
by_period as (
    select
        calendar.grain as period_grain,
        calendar.period,
        count(*) as order_count,
        count(net_amount) as valued_order_count,
        count(distinct customer_id) as buyer_count,
        count(*) filter (customer_id is null) as anonymous_order_count,
        sum(gross_amount) as gross_amount,
        sum(discount_amount) filter (net_amount is not null) as discount_amount,
        sum(net_amount) as net_amount,
        sum(net_amount_after_refunds) as net_amount_after_refunds,
        median(net_amount) as aov_net_median,
    from dated inner join calendar on calendar.day = dated.ordered_date
    group by all
),
buyers as (
    select period_grain, period, count(*) as buyers, count(*) filter (orders >= 2) as repeat_buyers, sum(orders) as orders,
    from (
        select calendar.grain as period_grain, calendar.period, person, sum(order_count) as orders,
        from purchase_days inner join calendar using (day)
        group by all
    )
    group by all
)
select
    periods.period_grain, periods.period_start, periods.period_end,
    coalesce(by_period.order_count, 0) as order_count,
    coalesce(by_period.valued_order_count, 0) as valued_order_count,
    coalesce(by_period.buyer_count, 0) as buyer_count,
    coalesce(by_period.anonymous_order_count, 0) as anonymous_order_count,
    coalesce(by_period.gross_amount, 0) as gross_amount,
    coalesce(by_period.discount_amount, 0) as discount_amount,
    coalesce(by_period.net_amount, 0) as net_amount,
    coalesce(by_period.net_amount_after_refunds, 0) as net_amount_after_refunds,
    by_period.net_amount / nullif(by_period.valued_order_count, 0) as aov_net,
    by_period.aov_net_median,
    buyers.orders / buyers.buyers as purchase_frequency,
    buyers.repeat_buyers / buyers.buyers as repeat_purchase_rate,
    periods.is_complete,
from periods
left join by_period using (period_grain, period)
left join buyers using (period_grain, period);

create table csat_by_period as
with dated as (
    select
        answers.*,
        coalesce(orders.ordered_at, tickets.opened_at)::date as day,
        coalesce(answers.order_id, answers.ticket_id) as contact_id,
    from answers
    left join valued_orders as orders using (order_id)
    left join tickets using (ticket_id)
    -- An answer about an order that is not valid does not count.
    where answers.order_id is null or orders.order_id is not null
),
-- One invitation for each survey and contact; of several answers the latest one.
kept as (
    select
        survey_id, customer_id, contact_id,
        any_value(metric) as metric,
        any_value(scale) as scale,
        any_value(day) as day,
        count(score) as answer_count,
        arg_max(score, answered_at) filter (score is not null) as score,
    from dated
    group by survey_id, customer_id, contact_id
)
select
    periods.period_grain, periods.period_start, kept.metric,
    count(*) as invited_count,
    count(score) as valid_answer_count,
    count(*) filter (case scale
        when '1-5' then score >= 4
        when '1-5 (1 = best)' then score <= 2
        when '1-7' then score >= 5
        else score >= 9
    end) as positive_answer_count,
    (sum(answer_count) - count(score))::bigint as dropped_duplicate_count,
    case when kept.metric = 'nps'
        then 100 * (count(*) filter (score >= 9) - count(*) filter (score <= 6)) / nullif(count(score), 0)
    end as nps,
from kept
inner join calendar using (day)
inner join periods on periods.period_grain = calendar.grain and periods.period = calendar.period
group by periods.period_grain, periods.period_start, kept.metric;

create table customer_lifetime_value as
with spent as (
    select customer_id, sum(net_amount_after_refunds) / nullif(count(net_amount), 0) as average_order_value,
    from valued_orders
    where customer_id is not null
    group by customer_id
),
lives as (
    select
        person,
        sum(order_count)::bigint as purchase_count,
        count(*) as purchase_day_count,
        count(*) - 1 as repeat_purchase_day_count,
        max(day) - min(day) as recency_days,
        getvariable('as_of_date') - min(day) as age_days,
        sum(revenue) as clv_amount,
    from purchase_days
    group by person
)
select persons.customer_id, lives.* exclude (person), spent.average_order_value,
from lives
inner join persons using (person)
inner join spent using (customer_id);
