with customers as (

    select * from {{ source('raw', 'crm_customers') }}

),

dated as (

    select
        *,
        coalesce(updated_at, created_at) as effective_at
    from customers

),

ranked as (

    -- The same version may be delivered again, or corrected: the latest delivery of it wins.
    select
        *,
        row_number() over (
            partition by customer_id, effective_at
            order by _load_sequence desc, _source_row desc
        ) as recency_rank
    from dated

),

versions as (

    select
        *,
        lead(effective_at) over (partition by customer_id order by effective_at) as next_effective_at,
        row_number() over (partition by customer_id order by effective_at) as version_number
    from ranked
    where recency_rank = 1

)

select
    customer_id,
    nullif(canonical_customer_id, customer_id) as canonical_customer_id,
    country,
    region,
    city,
    segment,
    acquisition_channel,
    status,
    close_reason,
    acquisition_cost,
    cast(version_number as integer) as version_number,
    email_consent as has_email_consent,
    sms_consent as has_sms_consent,
    next_effective_at is null as is_current,
    created_at,
    closed_at,
    effective_at as valid_from_at,
    next_effective_at as valid_to_at
from versions
