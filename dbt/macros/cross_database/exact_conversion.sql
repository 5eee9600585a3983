{#-
    An amount (18 digits, 4 of them decimals) times an exchange rate (25, 15 of them decimals) with all 19 places. The product has to be
    below 10 to the power of 14. exact_product is faster, and is for numbers of 18 digits.
-#}
{% macro exact_conversion(amount, exchange_rate) -%}
    {{ adapter.dispatch('exact_conversion')(amount, exchange_rate) }}
{%- endmacro %}

{#- Of 34 places, as there: rounded to none, and to 4, it is of one type. -#}
{% macro duckdb__exact_conversion(amount, exchange_rate) -%}
    cast(cast({{ amount }} as decimal(28, 4)) * {{ exchange_rate }} as decimal(34, 19))
{%- endmacro %}

{#- Spark would cut off places of a product that may be of more than 38 digits: whole part and fraction of the rate by themselves are not. -#}
{% macro spark__exact_conversion(amount, exchange_rate) -%}
    cast({{ amount }} * cast(floor({{ exchange_rate }}) as decimal(10, 0)) as decimal(18, 4))
    + {{ amount }} * cast({{ exchange_rate }} - floor({{ exchange_rate }}) as decimal(15, 15))
{%- endmacro %}
