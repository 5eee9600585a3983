{#-
    Movements at one grain: who is counted in which period, and with which segment profile.
    Grain: activity_definition x period_index x segment_profile_id x close_reason (NULL but for lost customers). All columns are sums, so
    rows of different customers may be added up; row_count is 0 where none is left behind them. stock_* is what the period's end adds to the
    customers and revenue "at start" of all later periods. Only what changes is looked at: the cost grows with purchases and spells, not
    with customers x periods. `moment`: of which rows, see rows_of.
-#}
{% macro movements(period_grain, moment='all') %}
with calendar_days as (

    select * from {{ rows_of('int_calendar_days', moment) }}
    where period_grain = '{{ period_grain }}'

),

periods as (

    select distinct period_index, period_start, period_end from calendar_days

),

purchase_days as (

    select * from {{ rows_of('int_purchase_days_aggregated', moment) }}

),

customer_periods as (

    select * from {{ rows_of('int_customer_periods_aggregated', moment) }}
    where period_grain = '{{ period_grain }}'

),

contract_spells as (

    select * from {{ rows_of('int_contract_spells_merged', moment) }}

),

segment_versions as (

    select * from {{ few_versions(rows_of('int_customer_segments_versioned', moment)) }} as versions

),

changes as (

    {{ of_all_activity_definitions(activity_changes) }}

),

states as (

    -- Whoever was there at the start counts with the segment of that day, whoever came with that of the day they came on.
    select
        changes.*,
        changes.is_active_at_start and changes.is_active_at_end as is_retained,
        changes.is_active_at_start and not changes.is_active_at_end as is_lost,
        changes.is_active_at_end and not changes.is_active_at_start as has_entered,
        case when changes.is_active_at_start then periods.period_start else changes.entry_date end as segment_date,
        periods.period_end
    from changes
    inner join periods
        on changes.period_index = periods.period_index
    where changes.is_active_at_start or changes.is_active_at_end or changes.is_first

),

closures as (

    select * from contract_spells
    where active_to_date is not null

),

state_sums as (

    select
        states.activity_definition,
        states.period_index,
        coalesce(segment_versions.segment_profile_id, {{ unknown_segment_profile_id() }}) as segment_profile_id,
        case when states.is_lost then coalesce(closures.close_reason, 'not_closed') end as close_reason,
        count(case when states.is_counted and states.has_entered and states.is_first then 1 end) as new_customers,
        count(case when states.is_counted and states.has_entered and not states.is_first then 1 end) as reactivated_customers,
        count(case when states.is_counted and states.is_lost then 1 end) as lost_customers,
        count(case when states.is_counted and states.is_lost and states.was_new then 1 end) as lost_new_customers,
        count(
            case when states.is_counted and not states.is_active_at_start and not states.is_active_at_end then 1 end
        ) as new_and_lost_customers,
        sum(case when states.is_lost then -states.revenue_change else 0 end) as churned_revenue,
        sum(case when states.is_retained then greatest(-states.revenue_change, 0) else 0 end) as contraction_revenue,
        sum(case when states.is_retained then greatest(states.revenue_change, 0) else 0 end) as expansion_revenue,
        sum(case when states.has_entered and not states.is_first then states.revenue_change else 0 end) as reactivation_revenue,
        sum(case when states.has_entered and states.is_first then states.revenue_change else 0 end) as new_revenue,
        count(*) as row_count
    from states
    left join segment_versions
        on states.customer_id = segment_versions.customer_id
        and states.segment_date >= segment_versions.valid_from_date
        and states.segment_date < segment_versions.valid_to_date
    left join closures
        on states.is_lost
        and states.customer_id = closures.customer_id
        and states.period_end > closures.active_to_date
        and states.period_end <= coalesce(closures.next_active_from_date, cast('9999-12-31' as date))
    group by 1, 2, 3, 4

),

-- Members of the period's end count with the segment they have then as members of the next start: whoever changes it inside the period
-- moves from one segment's stock to another's, with the revenue that the rule then looks back on.
segment_changes as (

    select distinct
        segment_versions.customer_id,
        calendar_days.period_index,
        calendar_days.period_start,
        calendar_days.period_end
    from segment_versions
    inner join calendar_days
        on {{ add_days('segment_versions.valid_from_date', -1) }} = calendar_days.calendar_date
    where segment_versions.valid_from_date > cast('0001-01-01' as date)

),

changing_members as (

    {{ of_all_activity_definitions(changing_members) }}

),

transfers as (

    select
        changing_members.activity_definition,
        changing_members.period_index,
        changing_members.is_new,
        changing_members.revenue_at_end,
        counted_with.segment_profile_id as old_profile_id,
        at_end.segment_profile_id as new_profile_id
    from changing_members
    inner join segment_versions as counted_with
        on changing_members.customer_id = counted_with.customer_id
        and changing_members.segment_date >= counted_with.valid_from_date
        and changing_members.segment_date < counted_with.valid_to_date
    inner join segment_versions as at_end
        on changing_members.customer_id = at_end.customer_id
        and changing_members.period_end >= at_end.valid_from_date
        and changing_members.period_end < at_end.valid_to_date
    where counted_with.segment_profile_id != at_end.segment_profile_id

),

{%- set of_states = {
    'relation': 'state_sums',
    'keyed_by': ['activity_definition', 'period_index', 'segment_profile_id', 'close_reason'],
    'sums': {
        'stock_customers': 'new_customers + reactivated_customers - lost_customers',
        'stock_new_customers': 'new_customers',
        'stock_revenue': 'new_revenue + reactivation_revenue + expansion_revenue - contraction_revenue - churned_revenue'
    }
} -%}
{%- for name in movement_counts() + movement_amounts() + ['row_count'] if not name.startswith('stock_') -%}
    {%- do of_states.sums.update({name: name}) -%}
{%- endfor -%}
{%- set no_reason = 'cast(null as ' ~ dbt.type_string() ~ ') as close_reason' -%}
{%- set transferred = [] -%}
{%- for profile, sign in {'old_profile_id': '-', 'new_profile_id': ''}.items() -%}
    {%- do transferred.append({
        'relation': 'transfers',
        'keyed_by': ['activity_definition', 'period_index', profile ~ ' as segment_profile_id', no_reason],
        'sums': {
            'row_count': '1',
            'stock_customers': sign ~ '1',
            'stock_new_customers': sign ~ 'is_new',
            'stock_revenue': sign ~ 'revenue_at_end'
        }
    }) -%}
{%- endfor %}

movements as (

    {{ union_of_sums(movement_counts() + movement_amounts() + ['row_count'], [of_states] + transferred) }}

)

select
    activity_definition,
    '{{ period_grain }}' as period_grain,
    period_index,
    segment_profile_id,
    close_reason,
    {% for count in movement_counts() -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    {% for amount in movement_amounts() -%}
    cast(sum({{ amount }}) as decimal(28, 4)) as {{ amount }},
    {% endfor -%}
    cast(sum(row_count) as bigint) as row_count
from movements
group by activity_definition, period_index, segment_profile_id, close_reason
{% endmacro %}

{#- What a macro gives for each activity definition, one below the other. -#}
{% macro of_all_activity_definitions(rows_of_definition) %}
    {% for activity_definition in activity_definitions() %}
    select '{{ activity_definition }}' as activity_definition, {{ activity_definition }}.*
    from (
        {{ rows_of_definition(activity_definition) }}
    ) as {{ activity_definition }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}

{#- What a movement is a sum for. -#}
{% macro movement_keys() %}
    {{ return(['activity_definition', 'period_grain', 'period_index', 'segment_profile_id', 'close_reason']) }}
{% endmacro %}

{#- Counts of customers that a movement carries. -#}
{% macro movement_counts() %}
    {{ return([
        'new_customers', 'reactivated_customers', 'lost_customers', 'lost_new_customers', 'new_and_lost_customers',
        'stock_customers', 'stock_new_customers'
    ]) }}
{% endmacro %}

{#- Sums of revenue that a movement carries. -#}
{% macro movement_amounts() %}
    {{ return([
        'churned_revenue', 'contraction_revenue', 'expansion_revenue', 'reactivation_revenue', 'new_revenue', 'stock_revenue'
    ]) }}
{% endmacro %}
