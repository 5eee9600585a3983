-- 2. The calendar, persons, and what segments they were in. From here on numbers instead of texts: keys of joins and groups.
create type period_grain as enum ('week', 'month', 'quarter', 'year');
create type activity_definition as enum ('purchase', 'window_90', 'window_365', 'contract');

-- A row for each day and grain; `period` counts from the first order's period, those before have negative numbers. Boundary p
-- is the start of period p; who is active at boundary p is in S of period p and in E of period p - 1.
create table calendar as
with first_order as (
    select min(ordered_at)::date as day from orders
),
days as (
    select unnest(generate_series(
        date_trunc('year', day) - interval 2 years, getvariable('as_of_date') + interval 800 days, interval 1 day
    ))::date as day
    from first_order
)
select
    grain,
    days.day,
    date_trunc(grain::varchar, days.day)::date as period_start,
    datediff(grain::varchar, date_trunc(grain::varchar, first_order.day)::date, period_start)::integer as period,
from days
cross join first_order
cross join (select unnest(enum_range(null::period_grain))::period_grain as grain);

set variable first_day = (select min(day) from calendar);
set variable last_day = (select max(day) from calendar);
create macro on_calendar(a_day) as least(greatest(a_day, getvariable('first_day')), getvariable('last_day'));

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
    period_end + 7 <= getvariable('as_of_date') as is_final,
from calendar
group by all
having period_start <= getvariable('as_of_date') and period >= 0;

-- Ids as delivered, each with its person: the last survivor of the merges.
create table customer_keys as
with numbered as (
    select customer_id, row_number() over ()::integer as number,
    from (
        select customer_id from orders where customer_id is not null
        union
        select customer_id from customer_versions
        union
        select person_id from merges
    )
)
select
    numbered.customer_id,
    coalesce(survivors.number, numbered.number) as person,
    merges.customer_id is not null as is_merged,
from numbered
left join merges using (customer_id)
left join numbered as survivors on survivors.customer_id = merges.person_id;

-- The survivor's own record speaks; merged ones only where it has none.
create table person_versions as
select versions.*, person,
from customer_versions as versions inner join customer_keys using (customer_id)
qualify is_merged = min(is_merged) over (partition by person);

-- All combinations of attributes: counted by profile, and added up to segments at the end.
create table profiles as
select row_number() over ()::integer as profile, *,
from (
    select country, region, segment, acquisition_channel from person_versions
    union
    select 'unknown', 'unknown', 'unknown', 'unknown'
);
set variable unknown_profile = (
    select profile from profiles
    where country = 'unknown' and region = 'unknown' and segment = 'unknown' and acquisition_channel = 'unknown'
);

create table segments_of_profile as
select profile, 'all' as segment_type, 'all' as segment_value, from profiles
union all
unpivot profiles on country, region, segment, acquisition_channel into name segment_type value segment_value;

-- From when (inclusive) to when (exclusive) a person has a profile. A change is in force from the first midnight that is not
-- before it; the first version holds for the time before it, too.
create table profile_days as
with daily as (
    select person, (updated_at - interval 1 microsecond)::date + 1 as from_day, arg_max(profile, updated_at) as profile,
    from person_versions inner join profiles using (country, region, segment, acquisition_channel)
    group by person, from_day
),
changes as (
    select * from daily
    qualify lag(profile) over (partition by person order by from_day) is distinct from profile
)
select
    person,
    profile,
    case when lag(from_day) over by_day is null then getvariable('first_day') else on_calendar(from_day) end as from_day,
    on_calendar(coalesce(lead(from_day) over by_day, date '9999-12-31')) as to_day,
from changes
window by_day as (partition by person order by from_day)
union all
select distinct person, getvariable('unknown_profile'), getvariable('first_day'), getvariable('last_day'),
from customer_keys
where person not in (select person from person_versions);

-- The same in boundaries, first and last one inclusive.
create table profile_periods as
select starts.grain, person, starts.period + 1 as first_boundary, ends.period as last_boundary, profile,
from profile_days
inner join calendar as starts on starts.day = greatest(from_day - 1, getvariable('first_day'))
inner join calendar as ends on ends.grain = starts.grain and ends.day = to_day - 1
where last_boundary >= first_boundary
order by starts.grain;
