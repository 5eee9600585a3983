{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['customer_id']) }}

{#- What a version states, by its name in the feed and here. -#}
{%- set stated = {
    'canonical_customer_id': "nullif(canonical_customer_id, customer_id)",
    'country': 'country',
    'region': 'region',
    'city': 'city',
    'segment': 'segment',
    'acquisition_channel': 'acquisition_channel',
    'status': 'status',
    'close_reason': 'close_reason',
    'acquisition_cost': 'acquisition_cost',
    'has_email_consent': 'email_consent',
    'has_sms_consent': 'sms_consent',
    'created_at': 'created_at',
    'closed_at': 'closed_at'
} -%}

with customers as (

    select * from {{ source('raw', 'crm_customers') }}
    {% if is_addition() -%}
    where _load_sequence > {{ built_load_sequence() }}
    {%- endif %}

),

delivered as (

    select
        customer_id,
        {% for name, expression in stated.items() -%}
        {{ expression }} as {{ name }},
        {% endfor -%}
        updated_at,
        coalesce(updated_at, created_at) as effective_at,
        _load_sequence as load_sequence,
        _source_row as source_row
    from customers
    {% if is_addition() %}
    union all

    -- The versions that are known of the same customers; whatever was delivered since wins over them.
    select
        customer_id,
        {% for name in stated -%}
        {{ name }},
        {% endfor -%}
        updated_at,
        valid_from_at as effective_at,
        -1 as load_sequence,
        -1 as source_row
    from {{ this }}
    where customer_id in (select customer_id from customers)
    {% endif %}

),

ranked as (

    -- The same version may be delivered again, or corrected: the latest delivery of it wins. All that do not say when they came
    -- about are one version, whatever they say of the creation.
    select
        *,
        row_number() over (
            partition by customer_id, updated_at
            order by load_sequence desc, source_row desc
        ) as recency_rank
    from delivered

),

dated as (

    -- Of two versions from the same moment the one that states it holds.
    select
        *,
        row_number() over (
            partition by customer_id, effective_at
            order by case when updated_at is null then 1 else 0 end
        ) as moment_rank
    from ranked
    where recency_rank = 1

),

versions as (

    select
        *,
        lead(effective_at) over (partition by customer_id order by effective_at) as next_effective_at,
        row_number() over (partition by customer_id order by effective_at) as version_number
    from dated
    where moment_rank = 1

)

select
    customer_id,
    canonical_customer_id,
    country,
    region,
    city,
    segment,
    acquisition_channel,
    status,
    close_reason,
    acquisition_cost,
    cast(version_number as integer) as version_number,
    has_email_consent,
    has_sms_consent,
    next_effective_at is null as is_current,
    created_at,
    closed_at,
    updated_at,
    effective_at as valid_from_at,
    next_effective_at as valid_to_at
from versions
