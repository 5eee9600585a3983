{#- Attributes of a customer that are kept over time: those of dim_customer, and whatever else the figures are cut by. -#}
{% macro customer_attributes() %}
    {% set attributes = ['country', 'region', 'segment', 'acquisition_channel'] %}
    {% for attribute in var('segment_types') + [var('clv_segment_type')] if attribute not in attributes %}
        {% do attributes.append(attribute) %}
    {% endfor %}
    {{ return(attributes) }}
{% endmacro %}

{#-
    One id for a combination of segment values, so that the heavy models group by one column. The columns are never NULL here.
    The separator keeps ('a|', 'b') and ('a', '|b') apart. Twelve characters, because engines keep texts up to that length inline;
    should two combinations ever share them, the key test of int_segment_profiles stops the run.
-#}
{% macro segment_profile_id(expressions) -%}
    {%- set parts = [] -%}
    {%- for expression in expressions -%}
        {%- do parts.append("replace(" ~ expression ~ ", '|', '||')") -%}
        {%- if not loop.last -%}{%- do parts.append("' | '") -%}{%- endif -%}
    {%- endfor -%}
    {{ 'substring(' ~ dbt.hash(dbt.concat(parts)) ~ ', 1, 12)' if parts else "'all'" }}
{%- endmacro %}

{#- The id of the combination in which every segment is unknown: customers the CRM does not know, and anonymous orders. -#}
{% macro unknown_segment_profile_id() -%}
    {%- set unknowns = [] -%}
    {%- for segment_type in var('segment_types') -%}{%- do unknowns.append("'unknown'") -%}{%- endfor -%}
    {{ segment_profile_id(unknowns) }}
{%- endmacro %}

{#-
    Segment versions to be joined to many rows. The filter leaves out nothing: an engine that does not know so expects few versions and
    keeps them in memory, not the orders or answers that they are joined to.
-#}
{% macro few_versions(segment_versions) -%}
    (select * from {{ segment_versions }} where valid_from_date < valid_to_date)
{%- endmacro %}

{#- Joins the segment that the customer of `relation` had at the start of the period in `calendar_days`. -#}
{% macro join_segment_at_period_start(relation) -%}
    left join segment_versions
        {{ on_segment_at_period_start(relation) }}
{%- endmacro %}

{#- The condition of that join. -#}
{% macro on_segment_at_period_start(relation) -%}
        on {{ relation }}.customer_id = segment_versions.customer_id
        and calendar_days.period_start >= segment_versions.valid_from_date
        and calendar_days.period_start < segment_versions.valid_to_date
{%- endmacro %}

{#- The profile that join_segment_at_period_start found, or the unknown one. -#}
{% macro profile_at_period_start() -%}
    coalesce(segment_versions.segment_profile_id, {{ unknown_segment_profile_id() }})
{%- endmacro %}
