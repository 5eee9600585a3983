{#-
    Several relations of sums, one below the other; a sum that a relation does not have is 0 there. `sums`: the names of all
    sums, in order. `parts`: one dictionary a relation with `relation`, `keyed_by` (select expressions), `sums` (name: expression)
    and, where only some rows belong, `where`.
-#}
{% macro union_of_sums(sums, parts) %}
    {% for part in parts %}
    select
        {% for key in part.keyed_by -%}
        {{ key }},
        {% endfor -%}
        {% for name in sums -%}
        {{ part.sums.get(name, '0') }} as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ part.relation }}
    {{ 'where ' ~ part.where if part.where }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
{% endmacro %}
