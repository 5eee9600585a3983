{{ config(materialized='incremental', incremental_strategy='replace_rows', meta={'replaced_keys': {'response_id': 'int_responses_changed'}}) }}

{#- Who was invited before an as-of date that was set, and answered since, has not answered yet. -#}
{%- set is_answered_later -%}
    coalesce(responses.sent_at < responses.answered_at and {{ is_after_as_of(reporting_date('responses.answered_at')) }}, false)
{%- endset -%}
{%- set answered_at -%}
    case when {{ is_answered_later }} then responses.sent_at else coalesce(responses.answered_at, responses.sent_at) end
{%- endset -%}

with responses as (

    select * from {{ ref('stg_surveys__responses') }}
    where {{ is_listed('response_id', 'int_responses_changed') }}

),

orders as (

    select * from {{ ref('int_orders_valued') }}

),

tickets as (

    select * from {{ ref('stg_crm__tickets') }}

),

merges as (

    select * from {{ ref('int_customer_merges_resolved') }}

),

scales as (

    select * from {{ ref('survey_scales') }}

),

linked as (

    select
        responses.response_id,
        -- 'all' names the rows for all surveys together.
        case responses.survey_id when 'all' then 'survey all' else coalesce(responses.survey_id, 'unnamed') end as survey_id,
        coalesce(merges.surviving_customer_id, responses.customer_id, tickets.customer_id, orders.customer_id) as customer_id,
        responses.order_id,
        responses.ticket_id,
        responses.metric,
        coalesce(
            responses.touchpoint,
            case when responses.order_id is not null then 'post_purchase' when responses.ticket_id is not null then 'post_service' end,
            'unknown'
        ) as touchpoint,
        responses.scale_id,
        case when not {{ is_answered_later }} then responses.score end as score,
        coalesce(
            orders.exclusion_reason in ('status_cancelled', 'status_unavailable', 'status_test'), false
        ) as is_about_no_purchase,
        orders.ordered_date,
        {{ reporting_date('tickets.opened_at') }} as ticket_opened_date,
        {{ reporting_date(answered_at) }} as answered_date,
        {{ answered_at }} as answered_at
    from responses
    left join orders
        on responses.order_id = orders.order_id
    left join tickets
        on responses.ticket_id = tickets.ticket_id
    left join merges
        on coalesce(responses.customer_id, tickets.customer_id) = merges.customer_id

),

scored as (

    select
        linked.*,
        coalesce(scales.variant_of, linked.scale_id) as base_scale_id,
        scales.minimum_score,
        scales.maximum_score,
        scales.positive_from,
        scales.positive_to,
        scales.top_score,
        -- On a reversed scale 1 is best: turn it, so that more is better everywhere.
        case
            when scales.is_reversed then scales.minimum_score + scales.maximum_score - linked.score
            else linked.score
        end as turned_score,
        {% if var('survey_date_basis') == 'answer' -%}
        linked.answered_date
        {%- else -%}
        case linked.touchpoint
            when 'post_service' then coalesce(linked.ticket_opened_date, linked.ordered_date, linked.answered_date)
            else coalesce(linked.ordered_date, linked.ticket_opened_date, linked.answered_date)
        end
        {%- endif %} as event_date
    from linked
    left join scales
        on linked.scale_id = scales.scale_id
        and linked.metric = scales.metric

),

ranked as (

    -- One answer per survey, respondent, touchpoint and contact that is rated: the latest.
    select
        *,
        row_number() over (
            partition by survey_id, metric, touchpoint, coalesce(customer_id, ''), {{ rated_contact() }}
            order by
                -- An answer that is not known yet, or that belongs to no day, takes no other's place.
                case when {{ is_after_as_of('answered_date') }} then 1 else 0 end,
                case when event_date is null then 1 else 0 end,
                case when score is null then 1 else 0 end,
                answered_at desc nulls last,
                response_id desc
        ) as answer_rank
    from scored

)

select
    response_id,
    survey_id,
    customer_id,
    order_id,
    ticket_id,
    metric,
    touchpoint,
    case
        -- Who sent everything back did buy, and may say so; who cancelled did not. A service contact is no matter of the order.
        when is_about_no_purchase and touchpoint != 'post_service' then 'order_not_valid'
        when event_date is null then 'undated'
        when {{ is_after_as_of('answered_date') }} or {{ is_after_as_of('event_date') }} then 'after_as_of_date'
        when score is not null and answer_rank > 1 then 'duplicate_answer'
        when answer_rank > 1 then 'duplicate_invitation'
    end as exclusion_reason,
    scale_id,
    base_scale_id,
    score,
    turned_score,
    -- Decimal, so that a sum does not depend on the order of the rows.
    {{ double_as_decimal('100 * ' ~ rate('turned_score - minimum_score', 'maximum_score - minimum_score'), 18, 8) }} as normalised_score,
    score is not null as is_answered,
    coalesce(turned_score between positive_from and positive_to, false) as is_positive,
    coalesce(turned_score = top_score, false) as is_top_box,
    event_date,
    answered_date
from ranked
