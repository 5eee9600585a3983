"""Our own dbt tests find what they are there for: on tables of the sample, made bad in known rows, each finds these."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.mapping import load_config
from dagster_project.settings import DBT_PROJECT_DIR, load_settings
from dagster_project.transforming.dbt_runner import DbtProject, NodeResult, run_dbt
from dagster_project.transforming.refreshing import Refresh

# A refresh of this took in what lies in refresh.<table>__after.
REFRESH = Refresh(built_load_sequence=1)

ORDERS = "intermediate.int_orders_valued"
SPELLS = "intermediate.int_contract_spells_merged"
MONTH = "period_grain = 'month' and period_start = date '2026-01-01' and activity_definition = 'purchase'"
FEBRUARY = MONTH.replace("2026-01", "2026-02")
ONE_COUNTRY = "segment_type = 'country' and segment_value = (select min(segment_value) from marts.retention_by_period)"

# The first ten orders came with the last refresh: one of them stands there twice, and another one lost its id. One that
# nobody touched stands there twice as well.
PLANTED_KEYS = f"""
    create or replace table refresh.int_orders_valued__after as from {ORDERS} order by order_id limit 10;
    insert into {ORDERS} from refresh.int_orders_valued__after order by order_id limit 1;
    insert into {ORDERS} select * replace (null as order_id) from refresh.int_orders_valued__after limit 1;
    insert into refresh.int_orders_valued__after from {ORDERS} where order_id is null;
    insert into {ORDERS} from {ORDERS} order by order_id desc limit 1;
    create or replace table refresh.int_contract_spells_merged__after as from {SPELLS} order by customer_id limit 1;
    insert into {SPELLS} from refresh.int_contract_spells_merged__after;
    insert into {SPELLS} select * replace (null as customer_id) from refresh.int_contract_spells_merged__after;
    insert into refresh.int_contract_spells_merged__after from {SPELLS} where customer_id is null;
"""
PLANTED_FIGURES = f"""
    update marts.retention_by_period set customers_at_end = customers_at_end + 1, new_customers = new_customers + 1
        where {MONTH} and segment_type = 'all';
    update marts.retention_by_period set new_and_lost_customers = -1 where {FEBRUARY} and {ONE_COUNTRY};
    update marts.churn_by_period set revenue_at_end = revenue_at_end + 1 where {MONTH} and segment_type = 'all';
    delete from marts.churn_reasons_by_period where {MONTH} and segment_type = 'all';
"""
# Of each test how many rows it finds: by all rows, and after a refresh.
FOUND = {
    "int_orders_valued_key_is_unique": (3, 2),
    "int_contract_spells_merged_key_is_unique": (2, 2),
    # One is less than no customer, and the revenue of one month does not add up.
    "retention_by_period_identities_hold": (1, 1),
    "churn_by_period_identities_hold": (1, 1),
    "assert_churn_reasons_add_up": (1, 1),
    "assert_end_is_next_start": (1, 1),
    "assert_revenue_end_is_next_start": (1, 1),
    # Four types of segments beside the changed 'all', and one country beside an unchanged one.
    "assert_segments_add_up_to_all": (5, 5),
    # Three orders too many.
    "assert_no_order_is_lost": (1, 1),
}


@pytest.fixture(scope="module")
def project(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbtProject]:
    """The sample's warehouse in a copy, with what dbt parsed for it; the lake is the sample's own."""
    home = tmp_path_factory.mktemp("tested") / "home"
    home.mkdir()
    shutil.copyfile(sample_home / "warehouse.duckdb", home / "warehouse.duckdb")
    shutil.copytree(sample_home / "dbt", home / "dbt")
    for name in ("lake", "quality", "restatements"):
        (home / name).symlink_to(sample_home / name)
    settings = load_settings({"WAREHOUSE_HOME": str(home)})
    config = load_config(settings.extracts_config)
    return DbtProject(settings, config.name, config.variables)


def outcome(project: DbtProject, refresh: Refresh | None = None) -> dict[str, NodeResult]:
    """Result of the tests by name."""
    results = run_dbt(project, "test", list(FOUND), refresh=refresh)
    return {result.name: result for result in results if result.resource_type == "test"}


def test_every_test_finds_what_was_planted(project: DbtProject) -> None:
    good = outcome(project)
    assert {name: good[name].status for name in FOUND} == dict.fromkeys(FOUND, "pass")
    with duckdb.connect(str(project.settings.warehouse_path)) as connection:
        connection.execute(PLANTED_KEYS + PLANTED_FIGURES)
    by_all, after_refresh = outcome(project), outcome(project, REFRESH)
    assert {name: (by_all[name].rows_failed, after_refresh[name].rows_failed) for name in FOUND} == FOUND
    assert {result.status for result in [*by_all.values(), *after_refresh.values()]} == {"fail"}


def test_no_test_of_ours_is_forgotten() -> None:
    own = {path.stem for path in (DBT_PROJECT_DIR / "tests").glob("*.sql")}
    assert own <= FOUND.keys()
    assert {path.stem for path in (DBT_PROJECT_DIR / "tests" / "generic").glob("*.sql")} == {
        "identities",
        "unique_combination",
    }
