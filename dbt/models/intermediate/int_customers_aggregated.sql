{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}) }}

with purchases as (

    select * from {{ rows_concerned('int_customer_purchases_aggregated') }}

),

customers as (

    select * from {{ ref('stg_crm__customers') }}
    where {{ is_listed('customer_id', 'int_customer_ids_changed') }}

),

merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

),

segment_versions as (

    select * from {{ rows_concerned('int_customer_segments_versioned') }}

),

contract_spells as (

    select * from {{ rows_concerned('int_contract_spells_merged') }}

),

crm_customers as (

    select
        customer_id,
        acquisition_cost
    from (
        select
            coalesce(merges.surviving_customer_id, customers.customer_id) as customer_id,
            customers.acquisition_cost,
            -- The surviving record's own cost where that record exists: merged ones often repeat it. Otherwise the cost stated last.
            row_number() over (
                partition by coalesce(merges.surviving_customer_id, customers.customer_id)
                order by
                    case when merges.surviving_customer_id is null then 0 else 1 end,
                    case when customers.acquisition_cost is null then 1 else 0 end,
                    customers.updated_at desc,
                    customers.customer_id desc
            ) as trust_rank
        from customers
        left join merges
            on customers.customer_id = merges.customer_id
    ) as identified
    where
        trust_rank = 1
        -- Before a set as-of date the CRM knows those of whom it knows a segment then.
        and customer_id in (select customer_id from segment_versions)

),

open_contracts as (

    select distinct customer_id
    from contract_spells
    where active_to_date is null

),

known_customers as (

    select
        coalesce(crm_customers.customer_id, purchases.customer_id) as customer_id,
        crm_customers.customer_id is not null as is_in_crm,
        crm_customers.acquisition_cost,
        purchases.cohort_segment_profile_id,
        purchases.purchase_count,
        purchases.valued_purchase_count,
        purchases.purchase_day_count,
        purchases.net_amount,
        purchases.repeat_net_amount,
        purchases.costed_net_amount,
        purchases.cost_amount,
        purchases.first_purchase_date,
        purchases.last_purchase_date
    from crm_customers
    full outer join purchases
        on crm_customers.customer_id = purchases.customer_id

)

select
    known_customers.customer_id,
    coalesce(current_segments.segment_profile_id, {{ unknown_segment_profile_id() }}) as segment_profile_id,
    {% for attribute in customer_attributes() -%}
    coalesce(current_segments.{{ attribute }}, 'unknown') as {{ attribute }},
    {% endfor -%}
    coalesce(known_customers.cohort_segment_profile_id, {{ unknown_segment_profile_id() }}) as cohort_segment_profile_id,
    known_customers.acquisition_cost,
    cast(coalesce(known_customers.purchase_count, 0) as bigint) as purchase_count,
    cast(coalesce(known_customers.valued_purchase_count, 0) as bigint) as valued_purchase_count,
    cast(coalesce(known_customers.purchase_day_count, 0) as bigint) as purchase_day_count,
    cast(coalesce(known_customers.net_amount, 0) as decimal(28, 4)) as net_amount,
    cast(coalesce(known_customers.repeat_net_amount, 0) as decimal(28, 4)) as repeat_net_amount,
    cast(coalesce(known_customers.costed_net_amount, 0) as decimal(28, 4)) as costed_net_amount,
    cast(coalesce(known_customers.cost_amount, 0) as decimal(28, 4)) as cost_amount,
    known_customers.is_in_crm,
    open_contracts.customer_id is not null as is_open_contract,
    known_customers.first_purchase_date,
    known_customers.last_purchase_date
from known_customers
left join open_contracts
    on known_customers.customer_id = open_contracts.customer_id
left join segment_versions as current_segments
    on known_customers.customer_id = current_segments.customer_id
    and current_segments.is_current
