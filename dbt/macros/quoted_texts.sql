{#- A list of texts as SQL literals, so that a quote inside one stays text. -#}
{% macro quoted_texts(texts) -%}
    {%- for text in texts -%}
        '{{ text | string | lower | replace("'", "''") }}'{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
