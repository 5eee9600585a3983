{#- A double as a decimal: times the power of ten in floating point, then to the nearest whole number, on every engine alike. -#}
{% macro double_as_decimal(expression, precision, scale) -%}
    {{ adapter.dispatch('double_as_decimal')(expression, precision, scale) }}
{%- endmacro %}

{% macro default__double_as_decimal(expression, precision, scale) -%}
    cast({{ expression }} as decimal({{ precision }}, {{ scale }}))
{%- endmacro %}

{#- Spark's own cast rounds the digits that a double is printed with: 129.0046875 goes up, although the double is a little less. -#}
{% macro spark__double_as_decimal(expression, precision, scale) -%}
    cast(
        cast(round(cast({{ expression }} as double) * 1e{{ scale }}) as decimal({{ precision }}, 0))
        * cast(1e-{{ scale }} as decimal({{ scale + 1 }}, {{ scale }})) as decimal({{ precision }}, {{ scale }})
    )
{%- endmacro %}
