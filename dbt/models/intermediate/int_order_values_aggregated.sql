{% for period_grain in period_grains() %}
select * from (
    {{ order_values(period_grain) }}
) as by_{{ period_grain }}
{{ 'union all' if not loop.last }}
{% endfor %}
