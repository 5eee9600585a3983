{#- A double as a decimal: times the power of ten in floating point, then to the nearest whole number, on every engine alike. -#}
{% macro double_as_decimal(expression, precision, scale) -%}
    {{ adapter.dispatch('double_as_decimal')(expression, precision, scale) }}
{%- endmacro %}

{% macro default__double_as_decimal(expression, precision, scale) -%}
    cast({{ expression }} as decimal({{ precision }}, {{ scale }}))
{%- endmacro %}

{#-
    Spark's own cast takes the digits that a double is printed with: 129.0046875 would be rounded up, although the double is a little
    less, and of whole numbers beyond 2 to the power of 53 the last digits would be zeros. Two halves of at most 63 and 32 bits are exact.
-#}
{% macro spark__double_as_decimal(expression, precision, scale) -%}
    {%- set whole = 'round(cast(' ~ expression ~ ' as double) * 1e' ~ scale ~ ')' -%}
    {%- set upper = 'floor(' ~ whole ~ ' / 4294967296e0)' -%}
    cast(
        cast(
            cast({{ upper }} as decimal(20, 0)) * cast(4294967296 as decimal(10, 0))
            + cast({{ whole }} - {{ upper }} * 4294967296e0 as decimal(10, 0)) as decimal({{ precision }}, 0)
        )
        * cast(1e-{{ scale }} as decimal({{ scale + 1 }}, {{ scale }})) as decimal({{ precision }}, {{ scale }})
    )
{%- endmacro %}
