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

from benchmarks.agreement import COMPARISONS, differences
from benchmarks.baseline import MARTS, run_baseline
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


@pytest.mark.parametrize("mart", MARTS)
def test_release_says_what_the_baseline_finds(release: Path, baseline: Path, mart: str) -> None:
    assert differences(release, baseline, mart) == []
    ((rows,),) = duckdb.connect().sql(f"select count(*) from '{baseline / mart}.parquet'").fetchall()
    assert rows >= 100


@pytest.mark.parametrize("mart", MARTS)
def test_a_figure_that_differs_is_named(release: Path, baseline: Path, tmp_path: Path, mart: str) -> None:
    columns = duckdb.connect().sql(f"describe from '{baseline / mart}.parquet'").fetchall()
    compared = [name for name, *_ in columns if name not in COMPARISONS[mart][0]]
    assert len(compared) >= 5
    number = next(name for name, kind, *_ in columns if name in compared and kind in ("BIGINT", "HUGEINT"))
    changed = f"select * replace ({number} + 1 as {number}) from '{baseline / mart}.parquet' limit 1"
    duckdb.connect().sql(f"copy ({changed}) to '{tmp_path / mart}.parquet'")
    found = differences(release, tmp_path, mart)
    assert any(f" {number}: " in line for line in found)
    assert any("in one of the two only" in line for line in found)


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
    reasons = connection.execute("select distinct close_reason from release.churn_reasons_by_period").fetchall()
    assert {reason for (reason,) in reasons} >= set(customers["closures_by_reason"])
