{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}) }}

with purchase_days as (

    select * from {{ rows_concerned('int_purchase_days_aggregated') }}

),

customers as (

    select * from {{ ref('stg_crm__customers') }}
    where
        not {{ is_after_as_of(reporting_date('created_at')) }}
        and {{ is_listed('customer_id', 'int_customer_ids_changed') }}

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

purchases as (

    select
        customer_id,
        count(*) as purchase_day_count,
        sum(order_count) as purchase_count,
        sum(valued_order_count) as valued_purchase_count,
        sum(net_amount) as net_amount,
        sum(case when previous_purchase_date is not null then net_amount else 0 end) as repeat_net_amount,
        sum(costed_net_amount) as costed_net_amount,
        sum(cost_amount) as cost_amount,
        min(purchase_date) as first_purchase_date,
        max(purchase_date) as last_purchase_date
    from purchase_days
    group by customer_id

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
    where trust_rank = 1

),

open_contracts as (

    select distinct customer_id
    from contract_spells
    where active_to_date is null

),

known_ids as (

    select customer_id from crm_customers
    union
    select customer_id from purchases

)

select
    known_ids.customer_id,
    coalesce(current_segments.segment_profile_id, {{ unknown_segment_profile_id() }}) as segment_profile_id,
    {% for attribute in customer_attributes() -%}
    coalesce(current_segments.{{ attribute }}, 'unknown') as {{ attribute }},
    {% endfor -%}
    coalesce(first_segments.segment_profile_id, {{ unknown_segment_profile_id() }}) as cohort_segment_profile_id,
    crm_customers.acquisition_cost,
    cast(coalesce(purchases.purchase_count, 0) as bigint) as purchase_count,
    cast(coalesce(purchases.valued_purchase_count, 0) as bigint) as valued_purchase_count,
    cast(coalesce(purchases.purchase_day_count, 0) as bigint) as purchase_day_count,
    cast(coalesce(purchases.net_amount, 0) as decimal(28, 4)) as net_amount,
    cast(coalesce(purchases.repeat_net_amount, 0) as decimal(28, 4)) as repeat_net_amount,
    cast(coalesce(purchases.costed_net_amount, 0) as decimal(28, 4)) as costed_net_amount,
    cast(coalesce(purchases.cost_amount, 0) as decimal(28, 4)) as cost_amount,
    crm_customers.customer_id is not null as is_in_crm,
    open_contracts.customer_id is not null as is_open_contract,
    purchases.first_purchase_date,
    purchases.last_purchase_date
from known_ids
left join crm_customers
    on known_ids.customer_id = crm_customers.customer_id
left join purchases
    on known_ids.customer_id = purchases.customer_id
left join open_contracts
    on known_ids.customer_id = open_contracts.customer_id
left join segment_versions as current_segments
    on known_ids.customer_id = current_segments.customer_id
    and current_segments.is_current
left join segment_versions as first_segments
    on known_ids.customer_id = first_segments.customer_id
    and purchases.first_purchase_date >= first_segments.valid_from_date
    and purchases.first_purchase_date < first_segments.valid_to_date
