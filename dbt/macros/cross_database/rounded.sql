{#- An exact amount to so many places, halves away from zero, on every engine alike. -#}
{% macro rounded(amount, places) -%}
    {{ adapter.dispatch('rounded')(amount, places) }}
{%- endmacro %}

{% macro default__rounded(amount, places) -%}
    round({{ amount }}, {{ places }})
{%- endmacro %}

{#-
    DuckDB divides numbers of more than 18 digits bit by bit, which takes ten to twenty times as long. Nearly every amount fits into 18
    digits with all the places that exact_product gives.
-#}
{% macro duckdb__rounded(amount, places) -%}
    case
        when {{ amount }} between -999999 and 999999 then round(cast({{ amount }} as decimal(18, 12)), {{ places }})
        else round({{ amount }}, {{ places }})
    end
{%- endmacro %}
