{#- The statement that makes `relation` a view over all Parquet files that the pattern `files` names. -#}
{% macro parquet_view_statement(relation, files) %}
    {{ return(adapter.dispatch('parquet_view_statement')(relation, files)) }}
{% endmacro %}

{% macro duckdb__parquet_view_statement(relation, files) %}
    {{ return("create or replace view " ~ relation ~ " as select * from read_parquet('" ~ files | replace("'", "''") ~ "', hive_partitioning = false)") }}
{% endmacro %}

{% macro spark__parquet_view_statement(relation, files) %}
    {{ return("create or replace view " ~ relation ~ " as select * from parquet.`" ~ files | replace("`", "``") ~ "`") }}
{% endmacro %}
