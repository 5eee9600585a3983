{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['ticket_id']) }}

with tickets as (

    {{ latest_rows(source('raw', 'crm_tickets'), ['ticket_id']) }}

)

select
    ticket_id,
    customer_id,
    channel,
    category,
    status,
    opened_at,
    closed_at
from tickets
