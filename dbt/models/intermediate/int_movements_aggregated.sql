{%- set definitions = activity_definitions() -%}

{% for activity_definition in definitions %}
{%- set last_definition = loop.last -%}
{% for period_grain in period_grains() %}
select * from (
    {{ movements(activity_definition, period_grain) }}
) as {{ activity_definition }}_by_{{ period_grain }}
{{ 'union all' if not (loop.last and last_definition) }}
{% endfor %}
{% endfor %}
