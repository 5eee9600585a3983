{#- A model's schema is the one its layer names, not `<target>_<layer>`: one address everywhere. A release has one schema. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name and target.name != 'release' else target.schema }}
{%- endmacro %}
