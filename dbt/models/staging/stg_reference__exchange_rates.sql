{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['rate_date', 'currency']) }}

with exchange_rates as (

    {{ latest_rows(source('raw', 'fx_rates'), ['rate_date', 'currency']) }}

)

select
    currency,
    rate as exchange_rate,
    rate_date
from exchange_rates
