{#-
    Fails with every combination of the columns that stands in more than one row, or that has a NULL in it. After a refresh that only added
    what is new it looks at the keys that were replaced; the others stand as they were tested.
-#}
{% test unique_combination(model, columns) %}
{%- set replaced = none -%}
{%- if is_addition() -%}
    {%- set replaced = adapter.get_relation(model.database, 'refresh', model.identifier ~ '__after') -%}
{%- endif %}

select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
{% if replaced -%}
where
    ({{ columns | join(', ') }}) in (select {{ columns | join(', ') }} from {{ replaced }})
    {% for column in columns %} or {{ column }} is null {% endfor %}
{%- endif %}
group by {{ columns | join(', ') }}
having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}

{% endtest %}
