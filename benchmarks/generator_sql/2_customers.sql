-- Customers buy at a rate of their own until they drop out, unseen (as in BG/NBD: rates and drop-out differ between customers).
-- Raw times are even; `seasonal()` bends them when a row is written. Grain: customer record (a merged person has two or three).
create table customers as
with drawn as (
    select
        range as number,
        case
            when draw(range, 1) < 0.25 then -700 * draw(range, 2)
            else getvariable('days') * pow(draw(range, 2), 0.85)
        end as created_raw,
        draw(range, 3) as first_draw,
        draw(range, 4) >= 0.08 as buys,
        0.4 + 5 * waiting(range, 5) as purchases_per_year,
        -- Share of drop-out: Kumaraswamy(0.8, 2), a beta-like distribution with a closed inverse.
        case
            when draw(range, 6) < 0.3 then 0
            else waiting(range, 7) / (0.15 + 2.5 * pow(1 - pow(1 - draw(range, 8), 1 / 2.0), 1 / 0.8))
        end as lifetime_years,
        -- Two records of one person: the later number was merged into the one before it; now and then a chain of three.
        range % 47 = 11 or range % 470 = 12 as is_merge_candidate,
        range % 47 in (10, 11, 12) as is_near_merge,
    from range(1, getvariable('customers')::bigint + 1)
),
lives as (
    select
        *,
        least(
            case
                when created_raw < 0 then least(getvariable('days') * 0.5, 120) * first_draw
                else created_raw + 3 * first_draw
            end,
            getvariable('days') - 0.01
        ) as first_raw,
    from drawn
),
ends as (
    select *, least(first_raw + 365.25 * lifetime_years, getvariable('days') - 0.005) as end_raw,
    from lives
),
closings as (
    select
        *,
        case
            when not is_near_merge and end_raw < getvariable('days') - 70 and draw(number, 10) < 0.4
                then end_raw + 5 + 60 * draw(number, 11)
        end as closed_raw,
    from ends
),
reopenings as (
    select
        *,
        case
            when draw(number, 12) < 0.15 and closed_raw + 20 + 150 * draw(number, 13) < getvariable('days') - 2
                then closed_raw + 20 + 150 * draw(number, 13)
        end as reopened_raw,
    from closings
)
select
    number,
    customer_id_of(number) as customer_id,
    created_raw,
    first_raw,
    end_raw,
    closed_raw,
    reopened_raw,
    least(reopened_raw + 20 + 300 * draw(number, 14), getvariable('days') - 0.005) as second_end_raw,
    case
        when is_merge_candidate
            and greatest(created_raw, 0) + 30 + 400 * draw(number, 15) < getvariable('days')
            then greatest(created_raw, 0) + 30 + 400 * draw(number, 15)
    end as merged_raw,
    case
        when draw(number, 16) < 0.25 and created_raw + 60 + 400 * draw(number, 17) between 0 and getvariable('days') - 0.01
            then created_raw + 60 + 400 * draw(number, 17)
    end as segment_raw,
    case when draw(number, 18) < 0.3 then segment_raw + 90 + 300 * draw(number, 19) end as second_segment_raw,
    case
        when draw(number, 20) < 0.03 and created_raw + 500 * draw(number, 21) between 0 and getvariable('days') - 0.01
            then created_raw + 500 * draw(number, 21)
    end as moved_raw,
    case
        when not buys then 0
        else least(
            1 + floor(purchases_per_year * (end_raw - first_raw) / 365.25 + draw(number, 9)), 400
        )
    end::bigint as first_life_orders,
    case
        when not buys or reopened_raw is null then 0
        else least(1 + floor(purchases_per_year * (second_end_raw - reopened_raw) / 365.25), 400)
    end::bigint as second_life_orders,
    case when draw(number, 22) < 0.7 then 0 when draw(number, 22) < 0.92 then 1 else 2 end as first_segment,
    -- Frequent buyers are promoted, others demoted; the second change goes back.
    case when purchases_per_year > 3 then 1 else 2 end as segment_step,
    case
        when draw(number, 23) < 0.55 then 'AE'
        when draw(number, 23) < 0.75 then 'SA'
        when draw(number, 23) < 0.85 then 'KW'
        when draw(number, 23) < 0.95 then 'OM'
        else 'DE'
    end as country,
    floor(4 * draw(number, 24))::integer as region_number,
    case
        when draw(number, 25) < 0.3 then 'search'
        when draw(number, 25) < 0.55 then 'social'
        when draw(number, 25) < 0.75 then 'organic'
        when draw(number, 25) < 0.9 then 'referral'
        else 'store'
    end as acquisition_channel,
    case
        when draw(number, 26) < 0.05 then null
        when draw(number, 25) between 0.55 and 0.75 then 0
        else round(3 + 27 * draw(number, 27), 2)
    end as acquisition_cost,
    case
        when draw(number, 28) < 0.3 then 'price'
        when draw(number, 28) < 0.5 then 'service'
        when draw(number, 28) < 0.7 then 'competitor'
        when draw(number, 28) < 0.85 then 'moved away'
        when draw(number, 28) < 0.95 then 'no need'
    end as close_reason,
    case
        when draw(number, 29) < 0.75
            then date '1950-01-01' + floor(20000 * draw(number, 30))::integer
    end as birth_date,
    draw(number, 31) < 0.8 as email_consent,
    draw(number, 32) < 0.4 as sms_consent,
from reopenings;

-- What the CRM exports: one row for each change of a customer. Grain: customer record x time of change.
create table crm_customers as
with changes as (
    select
        *,
        unnest([
            created_raw, segment_raw, second_segment_raw, moved_raw, closed_raw, reopened_raw, merged_raw
        ]) as changed_raw,
        unnest(range(7)) as change_index,
    from customers
),
dated as (
    select
        *,
        number * 8 + change_index as change_number,
        greatest(0, floor(seasonal(changed_raw)))::integer as changed_day,
    from changes
    where changed_raw < getvariable('days')
)
select
    customer_id,
    utc_text(seasonal(created_raw)) as created_at,
    utc_text(seasonal(changed_raw)) as updated_at,
    case when changed_raw >= merged_raw then customer_id_of(number - 1) end as canonical_customer_id,
    'customer' || number || '@example.com' as email,
    '+000 ' || lpad(number::varchar, 9, '0') as phone,
    'Sample Person ' || number as full_name,
    birth_date,
    country,
    country || '-' || (region_number + case when changed_raw >= moved_raw then 1 else 0 end) % 4 + 1 as region,
    'Sampletown ' || (region_number + case when changed_raw >= moved_raw then 1 else 0 end) % 4 + 1 as city,
    ['standard', 'silver', 'gold'][1 + (
        first_segment
        + case when changed_raw >= segment_raw then segment_step else 0 end
        + case when changed_raw >= second_segment_raw then 3 - segment_step else 0 end
    ) % 3] as segment,
    acquisition_channel,
    acquisition_cost,
    case
        when changed_raw >= merged_raw then 'merged'
        when changed_raw >= closed_raw and (reopened_raw is null or changed_raw < reopened_raw) then 'closed'
        else 'open'
    end as status,
    case
        when changed_raw >= closed_raw and (reopened_raw is null or changed_raw < reopened_raw)
            then utc_text(seasonal(closed_raw))
    end as closed_at,
    case
        when changed_raw >= closed_raw and (reopened_raw is null or changed_raw < reopened_raw) then close_reason
    end as close_reason,
    email_consent,
    sms_consent,
    change_number,
    changed_day as event_day,
    first_delivery_day(changed_day, change_number) as first_day,
    case
        when draw(change_number, 904) < 0.01
            then second_delivery_file(first_delivery_day(changed_day, change_number), change_number, false)
    end as second_file,
    false as is_corrected,
from dated;
