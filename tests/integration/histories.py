"""Drawn histories of a shop: refreshed delivery by delivery, then built anew from the same lake.

Belongs here: what one history goes through. Does not belong here: how many are drawn (`make test` one, `make soak`
many), what may be in one (`arrivals`), how tables are told apart (`refreshes`).
"""

from pathlib import Path

from tests.integration.arrivals import FEEDS, draw_answers_alone, draw_deliveries, mapping, write_delivery
from tests.integration.refreshes import Warehouse, copy_of, differing_tables

DELIVERIES = 4
# What companies set differently, in turns; with the last one, what happened later must not be seen by any refresh.
REPORTING = (
    {},
    {
        "reporting_time_zone": "Asia/Tehran",
        "first_weekday": 6,
        "fiscal_year_start_month": 4,
        "exchange_rate_maximum_age_days": 3,
        "fully_refunded_orders_count": "true",
    },
    {"as_of_date": "2025-09-17", "survey_date_basis": "answer", "zero_value_orders_count": "true"},
)


def empty_shop(folder: Path, dbt_target: str = "duckdb", seed: int = 0) -> Warehouse:
    """A warehouse in this folder, which is made if need be, to which nothing was delivered yet.

    The seed chooses its variables of reporting.
    """
    folder.mkdir(exist_ok=True)
    (folder / "extracts.yml").write_text(mapping("shop", FEEDS, REPORTING[seed % len(REPORTING)]))
    return Warehouse(folder, dbt_target=dbt_target)


def tables_that_a_rebuild_changes(warehouse: Warehouse, seed: int) -> dict[str, tuple[int, int]]:
    """The tables that refreshes made otherwise than a rebuild, as `differing_tables` has them; none if all holds."""
    kinds = []
    # In a shop this small every other delivery brings something about everybody.
    for number, delivery in enumerate([*draw_deliveries(seed, DELIVERIES), draw_answers_alone(seed)]):
        write_delivery(delivery, warehouse.extracts, f"{number}")
        kinds.append(warehouse.refresh() is not None)
    assert kinds == [False, *[True] * DELIVERIES]
    refreshed = copy_of(warehouse, "refreshed")
    warehouse.rebuild()
    return differing_tables(refreshed, warehouse.settings.warehouse_path)
