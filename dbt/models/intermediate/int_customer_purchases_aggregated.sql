{#-
    A table of its own, and not a part of int_customers_aggregated: side by side with the CRM and the segments, the sums of twelve million
    customers do not fit into 4 GB.
-#}
{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}) }}

with purchase_days as (

    select * from {{ rows_concerned('int_purchase_days_aggregated') }}

),

segment_versions as (

    select * from {{ rows_concerned('int_customer_segments_versioned') }}

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

)

select
    purchases.customer_id,
    coalesce(first_segments.segment_profile_id, {{ unknown_segment_profile_id() }}) as cohort_segment_profile_id,
    cast(purchases.purchase_count as bigint) as purchase_count,
    cast(purchases.valued_purchase_count as bigint) as valued_purchase_count,
    cast(purchases.purchase_day_count as bigint) as purchase_day_count,
    cast(purchases.net_amount as decimal(28, 4)) as net_amount,
    cast(purchases.repeat_net_amount as decimal(28, 4)) as repeat_net_amount,
    cast(purchases.costed_net_amount as decimal(28, 4)) as costed_net_amount,
    cast(purchases.cost_amount as decimal(28, 4)) as cost_amount,
    purchases.first_purchase_date,
    purchases.last_purchase_date
from purchases
left join segment_versions as first_segments
    on purchases.customer_id = first_segments.customer_id
    and purchases.first_purchase_date >= first_segments.valid_from_date
    and purchases.first_purchase_date < first_segments.valid_to_date
