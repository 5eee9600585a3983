{#- The rules by which a customer is active: docs/metrics.md, "Who is a customer". -#}
{% macro activity_definitions() %}
    {% set definitions = ['purchase'] %}
    {% for days in var('activity_windows') %}
        {% do definitions.append('window_' ~ days) %}
    {% endfor %}
    {% do definitions.append('contract') %}
    {{ return(definitions) }}
{% endmacro %}

{#-
    What changes in a customer's activity. One row a customer and period in which anything happens; under `contract` one for the stay and
    one for the purchases. Columns: customer_id, period_index, is_active_at_start, is_active_at_end, is_first (the customer's first ever),
    was_new (was new in the period before; said of those only who may be lost in this one), revenue_change (of the revenue that the rule
    looks back on), entry_date (when the customer came), is_counted (false: only its revenue counts). What happens inside a period shows at
    its end. Expects the CTEs purchase_days and contract_spells, and of one grain customer_periods and calendar_days.
-#}
{% macro activity_changes(activity_definition) %}
    {% if activity_definition == 'purchase' %}
    {{ purchase_changes() }}
    {% elif activity_definition == 'contract' %}
    {{ contract_changes() }}
    {% else %}
    {{ window_changes(activity_definition | replace('window_', '')) }}
    {% endif %}
{% endmacro %}

{#-
    What a customer bought in a period beside what the same customer bought in the period before; one row a customer and period with either.
    Only who bought in both is looked up: nothing is grouped. Two rules need it, and each works it out: an engine would keep a CTE that
    both read whole, which costs more where memory is short.
-#}
{% macro purchase_pairs() %}
    {%- set nothing = 'cast(0 as decimal(18, 4))' -%}
    with neighbours as (

        select
            customer_periods.customer_id,
            customer_periods.period_index,
            customer_periods.is_first_period,
            customer_periods.net_amount,
            customer_periods.first_purchase_date,
            coalesce(days_before.period_index = customer_periods.period_index - 1, false) as has_bought_before,
            coalesce(days_after.period_index = customer_periods.period_index + 1, false) as buys_after
        from customer_periods
        left join calendar_days as days_before
            on customer_periods.previous_purchase_date = days_before.calendar_date
        left join calendar_days as days_after
            on customer_periods.next_purchase_date = days_after.calendar_date

    )

    select
        customer_id,
        period_index,
        false as has_bought_before,
        true as has_bought,
        is_first_period as is_first,
        false as was_new,
        {{ nothing }} as amount_before,
        net_amount as amount,
        first_purchase_date as entry_date
    from neighbours
    where not has_bought_before

    union all

    select
        neighbours.customer_id,
        neighbours.period_index,
        true as has_bought_before,
        true as has_bought,
        false as is_first,
        false as was_new,
        periods_before.net_amount as amount_before,
        neighbours.net_amount as amount,
        neighbours.first_purchase_date as entry_date
    from neighbours
    inner join customer_periods as periods_before
        on neighbours.customer_id = periods_before.customer_id
        and neighbours.period_index - 1 = periods_before.period_index
    where neighbours.has_bought_before

    union all

    select
        customer_id,
        period_index + 1 as period_index,
        true as has_bought_before,
        false as has_bought,
        false as is_first,
        is_first_period as was_new,
        net_amount as amount_before,
        {{ nothing }} as amount,
        cast(null as date) as entry_date
    from neighbours
    where not buys_after
{% endmacro %}

{#- A purchase counts at the end of its period, and not at the end of the next. -#}
{% macro purchase_changes() %}
    select
        customer_id,
        period_index,
        has_bought_before as is_active_at_start,
        has_bought as is_active_at_end,
        is_first,
        was_new,
        cast(amount - amount_before as decimal(18, 4)) as revenue_change,
        entry_date,
        true as is_counted
    from (
        {{ purchase_pairs() }}
    ) as pairs
{% endmacro %}

{#-
    A purchase on day d counts at the start of the days d + 1 to d + n: it leaves in the period that holds d + n. Of several events of a
    customer in a period each says whether the customer is active at its start; at its end the customer is if all say so.
-#}
{% macro window_changes(days) %}
    select
        customer_id,
        period_index,
        min(is_active_at_start) as is_active_at_start,
        min(is_active_at_end) as is_active_at_end,
        max(is_first) as is_first,
        max(was_new) as was_new,
        cast(sum(revenue_change) as decimal(18, 4)) as revenue_change,
        min(entry_date) as entry_date,
        true as is_counted
    from (
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

        -- Whoever is new at the end of a period and may be lost in the next.
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
        where customer_periods.is_first_period and ends.period_index = customer_periods.period_index + 1

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
    ) as events
    group by customer_id, period_index
{% endmacro %}

{#- A contract counts from the end of the period in which it begins to the start of the one in which it ends. -#}
{% macro contract_changes() %}
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

    happenings as (

        select customer_id, period_index, is_first, false as was_new, entry_date
        from stays

        union all

        -- Whoever was new and may be lost in the period after.
        select customer_id, period_index + 1, false, true, cast(null as date)
        from stays
        where is_first and end_index = period_index + 1

        union all

        select customer_id, end_index, false, false, cast(null as date)
        from stays
        where end_index < {{ never }}

    ),

    happened as (

        select
            customer_id,
            period_index,
            max(is_first) as is_first,
            max(was_new) as was_new,
            min(entry_date) as entry_date
        from happenings
        group by customer_id, period_index

    ),

    pairs as (

        {{ purchase_pairs() }}

    ),

    compared as (

        -- What was bought in a period is compared with what was bought in the one before, of those who were active then.
        select
            pairs.customer_id,
            pairs.period_index,
            {{ stay_reaches_start('pairs') }} as is_active_at_start,
            {{ stay_reaches_end('pairs') }} as is_active_at_end,
            coalesce(stays.is_first and pairs.period_index = stays.period_index, false) as is_first,
            pairs.amount_before,
            pairs.amount,
            stays.entry_date
        from pairs
        {{ join_current_stay('pairs') }}

    )

    select
        happened.customer_id,
        happened.period_index,
        {{ stay_reaches_start('happened') }} as is_active_at_start,
        {{ stay_reaches_end('happened') }} as is_active_at_end,
        happened.is_first,
        happened.was_new,
        cast(0 as decimal(18, 4)) as revenue_change,
        happened.entry_date,
        true as is_counted
    from happened
    {{ join_current_stay('happened') }}

    union all

    select
        customer_id,
        period_index,
        is_active_at_start,
        is_active_at_end,
        is_first,
        false as was_new,
        cast(
            case when is_active_at_end then amount else 0 end - case when is_active_at_start then amount_before else 0 end
            as decimal(18, 4)
        ) as revenue_change,
        entry_date,
        false as is_counted
    from compared
{% endmacro %}

{#-
    Joins the stay that is current in the period of a row. A left join, although only rows with a stay matter: from a join over ranges
    engines expect few rows, and then keep the many there are in memory for the joins after it. Without a stay nobody is active.
-#}
{% macro join_current_stay(relation) -%}
    left join stays
        on {{ relation }}.customer_id = stays.customer_id
        and {{ relation }}.period_index >= stays.period_index
        and {{ relation }}.period_index < stays.next_period_index
{%- endmacro %}

{#- Whether that stay, or the one before it, reaches the start of the period. -#}
{% macro stay_reaches_start(relation) -%}
    coalesce(
        case
            when {{ relation }}.period_index = stays.period_index then stays.previous_end_index >= {{ relation }}.period_index
            else stays.end_index >= {{ relation }}.period_index
        end,
        false
    )
{%- endmacro %}

{#- Whether that stay reaches the end of the period. -#}
{% macro stay_reaches_end(relation) -%}
    coalesce(stays.end_index > {{ relation }}.period_index, false)
{%- endmacro %}
