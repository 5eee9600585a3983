{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'customer_id': 'int_customers_changed'}}) }}

{%- set attributes = customer_attributes() -%}

with customer_versions as (

    select
        *,
        {{ known_from() }} as known_from_at
    from {{ ref('stg_crm__customer_versions') }}
    where
        {{ is_known_version() }}
        and {{ is_listed('customer_id', 'int_customer_ids_changed') }}

),

merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

),

identified as (

    select
        customer_versions.*,
        coalesce(merges.surviving_customer_id, customer_versions.customer_id) as surviving_customer_id,
        {{ first_midnight_from(reporting_timestamp('customer_versions.known_from_at')) }} as valid_from_date
    from customer_versions
    left join merges
        on customer_versions.customer_id = merges.customer_id

),

survivors_with_record as (

    select distinct customer_id as surviving_customer_id
    from identified
    where customer_id = surviving_customer_id

),

trusted as (

    -- The surviving record speaks for the customer; the merged ones only where the survivor has no record of its own.
    select identified.*
    from identified
    left join survivors_with_record
        on identified.surviving_customer_id = survivors_with_record.surviving_customer_id
    where
        survivors_with_record.surviving_customer_id is null
        or identified.customer_id = identified.surviving_customer_id

),

daily as (

    -- Of several versions that are in force from the same midnight, the last one is.
    select
        surviving_customer_id as customer_id,
        {% for attribute in attributes -%}
        coalesce({{ attribute }}, 'unknown') as {{ attribute }},
        {% endfor -%}
        valid_from_date,
        row_number() over (
            partition by surviving_customer_id, valid_from_date
            order by known_from_at desc, customer_id desc
        ) as recency_rank
    from trusted

),

profiled as (

    select
        *,
        {{ segment_profile_id(attributes) }} as attributes_id,
        {{ segment_profile_id(var('segment_types')) }} as segment_profile_id
    from daily
    where recency_rank = 1

),

compared as (

    select
        *,
        lag(attributes_id) over (partition by customer_id order by valid_from_date) as previous_attributes_id
    from profiled

),

changes as (

    select
        *,
        lag(valid_from_date) over (partition by customer_id order by valid_from_date) as previous_change_date,
        lead(valid_from_date) over (partition by customer_id order by valid_from_date) as next_change_date
    from compared
    where previous_attributes_id is null or previous_attributes_id != attributes_id

)

select
    customer_id,
    segment_profile_id,
    {% for attribute in attributes -%}
    {{ attribute }},
    {% endfor -%}
    next_change_date is null as is_current,
    -- What the CRM said first holds for the time before it, too: it knows nothing older.
    case when previous_change_date is null then cast('0001-01-01' as date) else valid_from_date end as valid_from_date,
    coalesce(next_change_date, cast('9999-12-31' as date)) as valid_to_date
from changes
