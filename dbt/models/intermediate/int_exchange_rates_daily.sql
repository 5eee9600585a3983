{#- A rate serves its own date and, where exchange_rate_maximum_age_days allows, the days after it until a newer one. -#}
{%- set maximum_age = var('exchange_rate_maximum_age_days') | int -%}

with exchange_rates as (

    select * from {{ ref('stg_reference__exchange_rates') }}

),

spans as (

    select
        *,
        least(
            {{ add_days('rate_date', maximum_age) }},
            coalesce(
                {{ add_days('lead(rate_date) over (partition by currency order by rate_date)', -1) }},
                {{ add_days('rate_date', maximum_age) }}
            )
        ) as last_valid_date
    from exchange_rates

)

select
    currency,
    exchange_rate,
    case
        when exchange_rate = cast(exchange_rate as decimal(18, 8)) then cast(exchange_rate as decimal(18, 8))
    end as rate_of_8_places,
    {{ each_date('rate_date', 'last_valid_date') }} as valid_date,
    rate_date
from spans
