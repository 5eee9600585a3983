{{ config(materialized='incremental', incremental_strategy='replace_rows') }}

{%- set segment_types = var('segment_types') -%}

with segment_versions as (

    select * from {{ ref('int_customer_segments_versioned') }}

),

profiles as (

    select distinct
        segment_profile_id
        {%- for segment_type in segment_types %},
        {{ segment_type }}
        {%- endfor %}
    from segment_versions

    union

    select
        {{ unknown_segment_profile_id() }} as segment_profile_id
        {%- for segment_type in segment_types %},
        'unknown' as {{ segment_type }}
        {%- endfor %}

)

select
    segment_profile_id,
    'all' as segment_type,
    'all' as segment_value
from profiles
{% for segment_type in segment_types %}
union all

select
    segment_profile_id,
    '{{ segment_type }}' as segment_type,
    {{ segment_type }} as segment_value
from profiles
{% endfor %}
