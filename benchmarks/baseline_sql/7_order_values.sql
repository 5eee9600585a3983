-- 7. Order values, by the profile at the start of the period. Sums are counted by profile and added up; a median needs the
-- values themselves, one grain at a time.
create table refunds_paid as
select person, refunded_on as day, round(amount * rate, 2)::decimal(18, 4) as amount,
from refunds inner join valued_orders using (order_id);

-- Which of the grouping sets a row belongs to: the attribute that is there, none for all.
create macro type_of_set(country, region, segment, acquisition_channel) as (
    case
        when country is not null then 'country'
        when region is not null then 'region'
        when segment is not null then 'segment'
        when acquisition_channel is not null then 'acquisition_channel'
        else 'all'
    end
);

create macro order_values_of(length) as table (
    with starts as (
        select person, first_boundary, last_boundary, profile from profile_periods where grain = length
    ),
    days as (
        select day, period from calendar where grain = length
    ),
    -- Whoever is nobody is unknown.
    placed as materialized (
        select orders.* exclude (order_id, day, rate), period, coalesce(profile, getvariable('unknown_profile')) as profile,
        from valued_orders as orders
        inner join days using (day)
        left join starts on starts.person = orders.person and period between first_boundary and last_boundary
    ),
    parts as (
        select
            period, profile,
            count(*) as order_count,
            count(net_amount) as valued_order_count,
            count(*) - count(person) as anonymous_order_count,
            sum(gross_amount) as gross_amount,
            sum(discount_amount) filter (net_amount is not null) as discount_amount,
            sum(shipping_amount) filter (net_amount is not null) as shipping_amount,
            sum(tax_amount) filter (net_amount is not null) as tax_amount,
            sum(refund_amount) filter (net_amount is not null) as refund_amount_by_order_date,
        from placed
        group by period, profile
        union all by name
        select period, profile, count(*) as buyer_count, count(*) filter (order_count >= 2) as repeat_buyer_count,
        from (select person, period, order_count from activity where grain = length) as activity
        inner join starts on starts.person = activity.person and period between first_boundary and last_boundary
        group by period, profile
        union all by name
        select
            period, coalesce(profile, getvariable('unknown_profile')) as profile,
            sum(amount) as refund_amount_by_refund_date,
        from refunds_paid
        inner join days using (day)
        left join starts on starts.person = refunds_paid.person and period between first_boundary and last_boundary
        group by all
    ),
    sums as (
        select period, segment_type, segment_value, sum(columns(parts.* exclude (period, profile))),
        from parts inner join segments_of_profile using (profile)
        group by period, segment_type, segment_value
    ),
    medians as (
        select
            period,
            type_of_set(country, region, segment, acquisition_channel) as segment_type,
            coalesce(country, region, segment, acquisition_channel, 'all') as segment_value,
            median(net_amount) as aov_net_median,
        from placed inner join profiles using (profile)
        group by grouping sets (
            (period), (period, country), (period, region), (period, segment), (period, acquisition_channel)
        )
    ),
    gaps as (
        select
            period,
            type_of_set(country, region, segment, acquisition_channel) as segment_type,
            coalesce(country, region, segment, acquisition_channel, 'all') as segment_value,
            median(gap_days) as median_days_between_purchases,
        from purchase_days
        inner join days using (day)
        inner join starts on starts.person = purchase_days.person and period between first_boundary and last_boundary
        inner join profiles on profiles.profile = starts.profile
        where gap_days is not null
        group by grouping sets (
            (period), (period, country), (period, region), (period, segment), (period, acquisition_channel)
        )
    )
    select length::period_grain as period_grain, *,
    from sums
    left join medians using (period, segment_type, segment_value)
    left join gaps using (period, segment_type, segment_value)
);
create table order_values as from order_values_of('week');
insert into order_values by name from order_values_of('month');
insert into order_values by name from order_values_of('quarter');
insert into order_values by name from order_values_of('year');

create table order_value_by_period as
with segments as (
    select distinct segment_type, segment_value from order_values
),
filled as (
    select
        segments.*, periods.*, aov_net_median, median_days_between_purchases,
        coalesce(columns(
            order_values.* exclude (
                period_grain, period, segment_type, segment_value, aov_net_median, median_days_between_purchases
            )
        ), 0),
    from segments cross join periods
    left join order_values using (period_grain, period, segment_type, segment_value)
)
select
    period_grain, period_start, period_end, segment_type, segment_value,
    order_count::bigint as order_count,
    valued_order_count::bigint as valued_order_count,
    buyer_count::bigint as buyer_count,
    repeat_buyer_count::bigint as repeat_buyer_count,
    anonymous_order_count::bigint as anonymous_order_count,
    gross_amount, discount_amount,
    gross_amount - discount_amount as net_amount,
    shipping_amount, tax_amount, refund_amount_by_order_date, refund_amount_by_refund_date,
    net_amount - refund_amount_by_order_date as net_amount_after_refunds,
    gross_amount::double / nullif(valued_order_count, 0) as aov_gross,
    net_amount::double / nullif(valued_order_count, 0) as aov_net,
    net_amount_after_refunds::double / nullif(valued_order_count, 0) as aov_net_after_refunds,
    (net_amount + shipping_amount)::double / nullif(valued_order_count, 0) as aov_incl_shipping,
    (net_amount + shipping_amount + tax_amount)::double / nullif(valued_order_count, 0) as aov_incl_shipping_and_tax,
    aov_net_median,
    (order_count - anonymous_order_count)::double / nullif(buyer_count, 0) as purchase_frequency,
    repeat_buyer_count::double / nullif(buyer_count, 0) as repeat_purchase_rate,
    median_days_between_purchases,
    status_of(valued_order_count) as rate_status,
    status_of(buyer_count) as buyer_rate_status,
    is_complete, is_final,
from filled;
