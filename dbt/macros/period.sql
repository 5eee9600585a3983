{#- The grains of the marts, and how many periods of each make a year. -#}
{% macro period_grains() %}
    {{ return({'week': 52, 'month': 12, 'quarter': 4, 'year': 1}) }}
{% endmacro %}

{#-
    First day of the period of a grain that holds the date. Weeks start on `first_weekday`; quarters and years follow
    `fiscal_year_start_month`: shift to a calendar that starts on Monday or in January, truncate there, shift back.
-#}
{% macro period_start(period_grain, date) -%}
    {%- set weekday_shift = var('first_weekday') | int - 1 -%}
    {%- set month_shift = var('fiscal_year_start_month') | int - 1 -%}
    {%- if period_grain == 'week' -%}
        {%- set first_monday = dbt.date_trunc('week', add_days(date, -weekday_shift)) -%}
        {{ add_days('cast(' ~ first_monday ~ ' as date)', weekday_shift) }}
    {%- elif period_grain == 'month' -%}
        cast({{ dbt.date_trunc('month', date) }} as date)
    {%- else -%}
        {%- set first_day = dbt.date_trunc(period_grain, add_months(date, -month_shift)) -%}
        {{ add_months('cast(' ~ first_day ~ ' as date)', month_shift) }}
    {%- endif -%}
{%- endmacro %}

{#- First day of the period that follows the one starting on the date. -#}
{% macro next_period_start(period_grain, start_date) -%}
    {%- if period_grain == 'week' -%}
        {{ add_days(start_date, 7) }}
    {%- else -%}
        {{ add_months(start_date, {'month': 1, 'quarter': 3, 'year': 12}[period_grain]) }}
    {%- endif -%}
{%- endmacro %}

{#- Number of the period that starts on the date: neighbours differ by 1, whatever the data. -#}
{% macro period_index(period_grain, start_date) -%}
    {%- set month_number -%}
        (extract(year from {{ start_date }}) * 12 + extract(month from {{ start_date }}) - {{ var('fiscal_year_start_month') }})
    {%- endset -%}
    {%- if period_grain == 'week' -%}
        cast(floor({{ days_between("cast('1900-01-01' as date)", start_date) }} / 7.0) as integer)
    {%- elif period_grain == 'month' -%}
        cast(extract(year from {{ start_date }}) * 12 + extract(month from {{ start_date }}) - 1 as integer)
    {%- elif period_grain == 'quarter' -%}
        cast(floor({{ month_number }} / 3.0) as integer)
    {%- else -%}
        cast(floor({{ month_number }} / 12.0) as integer)
    {%- endif -%}
{%- endmacro %}

{#-
    A period's short name: 2026-W07, 2026-03, 2026-Q1, 2026. A year that does not start in January is named for the year
    it ends in (FY2027), as is its quarter. A week that does not start on a Monday is named by its first day.
-#}
{% macro period_label(period_grain, start_date) -%}
    {%- set month_shift = var('fiscal_year_start_month') | int - 1 -%}
    {%- set fiscal_start = add_months(start_date, -month_shift) -%}
    {%- set year_offset = 1 if month_shift else 0 -%}
    {%- set prefix = 'FY' if month_shift else '' -%}
    {%- set thursday = add_days(start_date, 3) -%}
    {%- set year -%}cast(cast(extract(year from {{ fiscal_start }}) as integer) + {{ year_offset }} as {{ dbt.type_string() }}){%- endset -%}
    case {{ period_grain }}
        when 'week' then
            {% if var('first_weekday') | int == 1 -%}
            {# The ISO year and week of a week are those of its Thursday. #}
            cast(cast(extract(year from {{ thursday }}) as integer) as {{ dbt.type_string() }}) || '-W'
            || lpad(
                cast(cast(floor(({{ days_between(
                    "cast(" ~ dbt.date_trunc('year', thursday) ~ " as date)", "cast(" ~ thursday ~ " as date)"
                ) }}) / 7.0) as integer) + 1 as {{ dbt.type_string() }}), 2, '0'
            )
            {%- else -%}
            'week of ' || cast({{ start_date }} as {{ dbt.type_string() }})
            {%- endif %}
        when 'month' then
            cast(cast(extract(year from {{ start_date }}) as integer) as {{ dbt.type_string() }}) || '-'
            || lpad(cast(cast(extract(month from {{ start_date }}) as integer) as {{ dbt.type_string() }}), 2, '0')
        when 'quarter' then
            '{{ prefix }}' || {{ year }} || '-Q'
            || cast(cast(floor((extract(month from {{ fiscal_start }}) - 1) / 3.0) as integer) + 1 as {{ dbt.type_string() }})
        else '{{ prefix }}' || {{ year }}
    end
{%- endmacro %}
