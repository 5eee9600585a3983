"""DuckDB beside Spark on one machine: `python -m benchmarks.engines --orders 1e6`, or `make bench-engines ORDERS=1e6`.

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
from benchmarks.run import ROOT, hold_back_last_day

ENGINES = ("duckdb", "spark")
# Each run writes down its own checks there.
OF_THE_RUN = "data_quality"
INTRODUCTION = """\
Written by `make bench-engines`. The job daily_refresh, with every check and the release, on the same generated
extracts: a first run in a new home, then one new day. Spark computes on this machine, with all its cores and the memory
that it takes by itself (for Java a quarter of the machine)."""
COLUMNS = ("orders", "engine", "what", "seconds", "ratio to DuckDB", "peak memory MB")
PARTS = ("load", "transform", "validate", "publish")


def main(arguments: list[str] | None = None) -> int:
    """Measure both engines and write ENGINES.md; returns the exit code, 1 if their marts differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__.splitlines()[0])
    parser.add_argument("--orders", default="1e6", help="number of orders, such as 1e6")
    parser.add_argument("--work", default=ROOT / "var" / "benchmark-engines", type=Path, help="folder for what is made")
    parser.add_argument("--out", default=ROOT / "benchmarks" / "ENGINES.md", type=Path, help="the page of results")
    options = parser.parse_args(arguments)
    orders = int(float(options.orders))
    described = machine()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    generate = [sys.executable, "-m", "benchmarks.generate", "--orders", str(orders), "--delivery", "history_and_day"]
    lines = [f"| {' | '.join((*COLUMNS, *PARTS))} |", f"|{' --: |' * (len(COLUMNS) + len(PARTS))}"]
    try:
        measure([*generate, "--out", str(options.work)], {"PYTHONPATH": str(ROOT)}, options.work / "generate.log")
        new_day = hold_back_last_day(options.work)
        seconds: dict[tuple[str, str], float] = {}
        for what in ("full rebuild", "one new day"):
            for engine in ENGINES:
                taken, parts = _take(options.work, engine, what)
                seconds[engine, what] = taken.seconds
                shown = [f"{parts[part]:.1f}" for part in PARTS]
                cells = [f"{orders:,}", engine, what, f"{taken.seconds:.1f}"]
                cells += [f"{taken.seconds / seconds['duckdb', what]:.2f}", f"{taken.memory_bytes / 1e6:,.0f}", *shown]
                lines.append(f"| {' | '.join(cells)} |")
                print(lines[-1], flush=True)
            if different := _different_marts(options.work):
                print(f"After {what} these marts differ: {', '.join(different)}.", file=sys.stderr)
                return 1
            for held, place in new_day.items():
                if held.exists():
                    held.rename(place)
    except CommandFailedError as error:
        print(error, file=sys.stderr)
        return 1
    facts = "\n".join(f"- {name}: {value}" for name, value in described.items())
    agreement = "Every mart had the same content hash on both engines, after the first run and after the new day."
    options.out.write_text(
        "\n\n".join(["# DuckDB and Spark on one machine", INTRODUCTION, facts, agreement, "\n".join(lines)]) + "\n",
        encoding="utf-8",
    )
    shutil.rmtree(options.work)
    return 0


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
        if name != OF_THE_RUN and first[name]["content_hash"] != second.get(name, {}).get("content_hash")
    ]


if __name__ == "__main__":
    sys.exit(main())
