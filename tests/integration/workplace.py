"""A place to run jobs in: small extracts, their mapping, a warehouse home, and the command line."""

import csv
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.__main__ import main
from dagster_project.settings import Settings, load_settings

MAPPING = """\
name: {name}
reporting:
  reporting_currency: USD
sources:
  - {{name: customers, feed: crm_customers, files: "crm_customers/*.csv"}}
  - {{name: orders, feed: orders, files: "orders/*.csv"}}
  - {{name: order_lines, feed: order_lines, files: "order_lines/*.csv"}}
"""
ORDER_COLUMNS = ["order_id", "customer_id", "ordered_at", "status", "currency", "order_amount"]
LINE_COLUMNS = ["order_id", "line_number", "product_id", "quantity", "unit_price"]
FIRST_DAY = datetime(2025, 1, 1, 12)  # noqa: DTZ001  (as it stands in the file; the mapping gives the zone)


@dataclass(frozen=True)
class Workplace:
    """A folder of extracts and a warehouse home, and the way to run jobs on them."""

    folder: Path
    patch: pytest.MonkeyPatch

    @property
    def extracts(self) -> Path:
        return self.folder / "extracts"

    @property
    def mapping(self) -> Path:
        return self.folder / "extracts.yml"

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "WAREHOUSE_HOME": str(self.folder / "home"),
            "EXTRACTS_DIR": str(self.extracts),
            "EXTRACTS_CONFIG": str(self.mapping),
        }

    def run(self, *arguments: str) -> int:
        """The command line, in this process; returns the exit code."""
        for name, value in self.environment.items():
            self.patch.setenv(name, value)
        return main(list(arguments))

    def release(self) -> dict:
        """What the release that readers see says of itself."""
        return json.loads((self.settings.published_dir / "current" / "release.json").read_text())

    def hashes(self) -> dict[str, str]:
        """Content hash by mart, without the mart that is about the runs themselves."""
        marts = self.release()["marts"]
        return {name: mart["content_hash"] for name, mart in marts.items() if name != "data_quality"}

    def query(self, sql: str) -> list[tuple]:
        """Rows from the release that readers see."""
        with duckdb.connect(
            str(self.settings.published_dir / "current" / "marts.duckdb"), read_only=True
        ) as connection:
            return connection.execute(sql).fetchall()

    def quarantined(self, feed: str) -> list[tuple]:
        """Source file and reasons of every quarantined row of a feed."""
        files = self.settings.quarantine_dir / feed / "*.parquet"
        if not list(files.parent.glob(files.name)):
            return []
        return duckdb.connect().execute(f"select _source_file, reasons from '{files}' order by all").fetchall()


def write_rows(path: Path, columns: list[str], rows: list[list[object]]) -> None:
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def order_rows(first: int, count: int) -> list[list[object]]:
    """Orders of 40 customers, one every 20 hours."""
    return [
        [f"o{number}", f"c{number * 7 % 40}", FIRST_DAY + timedelta(hours=20 * number), "paid", "USD", 10 + number % 90]
        for number in range(first, first + count)
    ]


def write_good_extracts(folder: Path) -> None:
    """A year and a half of orders, half of them with lines, and the customers behind them."""
    write_rows(folder / "orders" / "first.csv", ORDER_COLUMNS, order_rows(0, 600))
    lines = [[f"o{number}", line, f"p{line}", line, 5] for number in range(0, 600, 2) for line in (1, 2)]
    write_rows(folder / "order_lines" / "first.csv", LINE_COLUMNS, lines)
    customers = [
        [f"c{number}", "2024-12-01 00:00:00", f"person{number}@example.com", "AE" if number % 2 else "OM"]
        for number in range(40)
    ]
    write_rows(folder / "crm_customers" / "first.csv", ["customer_id", "created_at", "email", "country"], customers)


def make_workplace(folder: Path, patch: pytest.MonkeyPatch) -> Workplace:
    """A workplace with good extracts and no run yet."""
    workplace = Workplace(folder, patch)
    write_good_extracts(workplace.extracts)
    workplace.mapping.write_text(MAPPING.format(name="shop"))
    return workplace
