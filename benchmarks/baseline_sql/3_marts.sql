-- 5. Revenue. Under `purchase` and `window_n` a purchase adds its value at the first boundary after it and takes it away again
-- when it leaves the look-back, so only boundaries at which something changes have rows. Who comes and who goes at a boundary
-- is told by the runs. One rule and grain at a time: the group-by then fits into memory.
create table revenue_reach as
select 'purchase'::activity_definition as activity_definition, grain, day, period + 1 as first_boundary, period + 2 as end_boundary,
from calendar
union all
select activity_definition, grain, day, first_boundary, end_boundary,
from window_reach
where end_boundary > first_boundary;

create macro revenue_changes(rule, length) as table (
    with changes as (
        select
            person,
            unnest([first_boundary, end_boundary]) as boundary,
            unnest([revenue, -revenue]) as change,
            0::tinyint as state,
        from purchase_days
        inner join revenue_reach as reach
            on reach.activity_definition = rule and reach.grain = length and reach.day = purchase_days.day
        union all
        select person, first_boundary, 0, case when is_first_entry then 3 else 2 end
        from runs
        where activity_definition = rule and grain = length and is_entry
        union all
        select person, last_boundary + 1, 0, 1
        from runs
        where activity_definition = rule and grain = length and is_exit
    ),
    placed as (
        -- States: 0 retained, 1 lost, 2 reactivated, 3 new.
        select boundary, sum(change)::decimal(18, 4) as change, max(state) as state,
        from changes
        group by person, boundary
    )
    select
        rule::activity_definition as activity_definition,
        length::period_grain as grain,
        boundary,
        coalesce(-sum(change) filter (state = 1), 0) as churned,
        coalesce(-sum(change) filter (state = 0 and change < 0), 0) as contraction,
        coalesce(sum(change) filter (state = 0 and change > 0), 0) as expansion,
        coalesce(sum(change) filter (state = 2), 0) as reactivation,
        coalesce(sum(change) filter (state = 3), 0) as new,
        0::decimal(38, 4) as at_start,
        0::decimal(38, 4) as at_end,
    from placed
    group by all
);

create table revenue_movements as from revenue_changes('purchase', 'week');
insert into revenue_movements from revenue_changes('purchase', 'month');
insert into revenue_movements from revenue_changes('purchase', 'quarter');
insert into revenue_movements from revenue_changes('purchase', 'year');
insert into revenue_movements from revenue_changes('window_90', 'week');
insert into revenue_movements from revenue_changes('window_90', 'month');
insert into revenue_movements from revenue_changes('window_90', 'quarter');
insert into revenue_movements from revenue_changes('window_90', 'year');
insert into revenue_movements from revenue_changes('window_365', 'week');
insert into revenue_movements from revenue_changes('window_365', 'month');
insert into revenue_movements from revenue_changes('window_365', 'quarter');
insert into revenue_movements from revenue_changes('window_365', 'year');

-- Under `contract` revenue is that of the period before and of this one, of those who are in S and in E.
insert into revenue_movements
with period_revenue as (
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
        -- The order or ticket may not have been delivered yet.
        coalesce(orders.ordered_at, tickets.opened_at, answers.answered_at, answers.sent_at)::date as day,
        coalesce(answers.order_id, answers.ticket_id) as contact_id,
    from answers
    left join orders using (order_id)
    left join tickets using (ticket_id)
    -- An answer about an order that was no purchase (cancelled, unavailable, a test) does not count.
    where coalesce(lower(orders.status), '') not in ('canceled', 'out_of_stock', 'test')
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
        sum(revenue) as revenue,
    from purchase_days
    group by person
)
-- Of whom nothing but purchases of unknown value is known, the value is unknown, not 0.
select
    persons.customer_id,
    lives.* exclude (person, revenue),
    spent.average_order_value,
    case when spent.average_order_value is not null then lives.revenue end as clv_amount,
from lives
inner join persons using (person)
inner join spent using (customer_id);
