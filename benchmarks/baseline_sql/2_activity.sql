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
