{#- A list of texts in small letters as SQL. The engine makes them small, as it does with what they are compared with: others have other
    small letters for some capitals. -#}
{% macro lowered_texts(texts) -%}
    {%- for text in texts -%}
        lower({{ text_literal(text) }}){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
