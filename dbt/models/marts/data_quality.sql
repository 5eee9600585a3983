with check_results as (

    select * from {{ source('raw', 'check_results') }}

)

select
    run_id,
    dataset,
    rule,
    engine,
    severity,
    rows_checked,
    rows_failed,
    status,
    description,
    report_link,
    checked_at
from check_results
