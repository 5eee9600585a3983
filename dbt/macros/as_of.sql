{#-
    Whether a date lies at or after an as-of date that was set: what happened then is not known yet. Without one, everything that
    was delivered is known.
-#}
{% macro is_after_as_of(date) -%}
    {%- if var('as_of_date') -%}
        {{ date }} >= cast('{{ var("as_of_date") }}' as date)
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{#-
    Whether a version of a CRM record is known. What the CRM said first holds for the time before it, too, so a record's first version is
    known from its creation on, however late it was delivered.
-#}
{% macro is_known_version() -%}
    (
        not {{ is_after_as_of(reporting_date('valid_from_at')) }}
        or (version_number = 1 and not {{ is_after_as_of(reporting_date('created_at')) }})
    )
{%- endmacro %}

{#- Since when a known version holds: before a set as-of date. -#}
{% macro known_from() -%}
    case when {{ is_after_as_of(reporting_date('valid_from_at')) }} then created_at else valid_from_at end
{%- endmacro %}
