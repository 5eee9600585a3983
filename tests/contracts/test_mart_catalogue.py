"""The marts and their columns, as dashboards, checks and other programs rely on them.

The catalogue below is written down and not derived: a renamed or dropped column has to fail. More columns are welcome.
"""

import re
from typing import Any

import pytest

PERIOD = ["period_grain", "period_start", "period_end"]
SEGMENT = ["segment_type", "segment_value"]
ENDING = ["is_complete", "is_final"]

CATALOGUE = {
    "dim_customer": [
        "customer_id",
        "country",
        "region",
        "segment",
        "acquisition_channel",
        "purchase_count",
        "first_purchase_date",
        "last_purchase_date",
    ],
    "dim_period": ["period_grain", "period_start", "period_end", "period_label", "is_complete", "is_final"],
    "retention_by_period": [
        *PERIOD,
        *SEGMENT,
        "activity_definition",
        "rate_status",
        "customers_at_start",
        "customers_at_end",
        "new_customers",
        "retained_customers",
        "reactivated_customers",
        "lost_customers",
        "new_and_lost_customers",
        "retention_rate",
        "retention_rate_excl_reactivated",
        "retention_rate_excl_reactivated_lower",
        "retention_rate_excl_reactivated_upper",
        "retention_rate_previous_period",
        "retention_rate_same_period_last_year",
        "retention_rate_trailing_median",
        *ENDING,
    ],
    "churn_by_period": [
        *PERIOD,
        *SEGMENT,
        "activity_definition",
        "rate_status",
        "customers_at_start",
        "lost_customers",
        "churn_rate",
        "churn_rate_lower",
        "churn_rate_upper",
        "new_customer_churn_rate",
        "new_customer_churn_rate_status",
        "revenue_at_start",
        "churned_revenue",
        "contraction_revenue",
        "expansion_revenue",
        "reactivation_revenue",
        "new_revenue",
        "revenue_at_end",
        "gross_revenue_churn_rate",
        "net_revenue_churn_rate",
        "gross_revenue_retention_rate",
        "net_revenue_retention_rate",
        "net_revenue_retention_rate_incl_reactivation",
        "revenue_rate_status",
        *ENDING,
    ],
    "churn_reasons_by_period": [
        *PERIOD,
        *SEGMENT,
        "activity_definition",
        "close_reason",
        "lost_customers",
        *ENDING,
    ],
    "retention_by_cohort": [
        "cohort_grain",
        "cohort_start",
        "period_index",
        *SEGMENT,
        "period_start",
        "cohort_size",
        "active_customers",
        "active_or_later_customers",
        "retention_rate",
        "retention_or_later_rate",
        "previous_active_customers",
        "previous_period_rate",
        "previous_period_rate_status",
        "order_count",
        "net_amount",
        "cumulative_net_amount",
        "cumulative_net_amount_per_customer",
        "is_open",
    ],
    "customer_lifetime_value": [
        "customer_id",
        "clv_method",
        "as_of_date",
        "purchase_count",
        "purchase_day_count",
        "repeat_purchase_day_count",
        "recency_days",
        "age_days",
        "average_order_value",
        "purchases_per_year",
        "retention_rate_used",
        "lifespan_years",
        "gross_margin_rate",
        "acquisition_cost",
        "input_source",
        "clv_amount",
        "margin_amount",
        "costed_net_amount",
        "clv_status",
    ],
    "order_value_by_period": [
        *PERIOD,
        *SEGMENT,
        "order_count",
        "valued_order_count",
        "buyer_count",
        "anonymous_order_count",
        "gross_amount",
        "discount_amount",
        "net_amount",
        "shipping_amount",
        "tax_amount",
        "refund_amount_by_order_date",
        "refund_amount_by_refund_date",
        "net_amount_after_refunds",
        "aov_gross",
        "aov_net",
        "aov_net_after_refunds",
        "aov_incl_shipping",
        "aov_net_median",
        "purchase_frequency",
        "repeat_purchase_rate",
        "median_days_between_purchases",
        "rate_status",
        "buyer_rate_status",
        *ENDING,
    ],
    "csat_by_period": [
        *PERIOD,
        *SEGMENT,
        "metric",
        "survey_id",
        "touchpoint",
        "invited_count",
        "valid_answer_count",
        "positive_answer_count",
        "dropped_duplicate_count",
        "response_rate",
        "csat",
        "csat_lower",
        "csat_upper",
        "top_box_rate",
        "mean_score",
        "mean_score_normalised",
        "nps",
        "ces",
        "ces_lower",
        "ces_upper",
        "rate_status",
        *ENDING,
    ],
    "metric_restatements": [
        "metric",
        "period_grain",
        "period_start",
        *SEGMENT,
        "first_published_value",
        "value_before",
        "value_after",
        "load_sequence_from",
        "load_sequence_to",
        "first_published_at",
        "restated_at",
    ],
    "data_quality": [
        "run_id",
        "dataset",
        "rule",
        "engine",
        "severity",
        "rows_checked",
        "rows_failed",
        "status",
        "report_link",
    ],
}
# What the description of the mart, and of each of its columns, ends with.
GRAINS = {
    "dim_customer": "One row a customer.",
    "dim_period": "One row a grain and period.",
    "retention_by_period": "One row a grain, period, activity definition and segment.",
    "churn_by_period": "One row a grain, period, activity definition and segment.",
    "churn_reasons_by_period": "One row a grain, period, activity definition, segment and close reason.",
    "retention_by_cohort": "One row a cohort grain, cohort, period index and segment.",
    "customer_lifetime_value": "One row a customer and method.",
    "order_value_by_period": "One row a grain, period and segment.",
    "csat_by_period": "One row a grain, period, metric, survey, touchpoint and segment.",
    "metric_restatements": "One row a metric, period, segment and change.",
    "data_quality": "One row a run, table and rule.",
}
# By name; the first pattern that is found counts.
TYPES = {
    "^(is|has)_": {"boolean"},
    "_amount(_|$)": {"decimal"},
    "_revenue$": {"decimal"},
    "_rate$": {"double"},
    "_(count|customers)$": {"bigint", "integer"},
    "_date$": {"date"},
    "_at$": {"timestamp"},
    "_id$": {"string"},
}
PERSONAL = {"email", "phone", "full_name", "birth_date", "comment"}


@pytest.mark.parametrize("mart", CATALOGUE)
def test_every_promised_column_is_there(marts: dict[str, dict[str, Any]], mart: str) -> None:
    assert mart in marts
    assert [column for column in CATALOGUE[mart] if column not in marts[mart]["columns"]] == []


def test_every_mart_is_in_the_catalogue(marts: dict[str, dict[str, Any]]) -> None:
    assert sorted(marts) == sorted(CATALOGUE)


@pytest.mark.parametrize("mart", [name for name, columns in CATALOGUE.items() if columns[:5] == PERIOD + SEGMENT])
def test_a_mart_of_periods_and_segments_begins_with_them_and_ends_with_its_state(
    marts: dict[str, dict[str, Any]], mart: str
) -> None:
    columns = list(marts[mart]["columns"])
    assert columns[:5] == PERIOD + SEGMENT
    assert columns[-2:] == ENDING


@pytest.mark.parametrize("mart", CATALOGUE)
def test_the_contract_is_enforced_and_types_every_column(marts: dict[str, dict[str, Any]], mart: str) -> None:
    assert marts[mart]["config"]["contract"]["enforced"] is True
    assert [name for name, column in marts[mart]["columns"].items() if not column["data_type"]] == []


@pytest.mark.parametrize("mart", CATALOGUE)
def test_every_description_ends_with_the_grain(marts: dict[str, dict[str, Any]], mart: str) -> None:
    grain = GRAINS[mart]
    assert marts[mart]["description"].strip().endswith(grain)
    without_grain = [
        name for name, column in marts[mart]["columns"].items() if not column["description"].strip().endswith(grain)
    ]
    only_grain = [name for name, column in marts[mart]["columns"].items() if column["description"].strip() == grain]
    assert without_grain == []
    assert only_grain == []


@pytest.mark.parametrize("mart", CATALOGUE)
def test_no_column_is_personal(marts: dict[str, dict[str, Any]], mart: str) -> None:
    assert PERSONAL.isdisjoint(marts[mart]["columns"])


@pytest.mark.parametrize("mart", CATALOGUE)
def test_names_and_types_agree(marts: dict[str, dict[str, Any]], mart: str) -> None:
    """A fraction is a double, a count a whole number, money a decimal, and so on, in every mart alike."""
    wrong = []
    for name, column in marts[mart]["columns"].items():
        allowed = next((types for pattern, types in TYPES.items() if re.search(pattern, name)), None)
        if allowed and column["data_type"].split("(")[0] not in allowed:
            wrong.append(f"{name} {column['data_type']}")
    assert wrong == []


def test_every_mart_has_a_unit_test(manifest: dict[str, Any], marts: dict[str, dict[str, Any]]) -> None:
    tested = {unit_test["model"] for unit_test in manifest["unit_tests"].values()}
    assert sorted(set(marts) - tested) == []
