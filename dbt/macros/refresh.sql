{#-
    Refreshing instead of rebuilding. A refresh reads the batches loaded since the last whole build and replaces, in every large table,
    the rows of those keys only that they concern. What a table gave up and what it took in stay beside it until the next refresh
    (schema `refresh`), so that the tables after it can tell which customers have changed, and sums over customers are
    corrected by what was taken out and what was put in instead of being added up anew.
    docs/architecture.md, "A refresh costs what has changed".
-#}

{#-
    Whether this is a refresh. The caller says so by naming the last load sequence that is in the tables already; it does so only if
    the warehouse holds one whole build of the same definitions. Never while parsing, or dbt would parse anew for every refresh.
-#}
{% macro is_refresh() %}
    {{ return(execute and env_var('BUILT_LOAD_SEQUENCE', '') != '') }}
{% endmacro %}

{#- The last load sequence that is in the tables already. Only in a refresh. -#}
{% macro built_load_sequence() -%}
    {{ env_var('BUILT_LOAD_SEQUENCE') | int }}
{%- endmacro %}

{#-
    Whether a refresh only adds what is new, and trusts what is built. The other kind restates: it reads the whole lake again, works out anew
    everybody about whom anything is dated RESTATE_FROM or later, and adds sums up from all customers.
-#}
{% macro is_addition() %}
    {{ return(is_refresh() and env_var('RESTATE_FROM', '') == '') }}
{% endmacro %}

{#- Whether the moment is to be restated. Only in a refresh. -#}
{% macro is_restated(timestamp_utc) -%}
    {%- if is_addition() -%}
        false
    {%- else -%}
        {{ reporting_date(timestamp_utc) }} >= cast('{{ env_var("RESTATE_FROM") }}' as date)
    {%- endif -%}
{%- endmacro %}

{#-
    The rows of a model to work on. `moment`: 'all'; or, of the rows that the last refresh replaced, what they were 'before' and what
    they are 'after'.
-#}
{% macro rows_of(model_name, moment='all') -%}
    {%- set relation = ref(model_name) -%}
    {{ relation if moment == 'all' else replaced_relation(relation, moment) }}
{%- endmacro %}

{#- The rows of a model that this build is about: in a refresh what it took in, in a rebuild all. -#}
{% macro rows_concerned(model_name) -%}
    {{ rows_of(model_name, 'after' if is_refresh() else 'all') }}
{%- endmacro %}

{#- Where the rows of a relation that the last refresh replaced are, as they were 'before' and as they are 'after'. -#}
{% macro replaced_relation(relation, moment) %}
    {{ return(refresh_relation(relation, relation.identifier ~ '__' ~ moment)) }}
{% endmacro %}

{#- A table of schema `refresh` in the same database. -#}
{% macro refresh_relation(relation, name) %}
    {{ return(api.Relation.create(database=relation.database, schema='refresh', identifier=name)) }}
{% endmacro %}

{#- Rows of a model that the refresh has changed: as they were and as they are, without those that were replaced by their like. -#}
{% macro changed_rows(model_name) -%}
    (select * from {{ rows_of(model_name, 'before') }} except select * from {{ rows_of(model_name, 'after') }})
    union all
    (select * from {{ rows_of(model_name, 'after') }} except select * from {{ rows_of(model_name, 'before') }})
{%- endmacro %}

{#-
    dbt's incremental strategy `replace_rows`: which rows a refresh replaces is said in the model's meta.
    - replaced_keys: {column: model} - those whose column is among the values that the model lists, whether or not they have successors;
    - nothing said - those whose unique_key is among the new rows; without a unique_key, and to restate: all.
    dbt called by hand a second time is no refresh, and its rows are those of a rebuild: all are replaced.
-#}
{% macro get_incremental_replace_rows_sql(arg_dict) %}
    {% set target = arg_dict['target_relation'] %}
    {% set incoming = arg_dict['temp_relation'] %}
    {% set replaced_keys = config.get('meta', {}).get('replaced_keys') %}
    {% if replaced_keys and is_refresh() %}
        {% set keys, listed = [(replaced_keys | list)[0]], refresh_relation(target, (replaced_keys.values() | list)[0]) %}
    {% elif arg_dict['unique_key'] and is_addition() %}
        {% set keys, listed = arg_dict['unique_key'], incoming %}
    {% else %}
        {% set keys, listed = [], none %}
    {% endif %}
    {#- dbt would learn of a table that it did not make itself in its next run only, and the key's test looks for this one. -#}
    {% do adapter.cache_added(replaced_relation(target, 'after')) %}
    {{ return(replace_rows(target, incoming, get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')), keys, listed)) }}
{% endmacro %}

{#- A filter that leaves only what the refresh is about: rows whose column is listed by the model. `true` in a rebuild. -#}
{% macro is_listed(column, model_name) -%}
    {#- dbt learns of the dependency while parsing; its unit tests do not have to give the list. -#}
    {%- if is_refresh() or not execute -%}
        {{ column }} in (select {{ column }} from {{ ref(model_name) }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#-
    A table of sums over customers. The caller gives the sums over the rows of a `moment` (see rows_of), with the columns of the table and
    `row_count`, which says how many rows stand behind a sum: `{% call(moment) sums_over_customers(...) %} select ... {% endcall %}`.
    A refresh that only adds corrects what the table held: less the sums over the replaced rows as they were, plus those over them as
    they are; a sum behind which no row is left is no row.
-#}
{% macro sums_over_customers(keys, counts, amounts, amount_type='decimal(28, 4)') %}
{% if is_addition() %}
with sums_before as (

    {{ caller('before') }}

),

sums_after as (

    {{ caller('after') }}

)

select
    {{ keys | join(',\n    ') }},
    {% for count in counts -%}
    cast(sum({{ count }}) as bigint) as {{ count }},
    {% endfor -%}
    {% for amount in amounts -%}
    cast(sum({{ amount }}) as {{ amount_type }}) as {{ amount }},
    {% endfor -%}
    cast(sum(row_count) as bigint) as row_count
from (
    select {{ (keys + counts + amounts) | join(', ') }}, row_count from {{ this }}
    union all
    select
        {{ keys | join(', ') }},
        {% for sum in counts + amounts %}-{{ sum }} as {{ sum }}, {% endfor %}
        -row_count as row_count
    from sums_before
    union all
    select {{ (keys + counts + amounts) | join(', ') }}, row_count from sums_after
) as corrections
group by {{ keys | join(', ') }}
having sum(row_count) != 0
{% else %}
{{ caller('all') }}
{% endif %}
{% endmacro %}
