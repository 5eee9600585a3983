"""After every refresh the gates find by the rows that came what they find by all rows.

The history is drawn as for `test_refresh_equals_rebuild`: late, repeated, corrected and shuffled deliveries, which
break some of the rules that warn. `SOAK_DELIVERIES=8` takes a longer one.
"""

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.defs.gates import refreshed_tables
from dagster_project.defs.layers import read_manifest
from dagster_project.quality.gates import run_gate
from dagster_project.quality.results import CheckResult
from dagster_project.quality.scope import Refreshed
from tests.integration.arrivals import draw_deliveries, write_delivery
from tests.integration.histories import empty_shop
from tests.integration.refreshes import Warehouse

DELIVERIES = int(os.environ.get("SOAK_DELIVERIES", "2"))
STAGES = ("staging", "intermediate")
ORDERS = "intermediate.int_orders_valued"
ANSWERS = "intermediate.int_survey_answers_attributed"
BROKEN_BELOW = (ORDERS, "intermediate.int_refunds_valued", ANSWERS)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return empty_shop(tmp_path)


def judged(warehouse: Warehouse, kept_as: str, refreshed: Refreshed | None) -> dict[tuple[str, str], CheckResult]:
    """Every result of the gates, by table and rule."""
    return {
        (suite.table, result.rule): result
        for stage in STAGES
        for suite in run_gate(warehouse.settings, kept_as, stage, "run", inputs=warehouse.built, refreshed=refreshed)
        for result in suite.results
    }


def test_the_rows_that_came_tell_what_all_rows_tell(warehouse: Warehouse) -> None:
    tables = refreshed_tables(read_manifest(warehouse.settings))
    assert {"staging.stg_orders__orders", ORDERS} <= tables
    narrow_rules, failed_rules = set(), set()
    for number, delivery in enumerate(draw_deliveries(seed=3, count=DELIVERIES)):
        before = warehouse.built
        for kept in warehouse.settings.quality_dir.glob("gates/by_news__*"):
            shutil.copyfile(kept, kept.with_name(kept.name.replace("by_news", "before_the_last")))
        write_delivery(delivery, warehouse.extracts, f"{number}")
        refresh = warehouse.refresh()
        assert (refresh is not None) == (number > 0)
        by_news = judged(warehouse, "by_news", Refreshed(before, tables) if refresh else None)
        by_all = judged(warehouse, "by_all", None)
        assert {rule: one.status for rule, one in by_news.items()} == {rule: one.status for rule, one in by_all.items()}
        assert not any(one.is_narrow for one in by_all.values())
        narrow_rules |= {rule for rule, one in by_news.items() if one.is_narrow}
        failed_rules |= {rule for rule, one in by_all.items() if one.status == "failed"}
    assert len(narrow_rules) > 40, sorted(narrow_rules)
    assert len(failed_rules) > 1

    # What came broken is found by what came: the rows of the last refresh, made bad in the table and beside it.
    with duckdb.connect(str(warehouse.settings.warehouse_path)) as connection:
        for table in (ORDERS, "refresh.int_orders_valued__after"):
            connection.execute(
                f"update {table} set order_seq = order_seq + 1, gross_amount = gross_amount + 1000, "
                "refund_amount = refund_amount + 1000 where order_id in (select min(order_id) from "
                "refresh.int_orders_valued__after where is_valid_purchase and exchange_rate = 1)"
            )
        for table in (ANSWERS, "refresh.int_survey_answers_attributed__after"):
            connection.execute(
                f"update {table} set exclusion_reason = 'duplicate_answer' where response_id in (select "
                "min(response_id) from refresh.int_survey_answers_attributed__after where exclusion_reason is null)"
            )
    by_news = judged(warehouse, "before_the_last", Refreshed(before, tables))
    broken = {rule: one for (table, rule), one in by_news.items() if table in BROKEN_BELOW and one.status == "failed"}
    # Of single rows all are looked at: one of their warnings failed before.
    assert "net_amount_agrees" in broken
    across = [
        "sequence_contiguous",
        "value_agrees_with_staging",
        "refunds_agree_with_staging",
        "refunds_agree_with_orders",
        "one_answer_a_contact",
    ]
    assert [rule for rule in across if rule not in broken or not broken[rule].is_narrow] == []
