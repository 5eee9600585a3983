{{ config(materialized='incremental', incremental_strategy='replace_rows', unique_key=['response_id']) }}

with survey_responses as (

    {{ latest_rows(source('raw', 'survey_responses'), ['response_id']) }}

)

select
    response_id,
    survey_id,
    customer_id,
    order_id,
    ticket_id,
    coalesce(metric, 'csat') as metric,
    touchpoint,
    scale_id,
    score,
    sent_at,
    answered_at
from survey_responses
