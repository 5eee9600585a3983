{#-
    The product of two decimals of 18 places, exact and of any size: DuckDB keeps to 18 places, so that 1,000 pieces at 50,000,000 rials are
    an overflow. Spark widens by itself, and would cut off places of anything wider.
-#}
{% macro exact_product(one, other) -%}
    {{ adapter.dispatch('exact_product')(one, other) }}
{%- endmacro %}

{% macro default__exact_product(one, other) -%}
    {{ one }} * {{ other }}
{%- endmacro %}

{#- Not of all 38 places: a `case` of such a number rounded to 0 and to 2 places would have room for no places at all. -#}
{% macro duckdb__exact_product(one, other) -%}
    cast(cast({{ one }} as decimal(28, 4)) * {{ other }} as decimal(32, 12))
{%- endmacro %}
