{#-
    The latest row of every key of a raw feed, by load order; in a refresh those of the batches loaded since the last. Of a feed delivered as
    full dumps (mode snapshot) only the newest dump of each source counts: what it no longer holds is gone. (A new dump is never refreshed
    but rebuilt: dagster_project/transforming/refreshing.py.)
-#}
{% macro latest_rows(feed, key) %}
    select *
    from (
        select
            delivered.*,
            row_number() over (
                partition by {{ key | join(', ') }}
                order by delivered._load_sequence desc, delivered._source_row desc
            ) as recency_rank
        from {{ feed }} as delivered
        {% if is_addition() -%}
        where delivered._load_sequence > {{ built_load_sequence() }}
        {%- else -%}
        left join (
            select
                _source_name as snapshot_source_name,
                max(_load_sequence) as newest_load_sequence
            from {{ feed }}
            where _is_snapshot
            group by _source_name
        ) as newest_snapshots
            on delivered._source_name = newest_snapshots.snapshot_source_name
        where not delivered._is_snapshot or delivered._load_sequence = newest_snapshots.newest_load_sequence
        {%- endif %}
    ) as ranked
    where recency_rank = 1
{% endmacro %}
