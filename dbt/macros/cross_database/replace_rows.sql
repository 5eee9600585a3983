{#-
    The statements by which a refresh replaces rows of `target` by those of `incoming`: the rows whose `keys` are in `listed`, or all
    where no keys are given. What goes and what comes is kept as `refresh.<table>__before` and `refresh.<table>__after`.
-#}
{% macro replace_rows(target, incoming, columns, keys, listed) %}
    {{ return(adapter.dispatch('replace_rows')(target, incoming, columns, keys, listed)) }}
{% endmacro %}

{% macro duckdb__replace_rows(target, incoming, columns, keys, listed) %}
    {% set condition = '(' ~ keys | join(', ') ~ ') in (select ' ~ keys | join(', ') ~ ' from ' ~ listed ~ ')' if keys else 'true' %}
    create or replace table {{ replaced_relation(target, 'before') }} as
    select * from {{ target }} where {{ condition }};

    create or replace table {{ replaced_relation(target, 'after') }} as
    select {{ columns }} from {{ incoming }};

    delete from {{ target }} where {{ condition }};

    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ incoming }}
{% endmacro %}

{#-
    Parquet knows neither delete nor replace, and a table cannot be overwritten from itself: the table as it will be is written beside it
    and takes its name. A kill in between is seen by the run after it, which builds anew (build_state.py).
-#}
{% macro spark__replace_rows(target, incoming, columns, keys, listed) %}
    {% set before, after = replaced_relation(target, 'before'), replaced_relation(target, 'after') %}
    {% set successor = successor_of(target) %}
    {% set on_keys = [] %}
    {% for key in keys %}
        {% do on_keys.append('kept.' ~ key ~ ' = listed.' ~ key) %}
    {% endfor %}
    {% for relation in [before, after, successor] %}
        {% do run_query('drop table if exists ' ~ relation) %}
    {% endfor %}
    {% do run_query('create table ' ~ after ~ ' as select ' ~ columns ~ ' from ' ~ incoming) %}
    {% if keys %}
        {% set joined = ' join ' ~ listed ~ ' as listed on ' ~ on_keys | join(' and ') %}
        {% do run_query('create table ' ~ before ~ ' as select kept.* from ' ~ target ~ ' as kept left semi' ~ joined) %}
        {% do run_query(
            'create table ' ~ successor ~ ' as select ' ~ columns ~ ' from ' ~ target ~ ' as kept left anti' ~ joined
            ~ ' union all select ' ~ columns ~ ' from ' ~ after
        ) %}
    {% else %}
        {% do run_query('create table ' ~ before ~ ' as select * from ' ~ target) %}
        {% do run_query('create table ' ~ successor ~ ' as select * from ' ~ after) %}
    {% endif %}
    {% do run_query('drop table ' ~ target) %}
    {{ return('alter table ' ~ successor ~ ' rename to ' ~ target) }}
{% endmacro %}
