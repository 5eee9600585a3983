-- 9. Lifetime value: of today's profile.
create table customer_lifetime_value as
with lives as (
    select
        person,
        sum(order_count)::bigint as purchase_count,
        count(*) as purchase_day_count,
        max(day) - min(day) as recency_days,
        getvariable('as_of_date') - min(day) as age_days,
        avg(revenue) filter (gap_days is not null) as repeat_average_purchase_day_amount,
    from purchase_days
    group by person
),
spent as (
    select
        person,
        sum(net_amount_after_refunds) as revenue,
        -- To six decimals, so that a row's amount follows from its own columns.
        (sum(net_amount_after_refunds)::double / nullif(count(net_amount), 0))::decimal(28, 6) as average_order_value,
        sum(net_amount_after_refunds) filter (cost_amount is not null) as costed_revenue,
        sum(cost_amount) filter (net_amount is not null) as cost,
    from valued_orders
    where person is not null
    group by person
),
today as (
    select person, profiles.segment,
    from profile_days inner join profiles using (profile)
    where getvariable('as_of_date') >= from_day and getvariable('as_of_date') < to_day
),
costs as (
    select person, arg_max(acquisition_cost, (updated_at, customer_id)) as acquisition_cost, from person_versions group by person
),
customers as (
    select
        person, segment, acquisition_cost, lives.* exclude (person), spent.* exclude (person),
        coalesce(purchase_count, 0) as purchases,
    from today
    left join lives using (person)
    left join spent using (person)
    left join costs using (person)
    where purchase_count is not null or person in (select person from person_versions)
),
paces as (
    select segment, count(*) as customer_count, sum(purchase_count) / (sum(age_days) / 365.25) as purchases_per_year,
    from customers
    where age_days >= 365
    group by grouping sets ((segment), ())
),
years as (
    select segment_type, segment_value, customers_at_start, retention_rate, churn_rate,
    from retention_by_period
    inner join churn_by_period
        using (period_grain, period_start, activity_definition, segment_type, segment_value, customers_at_start, is_complete)
    where period_grain = 'year' and activity_definition = 'window_365' and is_complete
    qualify period_start = max(period_start) over ()
),
informed as (
    select
        customers.*,
        case
            when age_days >= 365 then 'customer'
            when own.customer_count >= 30 then 'segment'
            when everybody.customer_count > 0 then 'all'
            else 'none'
        end as input_source,
        case input_source
            when 'customer' then purchase_count / (age_days / 365.25)
            when 'segment' then own.purchases_per_year
            when 'all' then everybody.purchases_per_year
        end as purchases_per_year,
        case
            when own_year.customers_at_start >= 30 then 'segment'
            when all_year.customers_at_start > 0 then 'all'
            else 'none'
        end as retention_source,
        case retention_source when 'segment' then own_year.retention_rate when 'all' then all_year.retention_rate end
            as retention_rate_used,
        case retention_source when 'segment' then own_year.churn_rate when 'all' then all_year.churn_rate end
            as churn_rate_used,
        case when retention_source <> 'none' then least(coalesce(1 / nullif(churn_rate_used, 0), 10), 10) end
            as lifespan_years,
        (costed_revenue - cost)::double / nullif(greatest(costed_revenue, 0), 0) as gross_margin_rate,
    from customers
    left join paces as own on own.segment = customers.segment
    left join paces as everybody on everybody.segment is null
    left join years as own_year on own_year.segment_type = 'segment' and own_year.segment_value = customers.segment
    left join years as all_year on all_year.segment_type = 'all'
),
methods as (
    select unnest(['historic', 'retention_form', 'lifespan_form', 'profit_form']) as clv_method
),
judged as (
    select
        *,
        case
            when purchases = 0 then 'no_purchase'
            when average_order_value is null then 'no_valued_purchase'
            when clv_method = 'historic' then 'ok'
            when input_source = 'none' then 'short_history'
            when retention_source = 'none' then 'no_base'
            when clv_method <> 'profit_form' then 'ok'
            when gross_margin_rate is null then 'unknown_margin'
            when acquisition_cost is null then 'unknown_acquisition_cost'
            else 'ok'
        end as clv_status,
    from informed cross join methods
),
named as (
    select any_value(customer_id) filter (not is_merged) as customer_id, person from customer_keys group by person
)
select
    customer_id,
    clv_method,
    getvariable('as_of_date') as as_of_date,
    purchases as purchase_count,
    coalesce(purchase_day_count, 0) as purchase_day_count,
    greatest(purchase_day_count - 1, 0) as repeat_purchase_day_count,
    recency_days, age_days, average_order_value, repeat_average_purchase_day_amount, purchases_per_year,
    retention_rate_used, churn_rate_used, lifespan_years, gross_margin_rate, acquisition_cost, input_source,
    retention_source,
    case when clv_status = 'ok' then
        case clv_method
            when 'historic' then revenue
            when 'retention_form' then average_order_value * purchases_per_year * retention_rate_used
            when 'lifespan_form' then average_order_value * purchases_per_year * lifespan_years
            else average_order_value * purchases_per_year * lifespan_years * gross_margin_rate - acquisition_cost
        end
    end::decimal(28, 4) as clv_amount,
    case when costed_revenue > 0 then costed_revenue - cost end as margin_amount,
    coalesce(costed_revenue, 0) as costed_net_amount,
    clv_status,
from judged inner join named using (person);
