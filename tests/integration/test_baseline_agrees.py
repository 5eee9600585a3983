"""The sample, three ways: what was drawn (truth.json), what bare SQL finds (the baseline), what the release says.

The baseline was written from the definitions, apart from dbt/, and covers ('all', 'all'): counts must be equal, amounts
and rates to six decimals. The truth was counted before any file existed.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks.baseline import MARTS, run_baseline
from dagster_project.__main__ import main
from dagster_project.settings import PROJECT_ROOT

SAMPLE = PROJECT_ROOT / "sample"
TOLERANCE = 1e-6
ALL_SEGMENTS = "segment_type = 'all'"
# Mart -> its key, and the rows of the release that the baseline computes too.
COMPARISONS = {
    "retention_by_period": (("period_grain", "period_start", "activity_definition"), ALL_SEGMENTS),
    "churn_by_period": (("period_grain", "period_start", "activity_definition"), ALL_SEGMENTS),
    "retention_by_cohort": (("cohort_grain", "cohort_start", "period_index"), ALL_SEGMENTS),
    "order_value_by_period": (("period_grain", "period_start"), ALL_SEGMENTS),
    "csat_by_period": (
        ("period_grain", "period_start", "metric"),
        f"{ALL_SEGMENTS} and survey_id = 'all' and touchpoint = 'all'",
    ),
    # Customers who never bought have a row in the mart and no history to compare.
    "customer_lifetime_value": (("customer_id",), "clv_method = 'historic' and purchase_count > 0"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse home in which the sample was refreshed once."""
    folder = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_HOME", str(folder))
        patch.setenv("EXTRACTS_DIR", str(SAMPLE / "extracts"))
        patch.setenv("EXTRACTS_CONFIG", str(SAMPLE / "extracts.yml"))
        assert main(["run", "daily_refresh"]) == 0
    return folder


@pytest.fixture(scope="module")
def connection(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The release as `release.marts`, the baseline's marts as `baseline_<mart>`."""
    baseline = tmp_path_factory.mktemp("baseline")
    run_baseline(SAMPLE / "extracts", baseline)
    with duckdb.connect() as connection:
        marts = (home / "published" / "current").resolve() / "marts.duckdb"
        connection.execute(f"attach '{marts}' as release (read_only)")
        for mart in MARTS:
            connection.execute(f"create view baseline_{mart} as from '{baseline / mart}.parquet'")
        yield connection


@pytest.fixture(scope="module")
def truth() -> dict:
    return json.loads((SAMPLE / "truth.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mart", MARTS)
def test_release_says_what_the_baseline_finds(connection: duckdb.DuckDBPyConnection, mart: str) -> None:
    key, condition = COMPARISONS[mart]
    types = {name: kind for name, kind, *_ in connection.execute(f"describe baseline_{mart}").fetchall()}
    same = " and ".join(f"release_rows.{name}::varchar = baseline_rows.{name}::varchar" for name in key)
    joined = f"""
        from (from release.{mart} where {condition}) as release_rows
        full join baseline_{mart} as baseline_rows on {same}
    """
    label = " || ' ' || ".join(f"coalesce(release_rows.{name}, baseline_rows.{name})::varchar" for name in key)
    unmatched = connection.execute(
        f"select {label}, release_rows.{key[0]} is not null {joined} "
        f"where release_rows.{key[0]} is null or baseline_rows.{key[0]} is null"
    ).fetchall()
    assert unmatched == []
    differences = []
    compared = [name for name in types if name not in key]
    for column in compared:
        ours, theirs = f"release_rows.{column}", f"baseline_rows.{column}"
        is_number = types[column] not in ("DATE", "BOOLEAN", "VARCHAR")
        equal = f"abs({ours}::double - {theirs}::double) <= {TOLERANCE}" if is_number else f"{ours} = {theirs}"
        differences += connection.execute(
            f"select '{column}', {label}, {ours}::varchar, {theirs}::varchar {joined} "
            f"where not coalesce({equal}, {ours} is null and {theirs} is null) limit 5"
        ).fetchall()
    assert differences == []
    assert len(compared) >= 5
    assert connection.execute(f"select count(*) from baseline_{mart}").fetchone()[0] >= 100


def test_loader_counts_what_was_written(home: Path, truth: dict) -> None:
    entries = [json.loads(path.read_text(encoding="utf-8")) for path in (home / "lake" / "ledger").glob("*/*.json")]
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
    reasons = connection.execute("select distinct close_reason from release.churn_reasons_by_period").fetchall()
    assert {reason for (reason,) in reasons} >= set(customers["closures_by_reason"])
