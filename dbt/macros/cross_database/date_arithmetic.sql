{#- A date plus a number of days, as a date (dbt's dateadd gives a timestamp). -#}
{% macro add_days(date, days) -%}
    {{ adapter.dispatch('add_days')(date, days) }}
{%- endmacro %}

{% macro default__add_days(date, days) -%}
    cast({{ dbt.dateadd('day', days, date) }} as date)
{%- endmacro %}

{#- dbt's own goes by way of seconds since 1970 and looks at the date four times. -#}
{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, {{ days }})
{%- endmacro %}

{#- A date plus a number of whole months, as a date. -#}
{% macro add_months(date, months) -%}
    {{ adapter.dispatch('add_months')(date, months) }}
{%- endmacro %}

{% macro default__add_months(date, months) -%}
    cast({{ dbt.dateadd('month', months, date) }} as date)
{%- endmacro %}

{% macro spark__add_months(date, months) -%}
    add_months({{ date }}, {{ months }})
{%- endmacro %}

{#- Days from the first date to the second. -#}
{% macro days_between(first_date, second_date) -%}
    {{ adapter.dispatch('days_between')(first_date, second_date) }}
{%- endmacro %}

{% macro default__days_between(first_date, second_date) -%}
    cast({{ dbt.datediff(first_date, second_date, 'day') }} as integer)
{%- endmacro %}

{% macro spark__days_between(first_date, second_date) -%}
    datediff({{ second_date }}, {{ first_date }})
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
