with customers as (

    select * from {{ ref('int_customers_aggregated') }}

)

select
    customer_id,
    country,
    region,
    segment,
    acquisition_channel,
    purchase_count,
    purchase_day_count,
    net_amount,
    is_in_crm,
    is_open_contract,
    first_purchase_date,
    last_purchase_date
from customers
