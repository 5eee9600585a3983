{#-
    Fails with every row in which one of the identities (name: expression) does not hold, and names the first that does not.
    An expression that is NULL holds: not every row has every figure. One scan, however many identities.
-#}
{% test identities(model, identities) %}

select *
from (
    select
        checked.*,
        case
            {% for name, expression in identities.items() -%}
            when not ({{ expression }}) then '{{ name }}'
            {% endfor -%}
        end as broken_identity
    from {{ model }} as checked
) as judged
where broken_identity is not null

{% endtest %}
