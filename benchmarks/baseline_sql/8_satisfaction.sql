-- 8. Satisfaction, by the profile at the start of the period.
create table scales (scale, lowest, highest, positive_from, is_reversed) as
values ('1-5', 1, 5, 4, false), ('1-5 (1 = best)', 1, 5, 4, true), ('1-10', 1, 10, 9, false), ('0-10', 0, 10, 9, false),
    ('1-7', 1, 7, 5, false);

-- One invitation for each survey, metric, touchpoint and contact: of several answers the latest one. The others stay, to be counted
-- as dropped on their own day, which is another one when the order is not known yet.
create table invitations as
with placed as (
    select
        survey_id, metric,
        coalesce(touchpoint, case
            when answers.order_id is not null then 'post_purchase'
            when answers.ticket_id is not null then 'post_service'
            else 'unknown'
        end) as touchpoint,
        scale, score, answered_at,
        customer_keys.person,
        coalesce(answers.order_id, answers.ticket_id, 'person ' || customer_keys.person) as contact,
        -- The order or ticket may not have been delivered yet.
        coalesce(
            case when answers.touchpoint = 'post_service' then tickets.opened_at end, orders.ordered_at, tickets.opened_at,
            answers.answered_at, answers.sent_at
        )::date as day,
    from answers
    left join orders using (order_id)
    left join tickets using (ticket_id)
    left join customer_keys
        on customer_keys.customer_id = coalesce(answers.customer_id, tickets.customer_id, orders.customer_id)
    -- An answer about an order that was no purchase (cancelled, unavailable, a test) does not count.
    where coalesce(lower(orders.status), '') not in ('canceled', 'out_of_stock', 'test')
)
select
    *,
    row_number() over (
        partition by survey_id, metric, touchpoint, person, contact order by score is null, answered_at desc
    ) = 1 as is_latest,
from placed
where day is not null;

create table csat_by_period as
with answered as (
    select
        calendar.grain as period_grain, calendar.period, survey_id, metric, touchpoint, scales.*,
        coalesce(profile, getvariable('unknown_profile')) as profile,
        is_latest,
        case when is_reversed then lowest + highest - score else score end as score,
    from invitations
    inner join calendar using (day)
    inner join scales using (scale)
    left join profile_periods as profiles
        on profiles.grain = calendar.grain and profiles.person = invitations.person
        and calendar.period between first_boundary and last_boundary
),
counted as (
    select
        period_grain, period, survey_id, metric, touchpoint, lowest, highest, profile,
        count(*) filter (is_latest) as invited,
        count(score) filter (is_latest) as valid,
        count(*) filter (is_latest and score >= positive_from) as positive,
        count(*) filter (is_latest and score = highest) as top_box,
        count(*) filter (is_latest and score <= 6) as detractors,
        count(score) filter (not is_latest) as dropped,
        sum(score) filter (is_latest) as scores,
        sum(100 * (score - lowest) / (highest - lowest)) filter (is_latest) as normalised,
    from answered
    group by all
),
added as (
    select
        period_grain, period, metric,
        coalesce(survey_id, 'all') as survey_id,
        coalesce(touchpoint, 'all') as touchpoint,
        segment_type, segment_value,
        sum(columns('^(invited|valid|positive|top_box|detractors|dropped|scores|normalised)$')),
        -- Of what was answered. Once turned, scales with the same ends are one.
        count(distinct (lowest, highest)) filter (valid > 0) as scale_count,
    from counted inner join segments_of_profile using (profile)
    group by period_grain, period, metric, segment_type, segment_value, cube (survey_id, touchpoint)
)
select
    period_grain, period_start, period_end, segment_type, segment_value, metric, survey_id, touchpoint,
    status_of(valid) as rate_status,
    invited::bigint as invited_count,
    valid::bigint as valid_answer_count,
    positive::bigint as positive_answer_count,
    top_box::bigint as top_box_answer_count,
    detractors::bigint as detractor_count,
    dropped::bigint as dropped_duplicate_count,
    valid / nullif(invited, 0) as response_rate,
    case when metric = 'csat' then positive / nullif(valid, 0) end as csat,
    case when metric = 'csat' then wilson_lower(positive, valid) end as csat_lower,
    case when metric = 'csat' then wilson_upper(positive, valid) end as csat_upper,
    top_box / nullif(valid, 0) as top_box_rate,
    case when scale_count = 1 then scores / valid end as mean_score,
    normalised / nullif(valid, 0) as mean_score_normalised,
    case when metric = 'nps' then 100 * (positive - detractors) / nullif(valid, 0) end as nps,
    case when metric = 'ces' then positive / nullif(valid, 0) end as ces,
    case when metric = 'ces' then wilson_lower(positive, valid) end as ces_lower,
    case when metric = 'ces' then wilson_upper(positive, valid) end as ces_upper,
    is_complete, is_final,
from added inner join periods using (period_grain, period);
