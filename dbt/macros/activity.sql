{#- The rules by which a customer is active: docs/metrics.md, "Who is a customer at the start and at the end". -#}
{% macro activity_definitions() %}
    {% set definitions = ['purchase'] %}
    {% for days in var('activity_windows') %}
        {% do definitions.append('window_' ~ days) %}
    {% endfor %}
    {% do definitions.append('contract') %}
    {{ return(definitions) }}
{% endmacro %}

{#-
    What enters and what leaves a customer's activity, one row an event:
    customer_id, period_index (of the period in which it happens), activity_change (what makes the customer active; active while
    the sum is above 0), revenue_change (of the revenue that the rule looks back on), is_first (1: the customer's first ever).
    An event inside a period shows at the period's end. Expects the CTEs customer_periods, purchase_days, calendar_days and
    contract_spells, the first and third filtered to the grain.
-#}
{% macro activity_events(activity_definition) %}
    {% if activity_definition == 'purchase' %}
    select
        customer_id,
        period_index,
        1 as activity_change,
        net_amount as revenue_change,
        case when is_first_period then 1 else 0 end as is_first,
        first_purchase_date as entry_date
    from customer_periods

    union all

    select
        customer_id,
        period_index + 1 as period_index,
        -1 as activity_change,
        -net_amount as revenue_change,
        0 as is_first,
        cast(null as date) as entry_date
    from customer_periods
    {% elif activity_definition == 'contract' %}
    select
        contract_spells.customer_id,
        calendar_days.period_index,
        1 as activity_change,
        cast(0 as decimal(18, 4)) as revenue_change,
        case when contract_spells.is_first_spell then 1 else 0 end as is_first,
        contract_spells.active_from_date as entry_date
    from contract_spells
    inner join calendar_days
        on contract_spells.active_from_date = calendar_days.calendar_date

    union all

    select
        contract_spells.customer_id,
        calendar_days.period_index,
        -1 as activity_change,
        cast(0 as decimal(18, 4)) as revenue_change,
        0 as is_first,
        cast(null as date) as entry_date
    from contract_spells
    inner join calendar_days
        on contract_spells.active_to_date = calendar_days.calendar_date

    union all

    select
        customer_periods.customer_id,
        customer_periods.period_index + offsets.period_offset as period_index,
        0 as activity_change,
        case when offsets.period_offset = 0 then customer_periods.net_amount else -customer_periods.net_amount end as revenue_change,
        0 as is_first,
        cast(null as date) as entry_date
    from customer_periods
    inner join (select distinct customer_id from contract_spells) as contract_customers
        on customer_periods.customer_id = contract_customers.customer_id
    cross join (select 0 as period_offset union all select 1 as period_offset) as offsets
    {% else %}
    select
        customer_id,
        period_index,
        purchase_day_count as activity_change,
        net_amount as revenue_change,
        case when is_first_period then 1 else 0 end as is_first,
        first_purchase_date as entry_date
    from customer_periods

    union all

    -- A purchase on day d counts at the start of the days d + 1 to d + n: it leaves in the period that holds d + n.
    select
        purchase_days.customer_id,
        calendar_days.period_index,
        -1 as activity_change,
        -purchase_days.net_amount as revenue_change,
        0 as is_first,
        cast(null as date) as entry_date
    from purchase_days
    inner join calendar_days
        on {{ add_days('purchase_days.purchase_date', activity_definition | replace('window_', '')) }} = calendar_days.calendar_date
    {% endif %}
{% endmacro %}
