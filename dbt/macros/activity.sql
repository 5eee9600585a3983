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
    What bears on a customer's activity. One row an event: customer_id, period_index (of the period in which it happens),
    is_active_at_start, is_active_at_end (of several events in a period each must say so), is_first (the customer's first ever), was_new
    (was new in the period before), revenue_change (of the revenue that the rule looks back on), entry_date (when the customer came).
    What happens inside a period shows at its end. Expects the CTEs customer_periods, purchase_days, calendar_days and contract_spells,
    the first and third filtered to the grain.
-#}
{% macro activity_events(activity_definition) %}
    {% if activity_definition == 'purchase' %}
    {{ purchase_events() }}
    {% elif activity_definition == 'contract' %}
    {{ contract_events() }}
    {% else %}
    {{ window_events(activity_definition | replace('window_', '')) }}
    {% endif %}
{% endmacro %}

{#- A purchase counts at the end of its period, and not at the end of the next. -#}
{% macro purchase_events() %}
    select
        customer_periods.customer_id,
        customer_periods.period_index,
        coalesce(days_before.period_index = customer_periods.period_index - 1, false) as is_active_at_start,
        true as is_active_at_end,
        customer_periods.is_first_period as is_first,
        false as was_new,
        customer_periods.net_amount as revenue_change,
        customer_periods.first_purchase_date as entry_date
    from customer_periods
    left join calendar_days as days_before
        on customer_periods.previous_purchase_date = days_before.calendar_date

    union all

    select
        customer_periods.customer_id,
        customer_periods.period_index + 1 as period_index,
        true as is_active_at_start,
        coalesce(days_after.period_index = customer_periods.period_index + 1, false) as is_active_at_end,
        false as is_first,
        customer_periods.is_first_period as was_new,
        -customer_periods.net_amount as revenue_change,
        cast(null as date) as entry_date
    from customer_periods
    left join calendar_days as days_after
        on customer_periods.next_purchase_date = days_after.calendar_date
{% endmacro %}

{#- A purchase on day d counts at the start of the days d + 1 to d + n: it leaves in the period that holds d + n. -#}
{% macro window_events(days) %}
    select
        customer_periods.customer_id,
        customer_periods.period_index,
        coalesce(ends_before.period_index >= customer_periods.period_index, false) as is_active_at_start,
        ends.period_index > customer_periods.period_index as is_active_at_end,
        customer_periods.is_first_period as is_first,
        false as was_new,
        customer_periods.net_amount as revenue_change,
        customer_periods.first_purchase_date as entry_date
    from customer_periods
    inner join calendar_days as ends
        on {{ add_days('customer_periods.last_purchase_date', days) }} = ends.calendar_date
    left join calendar_days as ends_before
        on {{ add_days('customer_periods.previous_purchase_date', days) }} = ends_before.calendar_date

    union all

    -- Whoever is new at the end of a period, in the next.
    select
        customer_periods.customer_id,
        customer_periods.period_index + 1 as period_index,
        true as is_active_at_start,
        true as is_active_at_end,
        false as is_first,
        true as was_new,
        cast(0 as decimal(18, 4)) as revenue_change,
        cast(null as date) as entry_date
    from customer_periods
    inner join calendar_days as ends
        on {{ add_days('customer_periods.last_purchase_date', days) }} = ends.calendar_date
    where customer_periods.is_first_period and ends.period_index > customer_periods.period_index

    union all

    -- The last purchase to leave takes the customer with it, if no other came meanwhile.
    select
        purchase_days.customer_id,
        ends.period_index,
        true as is_active_at_start,
        coalesce(days_after.period_index <= ends.period_index, false) as is_active_at_end,
        false as is_first,
        false as was_new,
        -purchase_days.net_amount as revenue_change,
        cast(null as date) as entry_date
    from purchase_days
    inner join calendar_days as ends
        on {{ add_days('purchase_days.purchase_date', days) }} = ends.calendar_date
    left join calendar_days as days_after
        on purchase_days.next_purchase_date = days_after.calendar_date
{% endmacro %}

{#- A contract counts from the end of the period in which it begins to the start of the one in which it ends. -#}
{% macro contract_events() %}
    {#- A number that no period has. -#}
    {%- set never = 999999 -%}
    with stays as (

        -- Spells by periods, those that begin in the same one together, with the end of the one before and the beginning of the next.
        select
            contract_spells.customer_id,
            first_days.period_index,
            max(case when contract_spells.is_first_spell then 1 else 0 end) = 1 as is_first,
            max(coalesce(last_days.period_index, {{ never }})) as end_index,
            min(coalesce(last_days_before.period_index, -{{ never }})) as previous_end_index,
            max(coalesce(first_days_after.period_index, {{ never }})) as next_period_index,
            min(contract_spells.active_from_date) as entry_date
        from contract_spells
        inner join calendar_days as first_days
            on contract_spells.active_from_date = first_days.calendar_date
        left join calendar_days as last_days
            on contract_spells.active_to_date = last_days.calendar_date
        left join calendar_days as last_days_before
            on contract_spells.previous_active_to_date = last_days_before.calendar_date
        left join calendar_days as first_days_after
            on contract_spells.next_active_from_date = first_days_after.calendar_date
        group by contract_spells.customer_id, first_days.period_index

    ),

    {%- set no_revenue = 'cast(0 as decimal(18, 4)) as entering_revenue, cast(0 as decimal(18, 4)) as leaving_revenue' %}

    happenings as (

        select customer_id, period_index, is_first, false as was_new, entry_date, {{ no_revenue }}
        from stays

        union all

        select customer_id, period_index + 1, false, true, cast(null as date), {{ no_revenue }}
        from stays
        where is_first

        union all

        select customer_id, end_index, false, false, cast(null as date), {{ no_revenue }}
        from stays
        where end_index < {{ never }}

        union all

        -- What was bought in a period is compared with what was bought in the one before.
        select customer_id, period_index, false, false, cast(null as date), net_amount, cast(0 as decimal(18, 4))
        from customer_periods

        union all

        select customer_id, period_index + 1, false, false, cast(null as date), cast(0 as decimal(18, 4)), net_amount
        from customer_periods

    ),

    placed as (

        select
            happenings.*,
            case
                when happenings.period_index = stays.period_index then stays.previous_end_index >= happenings.period_index
                else stays.end_index >= happenings.period_index
            end as is_active_at_start,
            stays.end_index > happenings.period_index as is_active_at_end
        from happenings
        inner join stays
            on happenings.customer_id = stays.customer_id
            and happenings.period_index >= stays.period_index
            and happenings.period_index < stays.next_period_index

    )

    select
        customer_id,
        period_index,
        is_active_at_start,
        is_active_at_end,
        is_first,
        was_new,
        cast(
            case when is_active_at_end then entering_revenue else 0 end - case when is_active_at_start then leaving_revenue else 0 end
            as decimal(18, 4)
        ) as revenue_change,
        entry_date
    from placed
{% endmacro %}
