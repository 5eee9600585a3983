{#- A fraction as a double; NULL where the denominator is 0 or unknown, never 0 or 1. -#}
{% macro rate(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{#- Why a rate is as it is: no_base (nothing to divide by), small_base (too few to rely on), ok. -#}
{% macro rate_status(denominator) -%}
    case
        when {{ denominator }} = 0 then 'no_base'
        when {{ denominator }} < {{ var('small_base_limit') }} then 'small_base'
        else 'ok'
    end
{%- endmacro %}

{#-
    A bound of the Wilson 95 % interval of a proportion. side: -1 lower, +1 upper. NULL without a base.
    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927); z = 1.959963984540054.
    Clamped to [0, 1] because floating point may leave it by 1e-17.
-#}
{% macro wilson_bound(successes, trials, side) -%}
    {%- set z = '1.959963984540054' -%}
    {%- set n = 'nullif(cast(' ~ trials ~ ' as double), 0)' -%}
    {%- set p = '(cast(' ~ successes ~ ' as double) / ' ~ n ~ ')' -%}
    case
        when {{ trials }} > 0 then greatest(0e0, least(1e0,
            ({{ p }} + {{ z }} * {{ z }} / (2 * {{ n }}) {{ '+' if side > 0 else '-' }} {{ z }} * sqrt(
                {{ p }} * (1 - {{ p }}) / {{ n }} + {{ z }} * {{ z }} / (4 * {{ n }} * {{ n }})
            )) / (1 + {{ z }} * {{ z }} / {{ n }})
        ))
    end
{%- endmacro %}

{#- Money per piece: the ratio of two sums, to six places. -#}
{% macro money_ratio(amount, count) -%}
    {{ double_as_decimal(rate(amount, count), 28, 6) }}
{%- endmacro %}

{#- An amount rounded to the minor units of its currency (JPY 0, USD 2, KWD 3), by a macro that rounds to so many places. -#}
{% macro round_to_minor_units(amount, minor_units, round_to=none) -%}
    {%- set round_to = round_to or rounded -%}
    case {{ minor_units }}
        {% for places in [0, 2, 3] -%}
        when {{ places }} then {{ round_to(amount, places) }}
        {% endfor -%}
        else {{ round_to(amount, 4) }}
    end
{%- endmacro %}

{#-
    An amount in the reporting currency, rounded to its minor units. NULL where the rate is missing, and where the result is no amount
    that one hundred like it could be added to (a rate the wrong way round): the gate names the order then, where an error of the engine
    would not.
    `rate_of_8_places` is the rate where 8 decimals hold it: those products are many times faster.
-#}
{% macro converted(amount, exchange_rate, minor_units, rate_of_8_places=none) -%}
    case
        when abs(cast({{ amount }} as double) * cast({{ exchange_rate }} as double)) < 1e12 then
            {#- `rounded` is for products of 12 places; these have 19. #}
            {%- set exactly = round_to_minor_units(exact_conversion(amount, exchange_rate), minor_units, default__rounded) -%}
            {% if rate_of_8_places %}
            case
                when {{ rate_of_8_places }} is null then {{ exactly }}
                else {{ round_to_minor_units(exact_product(amount, rate_of_8_places), minor_units) }}
            end
            {% else %}
            {{ exactly }}
            {% endif %}
    end
{%- endmacro %}

{#- Whether a number, rounded to four places, is an amount: decimal(18, 4) holds what is below 10 to the power of 14. -#}
{% macro fits_amount(number) -%}
    {{ number }} between -99999999999999 and 99999999999999
{%- endmacro %}
