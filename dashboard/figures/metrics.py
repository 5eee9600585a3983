"""The figures that are a numerator by a denominator: where each stands in the marts.

Belongs here: the catalogue. Does not belong here: asking for them (`values`), their definitions (docs/metrics.md).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A figure of a mart: its column, and the numerator and denominator it is made of (SQL over the mart's columns).

    `kind` is rate (a fraction), amount (reporting currency), score (-100 to 100) or number. `status` is the column that
    says whether the figure can be relied on; None where the mart has none about this denominator, which is judged by
    itself then. `survey_metric` is set for figures of surveys, which are cut by survey and touchpoint.
    """

    name: str
    mart: str
    value: str
    numerator: str
    denominator: str
    kind: str = "rate"
    status: str | None = "rate_status"
    lower: str = "null"
    upper: str = "null"
    has_definition: bool = False
    survey_metric: str | None = None


def _of_customers(name: str, mart_name: str, value: str, numerator: str, denominator: str, **more: str) -> Metric:
    return Metric(name, mart_name, value, numerator, denominator, has_definition=True, **more)


def _of_orders(name: str, value: str, numerator: str, denominator: str, kind: str, **more: str) -> Metric:
    return Metric(name, "order_value_by_period", value, numerator, denominator, kind, **more)


def _of_surveys(name: str, value: str, numerator: str, survey_metric: str, **more: str | None) -> Metric:
    denominator = more.pop("denominator", "valid_answer_count")
    return Metric(name, "csat_by_period", value, numerator, denominator, survey_metric=survey_metric, **more)


def _response_rate(name: str, survey_metric: str) -> Metric:
    return _of_surveys(
        name, "response_rate", "valid_answer_count", survey_metric, denominator="invited_count", status=None
    )


STRICT = "retention_rate_excl_reactivated"
METRICS = {
    metric.name: metric
    for metric in (
        _of_customers(
            "retention",
            "retention_by_period",
            "retention_rate",
            "customers_at_end - new_customers",
            "customers_at_start",
        ),
        _of_customers(
            "retention_strict",
            "retention_by_period",
            STRICT,
            "retained_customers",
            "customers_at_start",
            lower=f"{STRICT}_lower",
            upper=f"{STRICT}_upper",
        ),
        _of_customers(
            "churn",
            "churn_by_period",
            "churn_rate",
            "lost_customers",
            "customers_at_start",
            lower="churn_rate_lower",
            upper="churn_rate_upper",
        ),
        _of_customers(
            "new_customer_churn",
            "churn_by_period",
            "new_customer_churn_rate",
            "lost_new_customers",
            "new_customers_at_start",
            status="new_customer_churn_rate_status",
        ),
        _of_customers(
            "gross_revenue_churn",
            "churn_by_period",
            "gross_revenue_churn_rate",
            "churned_revenue + contraction_revenue",
            "revenue_at_start",
            status="revenue_rate_status",
        ),
        _of_customers(
            "net_revenue_churn",
            "churn_by_period",
            "net_revenue_churn_rate",
            "churned_revenue + contraction_revenue - expansion_revenue - reactivation_revenue",
            "revenue_at_start",
            status="revenue_rate_status",
        ),
        _of_customers(
            "net_revenue_retention",
            "churn_by_period",
            "net_revenue_retention_rate",
            "revenue_at_start - churned_revenue - contraction_revenue + expansion_revenue",
            "revenue_at_start",
            status="revenue_rate_status",
        ),
        Metric(
            "value_to_date",
            "retention_by_cohort",
            "cumulative_net_amount / nullif(cohort_size, 0)",
            "cumulative_net_amount",
            "cohort_size",
            "amount",
            status=None,
        ),
        _of_orders("aov", "aov_net", "net_amount", "valued_order_count", "amount"),
        _of_orders(
            "aov_after_refunds", "aov_net_after_refunds", "net_amount_after_refunds", "valued_order_count", "amount"
        ),
        _of_orders(
            "purchase_frequency",
            "purchase_frequency",
            "order_count - anonymous_order_count",
            "buyer_count",
            "number",
            status="buyer_rate_status",
        ),
        _of_orders(
            "repeat_purchase_rate",
            "repeat_purchase_rate",
            "repeat_buyer_count",
            "buyer_count",
            "rate",
            status="buyer_rate_status",
        ),
        _of_surveys("csat", "csat", "positive_answer_count", "csat", lower="csat_lower", upper="csat_upper"),
        _of_surveys("nps", "nps", "positive_answer_count - detractor_count", "nps", kind="score"),
        _of_surveys("ces", "ces", "positive_answer_count", "ces", lower="ces_lower", upper="ces_upper"),
        _response_rate("response_rate_csat", "csat"),
        _response_rate("response_rate_nps", "nps"),
        _response_rate("response_rate_ces", "ces"),
    )
}
