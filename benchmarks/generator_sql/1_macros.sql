-- Randomness and time. Every draw is a function of (seed, number of the thing, which draw), so that neither threads nor the
-- order of rows matter. Integer arithmetic rather than hash(): that one may change with a version of DuckDB.
-- Uniform in (0, 1). `which` keeps the draws for one thing apart. Multiplications modulo four primes near 2^31, with flipped
-- bits in between, which keeps them from being linear; no argument is written twice, since macros are copied, not called.
create macro draw(number, which) as (
    (
        xor(
            xor(
                xor(
                    (
                        number::bigint * 48271
                        + (which::bigint * 1566083941 + getvariable('seed')::bigint * 1812433253) % 2147483647
                    ) % 2147483647,
                    1431655765
                ) * 1597334677 % 2147483629,
                858993459
            ) * 1103515245 % 2147483587,
            252645135
        ) * 1566083941 % 2147483647 + 0.5
    ) / 2147483647
);

-- Exponential with mean 1.
create macro waiting(number, which) as (-ln(draw(number, which)));

-- Time inside the generator is a double: days since local midnight of the first day. Even time is bent by the season and the
-- week, always forwards, so that the order of events stays and both ends stay where they are.
create macro bent(t) as (t + 18 * sin(2 * pi() * (t + 40) / 365.25) + 0.5 * sin(2 * pi() * t / 7));
create macro seasonal(t) as (
    getvariable('days') * (bent(t) - bent(0)) / (bent(getvariable('days')) - bent(0))
);

create macro local_time(t) as (
    getvariable('start_date')::timestamp + to_seconds(floor(t * 86400)::bigint)
);
-- The zone of the extracts is Asia/Dubai: four hours ahead of UTC, without daylight saving time.
create macro utc_text(t) as (strftime(local_time(t) - interval 4 hours, '%Y-%m-%dT%H:%M:%SZ'));
create macro offset_text(t) as (strftime(local_time(t), '%Y-%m-%dT%H:%M:%S+04:00'));
create macro local_text(t) as (strftime(local_time(t), '%Y-%m-%d %H:%M:%S'));

-- Which file holds what is delivered on a day. The last day belongs to the last file, whatever else that holds.
create macro file_of(day) as (
    case
        when day >= getvariable('days') - 1 then getvariable('last_file')
        when getvariable('is_monthly')
            then datediff('month', getvariable('start_date'), getvariable('start_date') + day::integer)
        else day
    end::integer
);

-- Two rows in a hundred come late: by up to two months, mostly by days.
create macro first_delivery_day(day, number) as (
    case
        when draw(number, 901) >= 0.02 then day
        when day + 1 + floor(60 * pow(draw(number, 902), 3)) < getvariable('days')
            then day + 1 + floor(60 * pow(draw(number, 902), 3))
        else day
    end::integer
);
-- The file of a second delivery of the same key, null where it would come after the last day. A correction comes in a later
-- file than what it corrects: of two rows of one key in one file nobody could say which is right.
create macro second_delivery_file(first_day, number, is_correction) as (
    case
        when first_day + 1 + floor(20 * draw(number, 903)) >= getvariable('days') then null
        when is_correction and file_of(first_day + 1 + floor(20 * draw(number, 903))) = file_of(first_day)
            then nullif(file_of(first_day) + 1, getvariable('last_file') + 1)
        else file_of(first_day + 1 + floor(20 * draw(number, 903)))
    end::integer
);

-- Units of USD that one unit buys on a day. AED is pegged, the others swing slowly.
create macro usd_rate(currency, day) as (
    round(case currency
        when 'USD' then 1
        when 'AED' then 0.272294
        when 'EUR' then 1.09 + 0.04 * sin(day / 61)
        when 'KWD' then 3.25 + 0.03 * sin(day / 97)
        when 'JPY' then 0.0067 + 0.0003 * sin(day / 73)
    end, 6)
);
create macro in_currency(usd_amount, currency) as (
    case currency
        when 'USD' then round(usd_amount, 2)
        when 'AED' then round(usd_amount / 0.272294, 2)
        when 'EUR' then round(usd_amount / 1.09, 2)
        when 'KWD' then round(usd_amount / 3.25, 3)
        when 'JPY' then round(usd_amount / 0.0067, 0)
    end
);
create macro rounded(amount, currency) as (
    case currency when 'JPY' then round(amount, 0) when 'KWD' then round(amount, 3) else round(amount, 2) end
);

-- lpad would cut off what is longer.
create macro customer_id_of(number) as (
    'C' || lpad(number::varchar, greatest(7, length(number::varchar))::integer, '0')
);
