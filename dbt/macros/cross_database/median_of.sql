{#- The exact median of a group as a double: the mean of the two middle values where their number is even; NULLs do not count. -#}
{% macro median_of(expression) -%}
    {{ adapter.dispatch('median_of')(expression) }}
{%- endmacro %}

{% macro duckdb__median_of(expression) -%}
    median(cast({{ expression }} as double))
{%- endmacro %}

{% macro spark__median_of(expression) -%}
    percentile(cast({{ expression }} as double), 0.5)
{%- endmacro %}
