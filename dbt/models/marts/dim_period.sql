with periods as (

    select * from {{ ref('int_periods') }}

)

select
    period_grain,
    period_start,
    period_end,
    cast({{ period_label('period_grain', 'period_start') }} as {{ dbt.type_string() }}) as period_label,
    as_of_date,
    is_complete,
    is_final
from periods
