{#-
    Movements of one activity definition at one grain: who is counted in which period, and with which segment profile.
    Grain: period_index x segment_profile_id x close_reason (NULL but for lost customers). All columns are sums, so rows of
    different customers may be added up; row_count is 0 where none is left behind them. stock_* is what the period's end adds to the
    customers and revenue "at start" of all later periods. Only what changes is looked at: the cost grows with purchases and spells, not
    with customers x periods. `moment`: of which rows, see rows_of.
-#}
{% macro movements(activity_definition, period_grain, moment='all') %}
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

    select * from {{ rows_of('int_customer_segments_versioned', moment) }}

),

activity_events as (

    {{ activity_events(activity_definition) }}

),

segment_events as (

    -- A customer who only changes segment moves from one segment's stock to another's: that needs a row, too.
    select
        segment_versions.customer_id,
        calendar_days.period_index,
        0 as activity_change,
        cast(0 as decimal(18, 4)) as revenue_change,
        0 as is_first,
        cast(null as date) as entry_date
    from segment_versions
    inner join calendar_days
        on {{ add_days('segment_versions.valid_from_date', -1) }} = calendar_days.calendar_date
    where segment_versions.valid_from_date > cast('0001-01-01' as date)

),

changes as (

    select
        customer_id,
        period_index,
        sum(activity_change) as activity_change,
        cast(sum(revenue_change) as decimal(18, 4)) as revenue_change,
        max(is_first) as is_first,
        min(entry_date) as entry_date
    from (
        select * from activity_events
        union all
        select * from segment_events
    ) as events
    group by customer_id, period_index

),

running as (

    select
        customer_id,
        period_index,
        is_first,
        entry_date,
        activity_change,
        revenue_change,
        sum(activity_change) over customer_history as activity_at_end,
        cast(sum(revenue_change) over customer_history as decimal(18, 4)) as revenue_at_end,
        lag(case when is_first = 1 then period_index end) over (partition by customer_id order by period_index) as first_index_before
    from changes
    window customer_history as (partition by customer_id order by period_index rows between unbounded preceding and current row)

),

states as (

    select
        running.customer_id,
        running.period_index,
        running.is_first = 1 as is_first,
        running.entry_date,
        running.activity_at_end > running.activity_change as is_active_at_start,
        running.activity_at_end > 0 as is_active_at_end,
        running.revenue_at_end - running.revenue_change as revenue_at_start,
        running.revenue_at_end,
        coalesce(running.first_index_before = running.period_index - 1, false) as was_new_in_previous_period,
        periods.period_start,
        periods.period_end
    from running
    inner join periods
        on running.period_index = periods.period_index
    where running.activity_at_end > 0 or running.activity_at_end > running.activity_change or running.is_first = 1

),

profiled as (

    select
        states.*,
        states.is_active_at_start and states.is_active_at_end as is_retained,
        states.is_active_at_start and not states.is_active_at_end as is_lost,
        states.is_active_at_end and not states.is_active_at_start as has_entered,
        coalesce(at_start.segment_profile_id, {{ unknown_segment_profile_id() }}) as profile_at_start,
        coalesce(at_end.segment_profile_id, {{ unknown_segment_profile_id() }}) as profile_at_end,
        coalesce(at_entry.segment_profile_id, {{ unknown_segment_profile_id() }}) as profile_at_entry
    from states
    left join segment_versions as at_start
        on states.customer_id = at_start.customer_id
        and states.period_start >= at_start.valid_from_date
        and states.period_start < at_start.valid_to_date
    left join segment_versions as at_end
        on states.customer_id = at_end.customer_id
        and states.period_end >= at_end.valid_from_date
        and states.period_end < at_end.valid_to_date
    left join segment_versions as at_entry
        on states.customer_id = at_entry.customer_id
        and states.entry_date >= at_entry.valid_from_date
        and states.entry_date < at_entry.valid_to_date

),

closures as (

    select * from contract_spells
    where active_to_date is not null

),

-- One pass over the customers; nearly all have one profile all along, so this is small already.
sums as (

    select
        profiled.period_index,
        profiled.profile_at_start,
        profiled.profile_at_end,
        profiled.profile_at_entry,
        case when profiled.is_lost then coalesce(closures.close_reason, 'not_closed') end as close_reason,
        count(case when profiled.is_active_at_start then 1 end) as customers_at_start,
        count(case when profiled.is_active_at_end then 1 end) as customers_at_end,
        count(case when profiled.is_lost then 1 end) as lost_customers,
        count(case when profiled.is_lost and profiled.was_new_in_previous_period then 1 end) as lost_new_customers,
        count(case when profiled.has_entered and profiled.is_first then 1 end) as new_customers,
        count(case when profiled.has_entered and not profiled.is_first then 1 end) as reactivated_customers,
        count(case when not profiled.is_active_at_start and not profiled.is_active_at_end then 1 end) as new_and_lost_customers,
        sum(case when profiled.is_active_at_start then profiled.revenue_at_start else 0 end) as revenue_at_start,
        sum(case when profiled.is_active_at_end then profiled.revenue_at_end else 0 end) as revenue_at_end,
        sum(case when profiled.is_lost then profiled.revenue_at_start else 0 end) as churned_revenue,
        sum(case when profiled.is_retained then greatest(profiled.revenue_at_start - profiled.revenue_at_end, 0) else 0 end)
            as contraction_revenue,
        sum(case when profiled.is_retained then greatest(profiled.revenue_at_end - profiled.revenue_at_start, 0) else 0 end)
            as expansion_revenue,
        sum(case when profiled.has_entered and not profiled.is_first then profiled.revenue_at_end else 0 end)
            as reactivation_revenue,
        sum(case when profiled.has_entered and profiled.is_first then profiled.revenue_at_end else 0 end) as new_revenue
    from profiled
    left join closures
        on profiled.is_lost
        and profiled.customer_id = closures.customer_id
        and profiled.period_end > closures.active_to_date
        and profiled.period_end <= coalesce(closures.next_active_from_date, cast('9999-12-31' as date))
    group by 1, 2, 3, 4, 5

),

{#-
    Members of the period start count with the segment they had then, members of the period end with the one they have as
    members of the next start, and those who came with the one of the day they came on.
-#}
{%- set starting = {
    'relation': 'sums',
    'where': 'customers_at_start > 0',
    'keyed_by': ['period_index', 'profile_at_start as segment_profile_id', 'close_reason'],
    'sums': {
        'lost_customers': 'lost_customers',
        'lost_new_customers': 'lost_new_customers',
        'row_count': 'customers_at_start',
        'stock_customers': '-customers_at_start',
        'churned_revenue': 'churned_revenue',
        'contraction_revenue': 'contraction_revenue',
        'expansion_revenue': 'expansion_revenue',
        'stock_revenue': '-revenue_at_start'
    }
} -%}
{%- set no_reason = 'cast(null as ' ~ dbt.type_string() ~ ') as close_reason' -%}
{%- set ending = {
    'relation': 'sums',
    'where': 'customers_at_end > 0',
    'keyed_by': ['period_index', 'profile_at_end as segment_profile_id', no_reason],
    'sums': {
        'row_count': 'customers_at_end',
        'stock_customers': 'customers_at_end',
        'stock_new_customers': 'new_customers',
        'stock_revenue': 'revenue_at_end'
    }
} -%}
{%- set coming = {
    'relation': 'sums',
    'where': 'new_customers + reactivated_customers + new_and_lost_customers > 0',
    'keyed_by': ['period_index', 'profile_at_entry as segment_profile_id', no_reason],
    'sums': {
        'row_count': 'new_customers + reactivated_customers + new_and_lost_customers',
        'new_customers': 'new_customers',
        'reactivated_customers': 'reactivated_customers',
        'new_and_lost_customers': 'new_and_lost_customers',
        'reactivation_revenue': 'reactivation_revenue',
        'new_revenue': 'new_revenue'
    }
} %}

movements as (

    {{ union_of_sums(movement_counts() + movement_amounts() + ['row_count'], [starting, ending, coming]) }}

)

select
    '{{ activity_definition }}' as activity_definition,
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
group by period_index, segment_profile_id, close_reason
{% endmacro %}

{#- The movements of all activity definitions at one grain, one below the other. -#}
{% macro all_movements(period_grain, moment='all') %}
    {% for activity_definition in activity_definitions() %}
    select * from (
        {{ movements(activity_definition, period_grain, moment) }}
    ) as {{ activity_definition }}_by_{{ period_grain }}
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
