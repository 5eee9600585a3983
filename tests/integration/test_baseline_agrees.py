"""The sample, three ways: what was drawn (truth.json), what bare SQL finds (the baseline), what the release says.

The baseline was written from the definitions, apart from dbt/, and computes every row and column of the headline marts:
counts must be equal, amounts and rates to six decimals. The truth was counted before any file existed.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks.agreement import KEYS, differences
from benchmarks.baseline import run_baseline
from dagster_project.settings import PROJECT_ROOT

SAMPLE = PROJECT_ROOT / "sample"


@pytest.fixture(scope="module")
def release(sample_home: Path) -> Path:
    return (sample_home / "published" / "current").resolve()


@pytest.fixture(scope="module")
def connection(release: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The release as `release.<mart>`."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{release / 'marts.duckdb'}' as release (read_only)")
        yield connection


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the baseline's marts."""
    folder = tmp_path_factory.mktemp("baseline")
    run_baseline(SAMPLE / "extracts", folder)
    return folder


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mart", KEYS)
def test_release_says_what_the_baseline_finds(release: Path, baseline: Path, mart: str) -> None:
    assert differences(release, baseline, mart) == []
    ((rows,),) = duckdb.connect().execute(f"select count(*) from '{baseline / mart}.parquet'").fetchall()
    assert rows >= 100


# A row of the mart, neither the first nor the last one, and figures in it. The first becomes NULL.
CHANGED_ROWS = {
    "retention_by_period": (
        "activity_definition = 'window_90' and segment_type = 'country' and segment_value = 'SA'",
        ("customers_at_start", "retention_rate_trailing_median", "is_final"),
    ),
    "churn_by_period": (
        "activity_definition = 'contract' and segment_type = 'region' and segment_value = 'AE-2'",
        ("contraction_revenue", "churn_rate_upper", "lost_new_customers"),
    ),
    "retention_by_cohort": (
        "segment_type = 'acquisition_channel' and segment_value = 'store'",
        ("active_or_later_customers", "cumulative_net_amount_per_customer", "is_open"),
    ),
    "order_value_by_period": (
        "segment_type = 'segment' and segment_value = 'gold'",
        ("aov_net_median", "median_days_between_purchases", "refund_amount_by_refund_date"),
    ),
    "csat_by_period": (
        "survey_id = 'service' and touchpoint = 'all' and segment_type = 'segment' and segment_value = 'silver'",
        ("positive_answer_count", "mean_score", "csat_lower"),
    ),
    "customer_lifetime_value": ("clv_method = 'profit_form'", ("clv_amount", "gross_margin_rate", "clv_status")),
}


@pytest.mark.parametrize("mart", KEYS)
def test_a_figure_that_differs_in_one_row_of_a_segment_is_named(
    release: Path, baseline: Path, tmp_path: Path, mart: str
) -> None:
    condition, columns = CHANGED_ROWS[mart]
    with duckdb.connect() as connection:
        connection.execute(f"create table changed as from '{baseline / mart}.parquet'")
        types = {name: kind for name, kind, *_ in connection.execute("describe changed").fetchall()}
        filled = " and ".join(f"{column} is not null" for column in columns)
        key = ", ".join(KEYS[mart])
        chosen, label = connection.execute(
            f"select rowid, concat_ws(' ', {key}) from changed where {condition} and {filled} "
            f"order by {key} limit 1 offset 3"
        ).fetchone()
        changes = {column: f"{column} + 1" for column in columns}
        changes |= {column: f"not {column}" for column in columns if types[column] == "BOOLEAN"}
        changes |= {column: "'changed'" for column in columns if types[column] == "VARCHAR"}
        changes[columns[0]] = "null"
        assignments = ", ".join(f"{column} = {change}" for column, change in changes.items())
        connection.execute(f"update changed set {assignments} where rowid = {chosen}")
        connection.execute(f"copy changed to '{tmp_path / mart}.parquet'")
    found = differences(release, tmp_path, mart)
    assert [line.split(":")[0] for line in found] == [f"{label} {column}" for column in types if column in columns]


def test_rows_and_columns_that_one_of_the_two_lacks_are_named(release: Path, baseline: Path, tmp_path: Path) -> None:
    mart = "retention_by_cohort"
    shown = f"from '{baseline / mart}.parquet'"
    duckdb.connect().execute(
        f"copy (select * {shown} where not (segment_value = 'gold' and period_index = 3 and cohort_grain = 'quarter')) "
        f"to '{tmp_path / mart}.parquet'"
    )
    count, *found = differences(release, tmp_path, mart)
    assert re.fullmatch(r"\d+ and \d+ rows", count)
    assert found
    assert all(line.endswith(" 3 segment gold: in one of the two only") for line in found)
    duckdb.connect().execute(
        f"copy (select * {shown} union all (select * {shown} limit 1)) to '{tmp_path / mart}.parquet'"
    )
    assert [line[-5:] for line in differences(release, tmp_path, mart)] == [" rows"]
    duckdb.connect().execute(f"copy (select * exclude (is_open) {shown}) to '{tmp_path / mart}.parquet'")
    assert differences(release, tmp_path, mart) == ["column is_open: in one of the two only"]


def test_loader_counts_what_was_written(sample_home: Path, truth: dict) -> None:
    ledger = sample_home / "lake" / "ledger"
    entries = [json.loads(path.read_text(encoding="utf-8")) for path in ledger.glob("*/*.json")]
    for feed, counts in truth["feeds"].items():
        loaded = [entry for entry in entries if entry["feed"] == feed]
        reasons = Counter()
        for entry in loaded:
            reasons.update(entry["reasons"])
        found = {
            "files": len(loaded),
            "rows": sum(entry["rows_read"] for entry in loaded),
            "accepted": sum(entry["rows_accepted"] for entry in loaded),
            "quarantined": sum(entry["rows_quarantined"] for entry in loaded),
            "quarantined_by_reason": dict(reasons),
        }
        assert found == {name: counts[name] for name in found}, feed


def test_months_are_as_drawn(connection: duckdb.DuckDBPyConnection, truth: dict) -> None:
    rows = connection.execute(
        """
        select orders.period_start::varchar, orders.order_count, retention.new_customers
        from release.order_value_by_period as orders
        join release.retention_by_period as retention using (period_grain, period_start, segment_type)
        where period_grain = 'month' and segment_type = 'all' and activity_definition = 'purchase' and order_count > 0
        order by period_start
        """
    ).fetchall()
    assert rows == [(month["month"], month["valid_orders"], month["new_customers"]) for month in truth["months"]]


def test_money_is_as_drawn(connection: duckdb.DuckDBPyConnection, truth: dict) -> None:
    amounts = connection.execute(
        """
        select sum(gross_amount), sum(discount_amount), sum(net_amount), sum(net_amount - net_amount_after_refunds)
        from release.order_value_by_period
        where period_grain = 'year' and segment_type = 'all'
        """
    ).fetchone()
    orders = truth["orders"]
    drawn = [orders["gross_amount"], orders["discount_amount"], orders["net_amount"], orders["refund_amount"]]
    assert [f"{amount:.4f}" for amount in amounts] == drawn


def test_answers_are_as_drawn(connection: duckdb.DuckDBPyConnection, truth: dict) -> None:
    rows = connection.execute(
        """
        select
            survey_id, sum(invited_count), sum(valid_answer_count), sum(positive_answer_count),
            sum(dropped_duplicate_count)
        from release.csat_by_period
        where period_grain = 'year' and segment_type = 'all' and survey_id <> 'all' and touchpoint = 'all'
        group by survey_id
        """
    ).fetchall()
    drawn = Counter()
    for survey in truth["surveys"]:
        for column in ("invited", "valid_answers", "positive_answers", "dropped_duplicates"):
            drawn[survey["survey_id"], column] += survey[column]
    found = {
        (survey_id, column): count
        for survey_id, *counts in rows
        for column, count in zip(
            ("invited", "valid_answers", "positive_answers", "dropped_duplicates"), counts, strict=True
        )
    }
    assert found == dict(drawn)


def test_buyers_and_closures_are_as_drawn(connection: duckdb.DuckDBPyConnection, truth: dict) -> None:
    customers = truth["customers"]
    counts = connection.execute(
        """
        select count(*), count(*) filter (purchase_count > 0), count(*) filter (purchase_count > 1)
        from release.dim_customer
        """
    ).fetchone()
    assert counts == (customers["persons"], customers["buyers"], customers["repeat_buyers"])
    # Nobody who was drawn comes back within the week, so every closing is a customer lost in one.
    lost = connection.execute(
        """
        select close_reason, sum(lost_customers)
        from release.churn_reasons_by_period
        where period_grain = 'week' and segment_type = 'all' and activity_definition = 'contract'
        group by close_reason
        """
    ).fetchall()
    assert dict(lost) == customers["closures_by_reason"]
    assert sum(count for _, count in lost) == customers["closures"]
