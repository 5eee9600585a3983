"""The release of the public Olist data set against figures computed independently of this project (plain Python).

The data and the figures lie beside the project, in shared/data; where they do not, these tests are skipped. Integers
must be equal, rates and amounts to six decimals.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dashboard.app import PAGES
from dashboard.texts import LANGUAGES, load_texts
from tests.dashboard.browser import INVISIBLE, needs_browser, opened_browser, served, visit
from tests.olist import EXTRACTS, REASON, needs_olist

EXPECTED = EXTRACTS.with_name("olist_expected")

pytestmark = [needs_olist, pytest.mark.skipif(not EXPECTED.is_dir(), reason=REASON)]

TOLERANCE = 1e-6
# Steps of counts.csv about files and columns that are no feed (payments, products, zip codes) have no counterpart here.
COUNTS = {
    "raw rows customers": "select count(*) from raw.crm_customers",
    "raw rows orders": "select count(*) from raw.orders",
    "raw rows order_items": "select count(*) from raw.order_lines",
    "raw rows order_reviews": "select count(*) from raw.survey_responses",
    "distinct customer_id": "select count(*) from staging.stg_crm__customers",
    "distinct customer_unique_id": "select count(*) from marts.dim_customer",
    "distinct order_id": "select count(*) from staging.stg_orders__orders",
    "orders whose customer_id is missing from customers": """
        select count(*) from staging.stg_orders__orders as orders
        left join staging.stg_crm__customers as customers using (customer_id)
        where customers.customer_id is null
    """,
    "completed orders (status not canceled/unavailable)": """
        select count(*) from intermediate.int_orders_valued where is_valid_order
    """,
    "completed orders: distinct customer_unique_id": "select count(*) from marts.dim_customer where purchase_count > 0",
    "completed orders without any item row": """
        select count(*) from intermediate.int_orders_valued where is_valid_order and net_amount is null
    """,
    "all orders without any item row": """
        select count(*) from staging.stg_orders__orders
        where order_id not in (select order_id from staging.stg_orders__order_lines)
    """,
    "customers with exactly 1 completed order": "select count(*) from marts.dim_customer where purchase_count = 1",
    "customers with >=2 completed orders": "select count(*) from marts.dim_customer where purchase_count >= 2",
    "customers with completed orders on >=2 distinct dates": """
        select count(*) from marts.dim_customer where purchase_day_count >= 2
    """,
    "max orders by one customer": "select max(purchase_count) from marts.dim_customer",
    "orders per customer": """
        select sum(purchase_count)::double / count(*) from marts.dim_customer where purchase_count > 0
    """,
    "repeat purchase rate pct (>=2 / all)": """
        select 100.0 * count(*) filter (purchase_count >= 2) / count(*) from marts.dim_customer where purchase_count > 0
    """,
    "completed: net excl freight BRL": """
        select sum(net_amount) from marts.order_value_by_period where period_grain = 'year' and segment_type = 'all'
    """,
    "completed: gross incl freight BRL": """
        select sum(net_amount + shipping_amount) from marts.order_value_by_period
        where period_grain = 'year' and segment_type = 'all'
    """,
    "completed: AOV net (orders with items)": """
        select sum(net_amount) / sum(valued_order_count) from marts.order_value_by_period
        where period_grain = 'year' and segment_type = 'all'
    """,
    "reviews: comment with newline": "select count(*) from raw.survey_responses where contains(comment, chr(10))",
    "reviews: comment message present": "select count(*) from raw.survey_responses where comment is not null",
    "reviews: (review_id, order_id) pairs distinct": "select count(*) from staging.stg_surveys__responses",
    "reviews: distinct order_id": "select count(distinct order_id) from staging.stg_surveys__responses",
    "reviews: blank review_answer_timestamp (artefact of this copy)": """
        select count(*) from raw.survey_responses where answered_at is null
    """,
    "reviews rows score=1": "select count(*) from raw.survey_responses where score = 1",
    "reviews rows score=2": "select count(*) from raw.survey_responses where score = 2",
    "reviews rows score=3": "select count(*) from raw.survey_responses where score = 3",
    "reviews rows score=4": "select count(*) from raw.survey_responses where score = 4",
    "reviews rows score=5": "select count(*) from raw.survey_responses where score = 5",
}


@pytest.fixture(scope="module")
def release(olist_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published marts."""
    with duckdb.connect(
        str((olist_home / "published" / "current").resolve() / "marts.duckdb"), read_only=True
    ) as connection:
        yield connection


@pytest.fixture(scope="module")
def warehouse(olist_home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse behind them, for what marts do not show."""
    with duckdb.connect(str(olist_home / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def expected_rows(name: str) -> list[dict[str, str]]:
    """The rows of one file of expected figures."""
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def differences(label: str, expected: dict[str, str], columns: list[str], found: tuple | None) -> list[str]:
    """One line for each column in which a row of the release is not as expected."""
    if found is None:
        return [f"{label}: no row in the release"]
    lines = []
    for column, value in zip(columns, found, strict=True):
        wanted = None if expected[column] == "" else float(expected[column])
        got = None if value is None else float(value)
        if (wanted is None) != (got is None) or (wanted is not None and abs(wanted - got) > TOLERANCE):
            lines.append(f"{label} {column}: expected {wanted}, found {got}")
    return lines


def test_purchase_retention_by_month_agrees(release: duckdb.DuckDBPyConnection) -> None:
    columns = [
        "S_active_prev_period", "E_active_this_period", "N_new", "R_reactivated", "retained_S_and_E", "lost",
        "crr_textbook_pct", "strict_retention_pct", "churn_pct",
    ]  # fmt: skip
    query = """
        select
            customers_at_start, customers_at_end, new_customers, reactivated_customers, retained_customers,
            retention.lost_customers, 100 * retention_rate, 100 * retention_rate_excl_reactivated, 100 * churn_rate
        from marts.retention_by_period as retention
        join marts.churn_by_period as churn
            using (period_grain, period_start, activity_definition, segment_type, segment_value, customers_at_start)
        where period_grain = 'month' and segment_type = 'all' and activity_definition = 'purchase' and period_start = ?
    """
    rows = expected_rows("retention_A_month")
    found = []
    for row in rows:
        figures = release.execute(query, [row["period_start"]]).fetchone()
        found += differences(row["period_start"], row, columns, figures)
    assert len(rows) == 25
    assert not found, "\n".join(found)


def test_window_90_retention_by_month_agrees(release: duckdb.DuckDBPyConnection) -> None:
    columns = [
        "S_active_at_start", "E_active_at_end", "N_new_in_period", "N_new_and_in_E", "R_in_E_not_S_not_new",
        "retained_S_and_E", "lost_S_not_E", "crr_pct_E_minus_NinE", "strict_retention_pct",
    ]  # fmt: skip
    query = """
        select
            customers_at_start, customers_at_end, new_customers + new_and_lost_customers, new_customers,
            reactivated_customers, retained_customers, lost_customers, 100 * retention_rate,
            100 * retention_rate_excl_reactivated
        from marts.retention_by_period
        where period_grain = 'month' and segment_type = 'all' and activity_definition = 'window_90' and period_start = ?
    """
    rows = expected_rows("retention_B_month_W90")
    found = []
    for row in rows:
        figures = release.execute(query, [row["period_start"]]).fetchone()
        found += differences(row["period_start"], row, columns, figures)
    assert len(rows) == 25
    assert not found, "\n".join(found)


def test_cohorts_by_month_agree(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select cohort_size, active_customers, 100 * retention_rate
        from marts.retention_by_cohort
        where cohort_grain = 'month' and segment_type = 'all' and cohort_start = ? and period_index = ?
    """
    rows = expected_rows("cohort_month")
    found = []
    for row in rows:
        figures = release.execute(query, [row["cohort_month"], int(row["month_index"])]).fetchone()
        label = f"{row['cohort_month']} + {row['month_index']}"
        found += differences(label, row, ["cohort_size", "active_customers", "retention_pct"], figures)
    assert len(rows) == 301
    assert not found, "\n".join(found)


def test_order_values_by_month_agree(release: duckdb.DuckDBPyConnection) -> None:
    columns = [
        "completed_orders", "orders_with_items", "customers", "gross_incl_freight", "net_excl_freight",
        "aov_gross_per_order_with_items", "aov_net_per_order_with_items", "orders_per_customer",
    ]  # fmt: skip
    query = """
        select
            order_count, valued_order_count, buyer_count, net_amount + shipping_amount, net_amount, aov_incl_shipping,
            aov_net, purchase_frequency
        from marts.order_value_by_period
        where period_grain = 'month' and segment_type = 'all' and period_start = ?
    """
    rows = expected_rows("aov_month")
    found = []
    for row in rows:
        figures = release.execute(query, [f"{row['month']}-01"]).fetchone()
        found += differences(row["month"], row, columns, figures)
    assert len(rows) == 24
    assert not found, "\n".join(found)


def test_csat_of_completed_orders_by_month_agrees(release: duckdb.DuckDBPyConnection) -> None:
    query = """
        select valid_answer_count, top_box_answer_count, 100 * csat, mean_score
        from marts.csat_by_period
        where
            period_grain = 'month' and segment_type = 'all' and metric = 'csat' and survey_id = 'all'
            and touchpoint = 'all' and period_start = ?
    """
    rows = [row for row in expected_rows("csat_order_month") if row["population"] == "one_per_order_completed_only"]
    found = []
    for row in rows:
        figures = release.execute(query, [f"{row['month']}-01"]).fetchone()
        found += differences(row["month"], row, ["answers", "n5", "csat_top2_pct", "mean_score"], figures)
    assert rows
    assert not found, "\n".join(found)


def test_counts_of_every_step_agree(warehouse: duckdb.DuckDBPyConnection) -> None:
    expected = {row["step"].strip(): row["value"] for row in expected_rows("counts")}
    found = []
    for step, query in COUNTS.items():
        figures = warehouse.execute(query).fetchone()
        found += differences(step, {"value": expected[step]}, ["value"], figures)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("period_grain", ["week", "month", "quarter", "year"])
@pytest.mark.parametrize("activity_definition", ["purchase", "window_90", "window_365", "contract"])
def test_identities_hold_at_every_grain(
    release: duckdb.DuckDBPyConnection, period_grain: str, activity_definition: str
) -> None:
    rows, broken = release.execute(
        """
        select
            count(*),
            count(*) filter (
                retention.customers_at_start is distinct from churn.customers_at_start
                or retention.lost_customers is distinct from churn.lost_customers
                or customers_at_end != new_customers + retained_customers + reactivated_customers
                or retention.customers_at_start != retained_customers + retention.lost_customers
                or abs(coalesce(retention_rate_excl_reactivated + churn_rate, 1) - 1) > 1e-9
                or revenue_at_start + new_revenue + expansion_revenue + reactivation_revenue - contraction_revenue
                    - churned_revenue != revenue_at_end
            )
        from marts.retention_by_period as retention
        full join marts.churn_by_period as churn
            using (period_grain, period_start, activity_definition, segment_type, segment_value)
        where period_grain = ? and activity_definition = ?
        """,
        [period_grain, activity_definition],
    ).fetchone()
    assert rows > 0
    assert broken == 0


@needs_browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_dashboard_shows_these_figures(olist_home: Path, release: duckdb.DuckDBPyConnection, language: str) -> None:
    texts = load_texts(language)
    retention, start = release.execute(
        "select retention_rate, period_start from retention_by_period where period_grain = 'quarter' and is_complete "
        "and activity_definition = 'window_90' and segment_type = 'all' order by period_start desc limit 1"
    ).fetchall()[0]
    order_value = release.execute(
        "select aov_net from order_value_by_period where period_grain = 'quarter' and segment_type = 'all' "
        "and period_start = ?",
        [start],
    ).fetchall()[0][0]
    with served(olist_home) as dashboard, opened_browser() as browser, visit(browser, dashboard.url) as seen:
        seen.open(language)
        seen.choose(texts("app.grain"), texts("grain.quarter"))
        expected = {"retention": texts.rate(retention), "aov": texts.amount(order_value, "BRL")}
        assert {name: seen.figure(name) for name in expected} == {
            name: text.translate(INVISIBLE) for name, text in expected.items()
        }
        for number, page in enumerate(PAGES):
            seen.go_to(number)
            assert seen.page.inner_text("h1") == texts(f"page.{page}")
