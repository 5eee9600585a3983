{#- A date plus a number of days, as a date (dbt's dateadd gives a timestamp). -#}
{% macro add_days(date, days) -%}
    cast({{ dbt.dateadd('day', days, date) }} as date)
{%- endmacro %}

{#- Days from the first date to the second. -#}
{% macro days_between(first_date, second_date) -%}
    cast({{ dbt.datediff(first_date, second_date, 'day') }} as integer)
{%- endmacro %}

{#-
    The first day whose midnight is at or after the moment. A state that begins at the moment is in force at that midnight, and
    at no earlier one. `local_timestamp` is on the reporting zone's clock.
-#}
{% macro first_midnight_from(local_timestamp) -%}
    case
        when cast(cast({{ local_timestamp }} as date) as timestamp) = {{ local_timestamp }} then cast({{ local_timestamp }} as date)
        else {{ add_days('cast(' ~ local_timestamp ~ ' as date)', 1) }}
    end
{%- endmacro %}
