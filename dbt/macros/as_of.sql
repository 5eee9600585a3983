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
