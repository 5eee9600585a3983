{#-
    Makes the raw schema: one view over the Parquet files of each source, for this run's dataset. Runs at the start of every dbt
    call, so that `source('raw', 'orders')` is an ordinary relation on every engine.
-#}
{% macro create_raw_views() %}
    {% if execute %}
        {% do run_query('create schema if not exists raw') %}
        {% for source_node in graph.sources.values() if source_node.schema == 'raw' %}
            {% set files = env_var('WAREHOUSE_HOME') ~ '/' ~ source_node.meta.folder ~ '/' ~ var('dataset') ~ '__*.parquet' %}
            {% do run_query(parquet_view_statement('raw.' ~ source_node.identifier, files)) %}
        {% endfor %}
    {% endif %}
{% endmacro %}
