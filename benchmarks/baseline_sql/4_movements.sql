-- 4. Who was there, came and went, and their revenue, by period and profile. One rule and grain at a time: the group-by then
-- fits into memory. `_change` columns hold what a boundary adds to the boundary before it.
create table movements (
    activity_definition activity_definition, grain period_grain, period integer, profile integer,
    at_start bigint, at_start_change bigint, entered bigint, new bigint, lost bigint, joined bigint,
    new_at_start bigint, lost_new bigint,
    revenue_at_start decimal(38, 4), revenue_at_start_change decimal(38, 4), churned decimal(38, 4),
    contraction decimal(38, 4), expansion decimal(38, 4), reactivation decimal(38, 4), new_revenue decimal(38, 4)
);

-- 4.1 What a person spent in a period and the one before, where either is anything. They carry the profile of the
-- period's start, and that of the day they came.
create macro spending_pairs(length) as table (
    with steps as (
        select
            person, period, profile, revenue,
            row_number() over by_period as visit,
            coalesce(lag(period) over by_period = period - 1, false) as bought_before,
            lag(revenue) over by_period as revenue_before,
            coalesce(lead(period) over by_period = period + 1, false) as buys_after,
        from activity
        where grain = length
        window by_period as (partition by person order by period)
    ),
    pairs as (
        select
            person, period, profile as came_profile, bought_before, true as bought_now,
            case when bought_before then revenue_before else 0 end as before,
            revenue as now,
            visit = 1 as is_first,
            bought_before and visit = 2 as was_first,
        from steps
        union all
        select person, period + 1, null, true, false, revenue, 0, false, visit = 1
        from steps
        where not buys_after
    )
    select length::period_grain as grain, pairs.*, start_profiles.profile as start_profile,
    from pairs
    inner join profile_periods as start_profiles
        on start_profiles.grain = length and start_profiles.person = pairs.person
        and pairs.period between start_profiles.first_boundary and start_profiles.last_boundary
);
create table spending as from spending_pairs('week');
insert into spending from spending_pairs('month');
insert into spending from spending_pairs('quarter');
insert into spending from spending_pairs('year');

insert into movements by name
select
    'purchase' as activity_definition,
    grain,
    period,
    case when bought_before then start_profile else came_profile end as profile,
    count(*) filter (bought_before) as at_start,
    count(*) filter (not bought_before) as entered,
    count(*) filter (is_first) as new,
    count(*) filter (is_first) as joined,
    count(*) filter (not bought_now) as lost,
    count(*) filter (was_first) as new_at_start,
    count(*) filter (was_first and not bought_now) as lost_new,
    sum(before) as revenue_at_start,
    sum(before) filter (not bought_now) as churned,
    sum(before - now) filter (bought_before and bought_now and now < before) as contraction,
    sum(now - before) filter (bought_before and bought_now and now > before) as expansion,
    sum(now) filter (not bought_before and not is_first) as reactivation,
    sum(now) filter (is_first) as new_revenue,
from spending
group by all;

-- 4.2 Spells: active at the start of the days t with from_day < t <= to_day.
create table spells as
with islands as (
    select
        windows.days, person, day, profile,
        count(*) filter (gap_days > windows.days) over (partition by windows.days, person order by day) as island,
    from purchase_days cross join (values (90), (365)) as windows (days)
)
select
    ('window_' || days)::activity_definition as activity_definition,
    person,
    min(day) as from_day,
    on_calendar(max(day) + days::integer) as to_day,
    island = 0 as is_first,
    arg_min(profile, day) as profile,
from islands
group by days, person, island;

-- Created at t is not yet active at t; closed at t is still. Reopened by a version that is open after one that was closed.
insert into spells
with marked as (
    select
        *,
        closed_at is null
        and lag(closed_at) over (partition by customer_id order by updated_at) is not null as is_reopening,
    from customer_versions inner join customer_keys using (customer_id)
),
numbered as (
    select *, count(*) filter (is_reopening) over (partition by customer_id order by updated_at) as spell,
    from marked
),
contracts as (
    select
        person,
        case when spell = 0 then min(created_at) else min(updated_at) end as from_at,
        arg_max(coalesce(closed_at, timestamp '9999-01-01'), updated_at) as to_at,
    from numbered
    group by person, customer_id, spell
),
joined as (
    select *, max(to_at) over (
        partition by person order by from_at, to_at rows between unbounded preceding and 1 preceding
    ) as end_before,
    -- Equal rows have no order, and two windows could give them different ones.
    from (select distinct person, from_at, to_at from contracts)
),
islands as (
    select *, count(*) filter (end_before < from_at) over (
        partition by person order by from_at, to_at rows between unbounded preceding and current row
    ) as island,
    from joined
),
united as (
    select
        person,
        on_calendar(min(from_at)::date) as from_day,
        on_calendar(max(to_at)::date) as to_day,
        island = 0 as is_first,
    from islands
    group by person, island
)
select 'contract', person, united.from_day, united.to_day, is_first, profile,
from united inner join profile_days using (person)
where united.from_day >= profile_days.from_day and united.from_day < profile_days.to_day;

-- 4.3 Runs: boundaries at which a person is active, first and last one inclusive. Spells that began in one period and did
-- not reach its end are in no run, but who came back counts from the first of them. Runs that touch: nobody left.
create macro runs_of(rule, length) as table (
    with placed as (
        select
            person,
            starts.period + 1 as first_boundary,
            max(ends.period) as last_boundary,
            bool_or(is_first) as is_first,
            arg_min(profile, from_day) as came_profile,
        from spells
        inner join calendar as starts on starts.grain = length and starts.day = spells.from_day
        inner join calendar as ends on ends.grain = length and ends.day = spells.to_day
        where activity_definition = rule
        group by person, starts.period
        having max(ends.period) > starts.period
    )
    select
        rule::activity_definition as activity_definition,
        length::period_grain as grain,
        *,
        lag(last_boundary) over by_time is distinct from first_boundary - 1 as is_entry,
        lead(first_boundary) over by_time is distinct from last_boundary + 1 as is_exit,
    from placed
    window by_time as (partition by person order by first_boundary)
);
create table runs as from runs_of('window_90', 'week');
insert into runs from runs_of('window_90', 'month');
insert into runs from runs_of('window_90', 'quarter');
insert into runs from runs_of('window_90', 'year');
insert into runs from runs_of('window_365', 'week');
insert into runs from runs_of('window_365', 'month');
insert into runs from runs_of('window_365', 'quarter');
insert into runs from runs_of('window_365', 'year');
insert into runs from runs_of('contract', 'week');
insert into runs from runs_of('contract', 'month');
insert into runs from runs_of('contract', 'quarter');
insert into runs from runs_of('contract', 'year');

insert into movements by name
select activity_definition, grain, period, profile, count(*) as joined,
from spells inner join calendar on calendar.day = spells.from_day
where is_first
group by all;

create macro counts_of(rule, length) as table (
    with chosen as (
        select * from runs where activity_definition = rule and grain = length
    ),
    -- A run, cut where the profile changes.
    stays as (
        select
            greatest(chosen.first_boundary, profiles.first_boundary, 0) as first_boundary,
            least(chosen.last_boundary, profiles.last_boundary) as last_boundary,
            profiles.profile,
            is_exit and chosen.last_boundary <= profiles.last_boundary as is_exit,
            is_first and chosen.first_boundary >= profiles.first_boundary and chosen.first_boundary >= 0 as is_first,
        from chosen
        inner join profile_periods as profiles
            on profiles.grain = length and profiles.person = chosen.person
            and profiles.first_boundary <= chosen.last_boundary and profiles.last_boundary >= chosen.first_boundary
        where chosen.last_boundary >= 0 and profiles.last_boundary >= 0
    )
    select rule::activity_definition as activity_definition, length::period_grain as grain, *,
    from (
        select
            first_boundary as period, profile, count(*) as at_start_change,
            count(*) filter (is_first) as new_at_start,
            count(*) filter (is_first and is_exit and last_boundary = first_boundary) as lost_new,
        from stays
        group by all
        union all by name
        select last_boundary + 1 as period, profile, -count(*) as at_start_change from stays group by all
        union all by name
        select last_boundary as period, profile, count(*) as lost from stays where is_exit group by all
        union all by name
        select
            first_boundary - 1 as period, came_profile as profile,
            count(*) as entered, count(*) filter (is_first) as new,
        from chosen
        where is_entry
        group by all
    )
);
insert into movements by name from counts_of('window_90', 'week');
insert into movements by name from counts_of('window_90', 'month');
insert into movements by name from counts_of('window_90', 'quarter');
insert into movements by name from counts_of('window_90', 'year');
insert into movements by name from counts_of('window_365', 'week');
insert into movements by name from counts_of('window_365', 'month');
insert into movements by name from counts_of('window_365', 'quarter');
insert into movements by name from counts_of('window_365', 'year');
insert into movements by name from counts_of('contract', 'week');
insert into movements by name from counts_of('contract', 'month');
insert into movements by name from counts_of('contract', 'quarter');
insert into movements by name from counts_of('contract', 'year');

-- 4.4 Revenue under `window_n`. A purchase adds its value at the first boundary after it and takes it away again when it
-- leaves the look-back, so only boundaries at which something changes have rows.
create table reach as
select
    ('window_' || windows.days)::activity_definition as activity_definition,
    starts.grain, starts.day,
    starts.period + 1 as first_boundary, ends.period + 1 as end_boundary,
from (values (90), (365)) as windows (days)
cross join calendar as starts
inner join calendar as ends on ends.grain = starts.grain and ends.day = starts.day + windows.days::integer
where end_boundary > first_boundary and first_boundary >= 0;

create macro revenue_of(rule, length) as table (
    with lookback as (
        select day, first_boundary, end_boundary from reach where activity_definition = rule and grain = length
    ),
    last_boundary as (
        select max(period) + 1 as last_boundary from periods where period_grain = length
    ),
    -- States: 0 retained, 1 lost, 2 reactivated, 3 new.
    changes as (
        select person, first_boundary as boundary, revenue as change, 0::utinyint as state, 0 as came_profile,
        from purchase_days inner join lookback using (day)
        union all
        select person, end_boundary, -revenue, 0, 0
        from purchase_days inner join lookback using (day)
        where end_boundary <= (from last_boundary)
        union all
        select person, first_boundary, 0, case when is_first then 3 else 2 end, came_profile
        from runs
        where activity_definition = rule and grain = length and is_entry
        union all
        select person, last_boundary + 1, 0, 1, 0
        from runs
        where activity_definition = rule and grain = length and is_exit and last_boundary + 1 <= (from last_boundary)
    ),
    placed as (
        select
            person, boundary - 1 as period,
            sum(change)::decimal(18, 4) as change, max(state) as state, max(came_profile) as came_profile,
        from changes
        group by person, boundary
    )
    select
        rule::activity_definition as activity_definition,
        length::period_grain as grain,
        period,
        case when state >= 2 then came_profile else profiles.profile end as profile,
        -sum(change) filter (state = 1) as churned,
        -sum(change) filter (state = 0 and change < 0) as contraction,
        sum(change) filter (state = 0 and change > 0) as expansion,
        sum(change) filter (state = 2) as reactivation,
        sum(change) filter (state = 3) as new_revenue,
    from placed
    inner join profile_periods as profiles
        on profiles.grain = length and profiles.person = placed.person
        and placed.period between profiles.first_boundary and profiles.last_boundary
    group by all
);
insert into movements by name from revenue_of('window_90', 'week');
insert into movements by name from revenue_of('window_90', 'month');
insert into movements by name from revenue_of('window_90', 'quarter');
insert into movements by name from revenue_of('window_90', 'year');
insert into movements by name from revenue_of('window_365', 'week');
insert into movements by name from revenue_of('window_365', 'month');
insert into movements by name from revenue_of('window_365', 'quarter');
insert into movements by name from revenue_of('window_365', 'year');

-- Revenue at start: what the days of a profile add to the boundaries within their look-back. Mostly a profile does not
-- change in a year: then a row is the revenue of a day and profile.
insert into movements by name
with held as (
    select
        day, greatest(day + 1, from_day) as from_day, least(day + 366, to_day) as to_day, profiles.profile,
        sum(revenue) as revenue,
    from purchase_days inner join profile_days as profiles using (person)
    where to_day > day + 1 and from_day < day + 366
    group by all
),
looked_back_on as materialized (
    select activity_definition, from_day - 1 as day_before, least(to_day, day + days + 1) - 1 as last_day, profile, revenue,
    from held cross join (values ('window_90', 90), ('window_365', 365)) as windows (activity_definition, days)
    where day_before < last_day
),
bounded as (
    select
        activity_definition, starts.grain, starts.period + 1 as first_boundary, ends.period + 1 as end_boundary,
        profile, sum(revenue) as revenue,
    from looked_back_on
    inner join calendar as starts on starts.day = day_before
    inner join calendar as ends on ends.day = last_day and ends.grain = starts.grain
    where ends.period > starts.period
    group by all
)
select activity_definition, grain, first_boundary as period, profile, sum(revenue) as revenue_at_start_change,
from bounded
group by all
union all
select activity_definition, grain, end_boundary, profile, -sum(revenue) from bounded group by all;

-- 4.5 Revenue under `contract`: that of the period before and of this one, of those who are in S and in E.
insert into movements by name
with placed as (
    select
        spending.grain, spending.period, before, now,
        starts.person is not null as in_s,
        ends.person is not null as in_e,
        ends.is_first,
        case when in_s then start_profile else ends.came_profile end as profile,
    from spending
    left join runs as starts
        on starts.activity_definition = 'contract' and starts.grain = spending.grain and starts.person = spending.person
        and spending.period between starts.first_boundary and starts.last_boundary
    left join runs as ends
        on ends.activity_definition = 'contract' and ends.grain = spending.grain and ends.person = spending.person
        and spending.period + 1 between ends.first_boundary and ends.last_boundary
)
select
    'contract' as activity_definition,
    grain,
    period,
    profile,
    sum(before) filter (in_s) as revenue_at_start,
    sum(before) filter (in_s and not in_e) as churned,
    sum(before - now) filter (in_s and in_e and now < before) as contraction,
    sum(now - before) filter (in_s and in_e and now > before) as expansion,
    sum(now) filter (in_e and not in_s and not is_first) as reactivation,
    sum(now) filter (in_e and not in_s and is_first) as new_revenue,
from placed
where in_s or in_e
group by all;
