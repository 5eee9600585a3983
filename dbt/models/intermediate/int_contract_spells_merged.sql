{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}) }}

with customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}
    where
        {{ is_known_version() }}
        and {{ is_listed('customer_id', 'int_customer_ids_changed') }}

),

merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

),

known as (

    -- A closing after a set as-of date is not known yet, however old the version that tells of it.
    select
        customer_id,
        version_number,
        created_at,
        valid_from_at,
        case when not {{ is_after_as_of(reporting_date('closed_at')) }} then closed_at end as closed_at,
        case when not {{ is_after_as_of(reporting_date('closed_at')) }} then close_reason end as close_reason
    from customer_versions

),

marked as (

    -- An open version after a closed one reopens the contract and starts a new spell.
    select
        *,
        case
            when
                closed_at is null
                and lag(closed_at) over (partition by customer_id order by version_number) is not null
                then 1
            else 0
        end as is_reopening
    from known

),

numbered as (

    select
        *,
        sum(is_reopening) over (
            partition by customer_id order by version_number rows between unbounded preceding and current row
        ) as spell_number,
        row_number() over (partition by customer_id order by version_number desc) as reverse_number
    from marked

),

record_spells as (

    -- The first spell starts with the customer, a later one with the version that reopened it; the last version of a
    -- spell says when the customer was created, and when and why the spell ended.
    select
        customer_id,
        spell_number,
        case
            when spell_number = 0 then max(case when is_last_of_spell then created_at end)
            else min(valid_from_at)
        end as active_from_at,
        max(case when is_last_of_spell then closed_at end) as active_to_at,
        max(case when is_last_of_spell then close_reason end) as close_reason
    from (
        select
            *,
            reverse_number = min(reverse_number) over (partition by customer_id, spell_number) as is_last_of_spell
        from numbered
    ) as spell_versions
    group by customer_id, spell_number

),

identified as (

    select
        coalesce(merges.surviving_customer_id, record_spells.customer_id) as customer_id,
        record_spells.close_reason,
        {{ reporting_date('record_spells.active_from_at') }} as active_from_date,
        coalesce({{ reporting_date('record_spells.active_to_at') }}, cast('9999-12-31' as date)) as active_to_date
    from record_spells
    left join merges
        on record_spells.customer_id = merges.customer_id
    where record_spells.active_to_at is null or record_spells.active_to_at >= record_spells.active_from_at

),

-- Records of one person with the same days are one. Otherwise each of the windows below could put them into an order of its
-- own, and one spell could become two.
united as (

    select
        customer_id,
        min(close_reason) as close_reason,
        active_from_date,
        active_to_date
    from identified
    group by customer_id, active_from_date, active_to_date

),

compared as (

    select
        *,
        max(active_to_date) over (
            partition by customer_id
            order by active_from_date, active_to_date
            rows between unbounded preceding and 1 preceding
        ) as latest_end_before
    from united

),

islands as (

    -- Records of one person that overlap or touch are one spell.
    select
        *,
        sum(case when latest_end_before >= active_from_date then 0 else 1 end) over (
            partition by customer_id
            order by active_from_date, active_to_date
            rows between unbounded preceding and current row
        ) as island_number
    from compared

),

ranked as (

    select
        *,
        row_number() over (
            partition by customer_id, island_number
            order by active_to_date desc, case when close_reason is null then 1 else 0 end, active_from_date desc
        ) as end_rank
    from islands

),

spells as (

    select
        customer_id,
        max(case when end_rank = 1 then close_reason end) as close_reason,
        min(active_from_date) as active_from_date,
        max(active_to_date) as active_to_date
    from ranked
    group by customer_id, island_number

)

select
    customer_id,
    case when active_to_date < cast('9999-12-31' as date) then coalesce(close_reason, 'not_stated') end as close_reason,
    row_number() over (partition by customer_id order by active_from_date) = 1 as is_first_spell,
    lag(active_to_date) over (partition by customer_id order by active_from_date) as previous_active_to_date,
    active_from_date,
    nullif(active_to_date, cast('9999-12-31' as date)) as active_to_date,
    lead(active_from_date) over (partition by customer_id order by active_from_date) as next_active_from_date
from spells
