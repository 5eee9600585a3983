{#-
    Who, of the customers whose segment changes in a period (CTE segment_changes), is active at the end of that period. One row a
    customer and period: is_new (1 for whoever is new in it), segment_date (of the segment that the customer counts with in the period),
    revenue_at_end (that the rule looks back on there), period_end. Expects the CTEs of activity_changes.
-#}
{% macro changing_members(activity_definition) %}
    {% if activity_definition == 'purchase' %}
    {{ purchase_members() }}
    {% elif activity_definition == 'contract' %}
    {{ contract_members() }}
    {% else %}
    {{ window_members(activity_definition | replace('window_', '')) }}
    {% endif %}
{% endmacro %}

{% macro purchase_members() %}
    select
        segment_changes.customer_id,
        segment_changes.period_index,
        segment_changes.period_end,
        case when customer_periods.is_first_period then 1 else 0 end as is_new,
        case
            when days_before.period_index = segment_changes.period_index - 1 then segment_changes.period_start
            else customer_periods.first_purchase_date
        end as segment_date,
        customer_periods.net_amount as revenue_at_end
    from segment_changes
    inner join customer_periods
        on segment_changes.customer_id = customer_periods.customer_id
        and segment_changes.period_index = customer_periods.period_index
    left join calendar_days as days_before
        on customer_periods.previous_purchase_date = days_before.calendar_date
{% endmacro %}

{#- Of the purchases joined, one before the period says that the customer was active at its start; if there is none, the customer came. -#}
{% macro window_members(days) %}
    {%- set first_day_at_end = add_days('segment_changes.period_end', '-' ~ days) -%}
    select
        segment_changes.customer_id,
        segment_changes.period_index,
        segment_changes.period_end,
        case
            when min(purchase_days.purchase_date) >= segment_changes.period_start and count(purchase_days.previous_purchase_date) < count(*)
                then 1
            else 0
        end as is_new,
        greatest(min(purchase_days.purchase_date), segment_changes.period_start) as segment_date,
        cast(
            sum(case when purchase_days.purchase_date >= {{ first_day_at_end }} then purchase_days.net_amount else 0 end)
            as decimal(18, 4)
        ) as revenue_at_end
    from segment_changes
    inner join purchase_days
        on segment_changes.customer_id = purchase_days.customer_id
        and purchase_days.purchase_date >= {{ add_days('segment_changes.period_start', '-' ~ days) }}
        and purchase_days.purchase_date < segment_changes.period_end
    group by
        segment_changes.customer_id,
        segment_changes.period_index,
        segment_changes.period_start,
        segment_changes.period_end
    having max(purchase_days.purchase_date) >= {{ first_day_at_end }}
{% endmacro %}

{#- The same with spells: one that began before the period and reaches it says that the customer was active at its start. -#}
{% macro contract_members() %}
    {%- set end_of_spell = "coalesce(contract_spells.active_to_date, cast('9999-12-31' as date))" -%}
    select
        spells_in_period.customer_id,
        spells_in_period.period_index,
        spells_in_period.period_end,
        spells_in_period.is_new,
        spells_in_period.segment_date,
        coalesce(customer_periods.net_amount, 0) as revenue_at_end
    from (
        select
            segment_changes.customer_id,
            segment_changes.period_index,
            segment_changes.period_end,
            max(
                case when contract_spells.is_first_spell and contract_spells.active_from_date >= segment_changes.period_start then 1 else 0 end
            ) as is_new,
            greatest(min(contract_spells.active_from_date), segment_changes.period_start) as segment_date
        from segment_changes
        inner join contract_spells
            on segment_changes.customer_id = contract_spells.customer_id
            and contract_spells.active_from_date < segment_changes.period_end
            and {{ end_of_spell }} >= segment_changes.period_start
        group by
            segment_changes.customer_id,
            segment_changes.period_index,
            segment_changes.period_start,
            segment_changes.period_end
        having max({{ end_of_spell }}) >= segment_changes.period_end
    ) as spells_in_period
    left join customer_periods
        on spells_in_period.customer_id = customer_periods.customer_id
        and spells_in_period.period_index = customer_periods.period_index
{% endmacro %}
