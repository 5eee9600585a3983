{#- A text as an SQL literal: whatever it holds, quotes and backslashes too, stays text. -#}
{% macro text_literal(text) %}
    {{ return(adapter.dispatch('text_literal')(text | string)) }}
{% endmacro %}

{% macro default__text_literal(text) %}
    {{ return("'" ~ dbt.escape_single_quotes(text) ~ "'") }}
{% endmacro %}

{#- To Spark a backslash in a text is the beginning of something else. -#}
{% macro spark__text_literal(text) %}
    {{ return("'" ~ dbt.escape_single_quotes(text | replace('\\', '\\\\')) ~ "'") }}
{% endmacro %}
