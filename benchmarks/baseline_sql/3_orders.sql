-- 3. Valid orders with their value in USD, and the days on which a person bought.
create table valued_orders as
with rates as (
    select rate_date, currency, any_value(rate) as rate,
    from read_csv(
        feed_files('fx_rates/*.csv'), header = true,
        columns = {'rate_date': 'date', 'currency': 'varchar', 'rate': 'decimal(18, 8)'}
    )
    group by rate_date, currency
),
refund_totals as (
    select order_id, sum(amount)::decimal(18, 4) as refund_amount, from refunds group by order_id
),
joined as (
    select
        orders.order_id,
        customer_keys.person,
        lower(orders.status) as status,
        orders.ordered_at::date as day,
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
    left join customer_keys using (customer_id)
    left join rates on rates.rate_date = orders.ordered_at::date and rates.currency = orders.currency
)
select
    order_id,
    person,
    day,
    rate,
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

create table purchase_days as
with daily as (
    select
        person,
        day,
        count(*) as order_count,
        coalesce(sum(net_amount_after_refunds), 0)::decimal(18, 4) as revenue,
    from valued_orders
    where person is not null
    group by person, day
)
select daily.*, profile, day - lag(day) over (partition by person order by day) as gap_days,
from daily inner join profile_days using (person)
where day >= from_day and day < to_day;

-- What a person bought in a period, and who they were on its first day of purchase.
create macro activity_of(length) as table (
    select
        grain,
        person,
        period,
        arg_min(profile, day) as profile,
        sum(order_count)::integer as order_count,
        sum(revenue)::decimal(18, 4) as revenue,
    from purchase_days inner join calendar using (day)
    where grain = length
    group by grain, person, period
);
create table activity as from activity_of('week');
insert into activity from activity_of('month');
insert into activity from activity_of('quarter');
insert into activity from activity_of('year');
