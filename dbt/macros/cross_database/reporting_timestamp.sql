{#- A UTC timestamp as the wall clock of the reporting time zone shows it. Convert first, truncate afterwards. -#}
{% macro reporting_timestamp(timestamp_utc) -%}
    {%- if var('reporting_time_zone') == 'UTC' -%}
        {{ timestamp_utc }}
    {%- else -%}
        {{ adapter.dispatch('reporting_timestamp')(timestamp_utc, var('reporting_time_zone')) }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__reporting_timestamp(timestamp_utc, time_zone) -%}
    timezone('{{ time_zone }}', timezone('UTC', {{ timestamp_utc }}))
{%- endmacro %}

{% macro spark__reporting_timestamp(timestamp_utc, time_zone) -%}
    convert_timezone('UTC', '{{ time_zone }}', {{ timestamp_utc }})
{%- endmacro %}

{#- The calendar date of a UTC timestamp in the reporting time zone. -#}
{% macro reporting_date(timestamp_utc) -%}
    cast({{ reporting_timestamp(timestamp_utc) }} as date)
{%- endmacro %}
