{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['customer_id']) }}

with customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}
    {% if is_refresh() -%}
    where customer_id in (select customer_id from {{ rows_of('stg_crm__customer_versions', 'after') }})
    {%- endif %}

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
    version_number as version_count,
    has_email_consent,
    has_sms_consent,
    created_at,
    closed_at,
    valid_from_at as updated_at
from customer_versions
where is_current
