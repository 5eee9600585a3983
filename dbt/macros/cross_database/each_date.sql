{#- One row for every date from `first_date` to `last_date`, both included. Stands alone in a select list. -#}
{% macro each_date(first_date, last_date) -%}
    {{ adapter.dispatch('each_date')(first_date, last_date) }}
{%- endmacro %}

{% macro duckdb__each_date(first_date, last_date) -%}
    cast(unnest(generate_series({{ first_date }}, {{ last_date }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__each_date(first_date, last_date) -%}
    explode(sequence({{ first_date }}, {{ last_date }}, interval 1 day))
{%- endmacro %}
