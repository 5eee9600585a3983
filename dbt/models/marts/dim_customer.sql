with customers as (

    select * from {{ ref('int_customers_aggregated') }}

)

select
    customer_id,
    {% for segment_type in var('segment_types') -%}
    {{ segment_type }},
    {% endfor -%}
    purchase_count,
    purchase_day_count,
    net_amount,
    is_in_crm,
    is_open_contract,
    first_purchase_date,
    last_purchase_date
from customers
