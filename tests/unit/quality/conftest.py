"""A lake made by hand: what the loader leaves behind, without the loader; and a shop whose runs are reported."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.contracts import load_feeds
from dagster_project.loading.ledger import LedgerEntry, batch_stem, write_entry
from dagster_project.settings import Settings
from tests.unit.loading.conftest import Home
from tests.unit.quality.shop import CUSTOMERS, ORDERS, Shop
from tests.unit.quarantine.conftest import MAPPING

ORDER_COLUMNS = tuple(load_feeds()["orders"].columns.values())


@pytest.fixture
def deliver(settings: Settings) -> Callable[..., LedgerEntry]:
    """Deliver one file of orders: `accepted` rows to the lake, `quarantined` ones to quarantine, a ledger entry."""
    settings.extracts_dir.mkdir()

    def deliver_file(
        name: str = "orders.csv",
        *,
        accepted: int = 10,
        quarantined: int = 0,
        sequence: int = 1,
        status: str = "loaded",
        order_status: str = "paid",
        watermark: str | None = "2026-01-31T00:00:00",
        **facts: object,
    ) -> LedgerEntry:
        (settings.extracts_dir / name).write_text("order_id\n")
        batch_id = batch_stem("shop", sequence, f"{sequence:064d}")
        if status == "loaded":
            _write_orders(settings, batch_id, accepted, order_status)
            _write_quarantine(settings, batch_id, quarantined)
        entry = {
            "dataset": "shop",
            "feed": "orders",
            "source_name": "shop_orders",
            "source_file": name,
            "content_sha256": f"{sequence:064d}",
            "bytes": 1,
            "status": status,
            "message": "" if status == "loaded" else f"{name} is empty. Export it again.",
            "rows_read": accepted + quarantined if status == "loaded" else 0,
            "rows_accepted": accepted if status == "loaded" else 0,
            "rows_quarantined": quarantined if status == "loaded" else 0,
            "reasons": {"not_a_timestamp:ordered_at": quarantined} if quarantined else {},
            "load_sequence": sequence,
            "batch_id": batch_id,
            "loaded_at": "2026-02-01T04:00:00",
            "watermark": watermark,
        }
        written = LedgerEntry(**{**entry, **facts})
        write_entry(settings, written)
        return written

    return deliver_file


def _write_orders(settings: Settings, batch_id: str, rows: int, status: str) -> None:
    given = {"order_id": "'A' || number", "ordered_at": "timestamp '2026-01-31'", "status": f"'{status}'"}
    columns = ", ".join(f"{given.get(c.name, 'null')}::{c.sql_type} as {c.name}" for c in ORDER_COLUMNS)
    folder = settings.raw_dir / "orders"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select {columns}, 'orders.csv' as _source_file, number as _source_row, 1 as _load_sequence "
            f"from range({rows}) as numbers (number)) to '{folder}/{batch_id}.parquet'"
        )


def _write_quarantine(settings: Settings, batch_id: str, rows: int) -> None:
    if not rows:
        return
    folder = settings.quarantine_dir / "orders"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select 'shop_orders' as _source_name, 'orders.csv' as _source_file, number + 1 as _source_row, "
            f"'{batch_id}' as _batch_id, 1::bigint as _load_sequence, ['not_a_timestamp:ordered_at'] as reasons, "
            "'ordered_at is no date.' as explanation, '{\"email\": \"person@example.com\"}' as raw_record "
            f"from range({rows}) as numbers (number)) to '{folder}/{batch_id}.parquet'"
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    home = Home(tmp_path)
    home.map(MAPPING)
    home.put("customers.csv", CUSTOMERS)
    home.put("orders.csv", ORDERS)
    return Shop(home)
