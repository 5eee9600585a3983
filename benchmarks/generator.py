"""Make extract files of any size, deterministic by seed, inside DuckDB.

Belongs here: the steps from a plan (orders, seed, days, delivery) to a folder with `extracts/`, `extracts.yml` and
`truth.json`. What the extracts hold is written in `generator_sql/`; how the truth is counted in `truth.py`. Does not
belong here: anything that reads extracts.
"""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from string import Template

import duckdb

from benchmarks.bad_rows import BAD_ROWS
from benchmarks.truth import count_truth, write_truth

HERE = Path(__file__).resolve().parent
SQL_DIR = HERE / "generator_sql"
EXTRACTS_TEMPLATE = HERE / "extracts_template.yml"
LAST_DAY = date(2026, 10, 31)
DELIVERIES = ("daily", "monthly", "history_and_day")

# Feed -> (suffix, options of COPY). One feed has the dialect of a European spreadsheet, one is compressed.
FILE_FORMATS = {
    "crm_customers": ("csv", "format csv, header"),
    "crm_tickets": ("csv.gz", "format csv, header, compression gzip"),
    "orders": ("csv", "format csv, header"),
    "order_lines": ("csv", "format csv, header"),
    "order_refunds": ("csv", "format csv, header, delimiter ';'"),
    "survey_responses": ("csv", "format csv, header"),
    "fx_rates": ("csv", "format csv, header"),
}
BOOKKEEPING_COLUMNS = {"file", "number", "change_number", "delivery", "event_day"}
CALIBRATION_CUSTOMERS = 20_000


@dataclass(frozen=True)
class Plan:
    """What to make: about `orders` orders over `days` days that end with `last_day`.

    `delivery` says how many files there are of each feed: one a day ('daily'), one a month ('monthly'), or one a month
    and the last day by itself ('history_and_day': a large past, then a refresh of one new day). `name` becomes the
    dataset's name in extracts.yml.
    """

    orders: int
    seed: int = 1
    days: int = 791
    delivery: str = "daily"
    name: str = "generated"
    last_day: date = LAST_DAY

    @property
    def first_day(self) -> date:
        """The first day of the extracts."""
        return self.last_day - timedelta(days=self.days - 1)


class GeneratorError(Exception):
    """The plan or the folder cannot work; the message says why and what to do."""


def generate(plan: Plan, folder: Path, memory_limit: str = "4GB") -> dict[str, object]:
    """Write `extracts/`, `extracts.yml` and `truth.json` under the folder; returns the truth.

    The same plan gives the same bytes. Raises GeneratorError when the plan cannot work or `extracts/` is not empty.
    """
    _check(plan, folder)
    extracts = folder / "extracts"
    extracts.mkdir(parents=True, exist_ok=True)
    work_dir = Path(tempfile.mkdtemp(prefix="generating-", dir=folder))
    try:
        # In memory, spilling where it must: a database file would be written for nothing.
        with duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": str(work_dir)}) as connection:
            _build_facts(connection, plan)
            files = _write_files(connection, plan, extracts)
            _add_bad_rows(extracts, files)
            truth = count_truth(connection, plan, files)
    finally:
        shutil.rmtree(work_dir)
    write_truth(folder / "truth.json", truth)
    template = Template(EXTRACTS_TEMPLATE.read_text(encoding="utf-8"))
    (folder / "extracts.yml").write_text(template.substitute(dataset=plan.name), encoding="utf-8")
    return truth


def _check(plan: Plan, folder: Path) -> None:
    if plan.delivery not in DELIVERIES:
        raise GeneratorError(f"The delivery is '{plan.delivery}'; it must be one of: {', '.join(DELIVERIES)}.")
    if plan.orders < 100 or plan.days < 60:
        raise GeneratorError("At least 100 orders over 60 days: less has no cohorts, refunds or answers to speak of.")
    extracts = folder / "extracts"
    if extracts.exists() and any(extracts.iterdir()):
        raise GeneratorError(f"{extracts} is not empty: remove it first, or choose another folder.")


def _build_facts(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    variables = {
        "seed": plan.seed,
        "days": plan.days,
        "start_date": plan.first_day,
        "is_monthly": plan.delivery != "daily",
        "last_file": _last_file(plan),
        "customers": CALIBRATION_CUSTOMERS,
    }
    for name, value in variables.items():
        _set_variable(connection, name, value)
    scripts = {path.name: path.read_text(encoding="utf-8") for path in sorted(SQL_DIR.glob("*.sql"))}
    connection.execute(scripts.pop("1_macros.sql"))
    # How many orders a customer makes follows from rates, drop-out and days: measured on some, then scaled.
    connection.execute(scripts["2_customers.sql"])
    (orders_made,) = connection.execute("select sum(first_life_orders + second_life_orders) from customers").fetchone()
    connection.execute("drop table customers; drop table crm_customers")
    _set_variable(connection, "customers", max(1, round(plan.orders * CALIBRATION_CUSTOMERS / int(orders_made))))
    for script in scripts.values():
        connection.execute(script)


def _set_variable(connection: duckdb.DuckDBPyConnection, name: str, value: object) -> None:
    connection.execute(f"set variable {name} = $value", {"value": value})


def _month_number(plan: Plan, day: date) -> int:
    return (day.year - plan.first_day.year) * 12 + day.month - plan.first_day.month


def _last_file(plan: Plan) -> int:
    if plan.delivery == "daily":
        return plan.days - 1
    if plan.delivery == "monthly":
        return _month_number(plan, plan.last_day)
    return _month_number(plan, plan.last_day - timedelta(days=1)) + 1


def _file_day(plan: Plan, file: int) -> date:
    """The last day that a file holds: what it is named for, so that names sort by time."""
    if file == _last_file(plan):
        return plan.last_day
    if plan.delivery == "daily":
        return plan.first_day + timedelta(days=file)
    month = plan.first_day.month - 1 + file + 1
    end_of_month = date(plan.first_day.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return min(end_of_month, plan.last_day - timedelta(days=1))


def _write_files(connection: duckdb.DuckDBPyConnection, plan: Plan, extracts: Path) -> dict[str, dict[int, str]]:
    """Write each feed's files; returns feed -> number of the file -> path relative to the extracts folder."""
    files: dict[str, dict[int, str]] = {}
    for feed, (suffix, options) in FILE_FORMATS.items():
        (extracts / feed).mkdir()
        table = f"{feed}_delivered"
        described = connection.execute(f"describe {table}").fetchall()
        columns = ", ".join(row[0] for row in described if row[0] not in BOOKKEEPING_COLUMNS)
        files[feed] = {}
        for (file,) in connection.execute(f"select distinct file from {table} order by file").fetchall():
            files[feed][file] = f"{feed}/{_file_day(plan, file)}.{suffix}"
            target = _escaped(extracts / files[feed][file])
            connection.execute(f"copy (select {columns} from {table} where file = {file}) to '{target}' ({options})")
    return files


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")


def _add_bad_rows(extracts: Path, files: dict[str, dict[int, str]]) -> None:
    """Append the feed's bad rows to its middle file."""
    for feed, rows in BAD_ROWS.items():
        numbers = sorted(files[feed])
        path = extracts / files[feed][numbers[len(numbers) // 2]]
        with path.open("a", encoding="utf-8", newline="") as stream:
            stream.writelines(row.text + "\n" for row in rows)
