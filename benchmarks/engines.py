"""DuckDB beside Spark on one machine: `make bench-engines ORDERS=1e6,1e7`.

Belongs here: the same job on the same extracts with both engines, a first run and a new day each. Does not belong here:
the baseline and the targets (`run.py`), Spark on a cluster.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from benchmarks.measuring import CommandFailedError, Measurement, measure, seconds_by_part
from benchmarks.report import machine
from benchmarks.run import ROOT, DisagreementError, hold_back_last_day, numbers_of_orders

ENGINES = ("duckdb", "spark")
# Each run writes down its own checks there, and what differs from its own earlier releases, with their moments.
OF_THE_RUN = ("data_quality", "metric_restatements")
INTRODUCTION = """\
Written by `make bench-engines`. The job daily_refresh, with every check and the release, on the same generated
extracts: a first run in a new home, then one new day. Spark computes on this machine, with all its cores and the memory
that it takes by itself (for Java a quarter of the machine)."""
COLUMNS = ("orders", "engine", "what", "seconds", "ratio to DuckDB", "peak memory MB")
PARTS = ("load", "transform", "validate", "publish")


def main(arguments: list[str] | None = None) -> int:
    """Measure both engines at every size and write ENGINES.md; returns the exit code, 1 if their marts differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__.splitlines()[0])
    parser.add_argument("--orders", default="1e6", help="numbers of orders, such as 1e6,1e7")
    parser.add_argument("--work", default=ROOT / "var" / "benchmark-engines", type=Path, help="folder for what is made")
    parser.add_argument("--out", default=ROOT / "benchmarks" / "ENGINES.md", type=Path, help="the page of results")
    options = parser.parse_args(arguments)
    try:
        sizes = numbers_of_orders("--orders", options.orders)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    described = machine()
    rows: list[str] = []
    for orders in sizes:
        try:
            rows += measure_size(orders, options.work / f"{orders}")
        except (CommandFailedError, DisagreementError) as error:
            print(error, file=sys.stderr)
            return 1
        # After each size: the next one may take hours.
        write_page(rows, described, options.out)
    return 0


def measure_size(orders: int, folder: Path) -> list[str]:
    """The rows of the table for one size. What is made in the folder is removed at the end.

    Raises CommandFailedError, and DisagreementError where the engines' marts differ; the folder stays then.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generate = [sys.executable, "-m", "benchmarks.generate", "--orders", str(orders), "--delivery", "history_and_day"]
    measure([*generate, "--out", str(folder)], {"PYTHONPATH": str(ROOT)}, folder / "generate.log")
    held_back = hold_back_last_day(folder)
    rows = []
    for what, arriving in (("full rebuild", {}), ("one new day", held_back)):
        for held, place in arriving.items():
            held.rename(place)
        seconds: dict[str, float] = {}
        for engine in ENGINES:
            taken, parts = _take(folder, engine, what)
            seconds[engine] = taken.seconds
            cells = [f"{orders:,}", engine, what, f"{taken.seconds:.1f}", f"{taken.seconds / seconds['duckdb']:.2f}"]
            cells += [f"{taken.memory_bytes / 1e6:,.0f}", *(f"{parts[part]:.1f}" for part in PARTS)]
            rows.append(f"| {' | '.join(cells)} |")
            print(rows[-1], flush=True)
        if different := _different_marts(folder):
            raise DisagreementError(f"After {what} of {orders:,} orders these marts differ: {', '.join(different)}.")
    shutil.rmtree(folder)
    return rows


def write_page(rows: list[str], described: dict[str, str], page: Path) -> None:
    """The table with the machine's description."""
    table = [f"| {' | '.join((*COLUMNS, *PARTS))} |", f"|{' --: |' * (len(COLUMNS) + len(PARTS))}", *rows]
    facts = [f"- {name}: {value}" for name, value in described.items()]
    agreement = (
        f"Every mart but those of the run ({', '.join(OF_THE_RUN)}) had the same content hash on both engines, after "
        "the first run and after the new day."
    )
    sections = ["# DuckDB and Spark on one machine", INTRODUCTION, "\n".join(facts), agreement, "\n".join(table)]
    page.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _take(folder: Path, engine: str, what: str) -> tuple[Measurement, dict[str, float]]:
    home = folder / engine
    environment = {
        "PYTHONPATH": str(ROOT),
        "WAREHOUSE_HOME": str(home),
        "EXTRACTS_DIR": str(folder / "extracts"),
        "EXTRACTS_CONFIG": str(folder / "extracts.yml"),
        "DBT_TARGET": engine,
    }
    command = [sys.executable, "-m", "dagster_project", "run", "daily_refresh"]
    taken = measure(command, environment, folder / f"{engine}_{what.replace(' ', '_')}.log")
    return taken, seconds_by_part(home / "dagster", taken.seconds)


def _different_marts(folder: Path) -> list[str]:
    first, second = (
        json.loads((folder / engine / "published" / "current" / "release.json").read_text(encoding="utf-8"))["marts"]
        for engine in ENGINES
    )
    return [
        name
        for name in first
        if name not in OF_THE_RUN and first[name]["content_hash"] != second.get(name, {}).get("content_hash")
    ]


if __name__ == "__main__":
    sys.exit(main())
