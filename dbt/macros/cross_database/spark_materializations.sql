{#-
    What dbt-spark has to be told about this project, in the places that it asks: tables are Parquet, and `replace_rows` (refresh.sql) is
    an incremental strategy. These macros have the names by which dbt-spark calls its own; on DuckDB nobody calls them.
-#}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) %}
    {{ return(raw_strategy) }}
{% endmacro %}

{% macro dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates) %}
    {{ return(get_incremental_replace_rows_sql({
        'target_relation': target,
        'temp_relation': source,
        'dest_columns': adapter.get_columns_in_relation(existing),
        'unique_key': unique_key
    })) }}
{% endmacro %}

{#- dbt-spark's own writes 'None' where a seed has no value, and lets a backslash in a text be the beginning of something else. -#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {% set types = model['config'].get('column_types', {}) %}
    {% set rows = [] %}
    {% for row in agate_table.rows %}
        {% set values = [] %}
        {% for name in agate_table.column_names %}
            {% set type = types.get(name, adapter.convert_type(agate_table, loop.index0)) %}
            {% set value = 'null' if row[loop.index0] is none else text_literal(row[loop.index0]) %}
            {% do values.append('cast(' ~ value ~ ' as ' ~ type ~ ')') %}
        {% endfor %}
        {% do rows.append('(' ~ values | join(', ') ~ ')') %}
    {% endfor %}
    {% set sql = 'insert into ' ~ this ~ ' values ' ~ rows | join(', ') %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}

{#- dbt-spark's own drops the table first; here a model may read what its table held (`this`), and a kill leaves it whole. -#}
{% materialization table, adapter='spark' %}
    {% set target_relation = this.incorporate(type='table') %}
    {% set successor = successor_of(target_relation) %}
    {{ run_hooks(pre_hooks) }}
    {% do run_query('drop table if exists ' ~ successor) %}
    {% call statement('main') %}
        {{ create_table_as(False, successor, compiled_code) }}
    {% endcall %}
    {% set existing = load_relation(this) %}
    {% if existing is not none %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
    {% do run_query('alter table ' ~ successor ~ ' rename to ' ~ target_relation) %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Where a table is written before it takes the place of the one of that name. -#}
{% macro successor_of(relation) %}
    {{ return(relation.incorporate(path={'identifier': relation.identifier ~ '__new'})) }}
{% endmacro %}
