"""The benchmark: `python -m benchmarks.run --sizes 1e6,1e7`, or `make bench SIZES=1e6,1e7`.

Belongs here: the order of what is measured for each size, and checking that all of it computes the same. Does not
belong here: how a command is measured (`measuring.py`), what is written about it (`report.py`).

For each size, on the same extracts: the bare baseline and a first run in a new home on everything but the last day;
then the last day's files arrive and are refreshed; then a refresh of nothing. The result of a size stands beside
those of other sizes, measured before. Fifty million orders take two hours, 20 GB of memory for making the extracts and
70 GB of disk.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from benchmarks.agreement import KEYS, differences
from benchmarks.baseline import MEMORY_LIMIT, MEMORY_LIMIT_OF_LARGE_SIZES
from benchmarks.generator import LAST_DAY
from benchmarks.measuring import (
    CommandFailedError,
    Measurement,
    fixed_seconds,
    folder_bytes,
    import_seconds,
    measure,
    seconds_by_part,
)
from benchmarks.report import machine, write_results
from benchmarks.size_results import SizeResult, keep_result, kept_results

ROOT = Path(__file__).resolve().parent.parent
BASELINE, REBUILD, NEW_DAY, NOTHING = "baseline", "full rebuild", "one new day", "nothing new"
# Bare SQL fits into 4 GB at 10 million orders, and does not at 50 million.
LARGE_SIZE = 20_000_000


class DisagreementError(Exception):
    """The release does not say what the baseline finds; the message names the figures."""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark for every size and write the results; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", required=True, help="numbers of orders, such as 1e6,1e7")
    parser.add_argument("--work", default=ROOT / "var" / "benchmark", type=Path, help="folder for extracts and homes")
    parser.add_argument("--out", default=ROOT / "benchmarks", type=Path, help="folder for results")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    try:
        sizes = numbers_of_orders("--sizes", options.sizes)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for size in sizes:
        try:
            keep_result(measure_size(size, options.work / f"{size}"), options.out)
        except (CommandFailedError, DisagreementError) as error:
            print(error, file=sys.stderr)
            return 1
        # After each size: the next one may take hours.
        print(f"\n{write_results(kept_results(options.out), options.out)}", flush=True)
    return 0


def numbers_of_orders(option: str, text: str) -> list[int]:
    """The sizes that an option of the command line names, smallest first. Raises ValueError, fit to be printed."""
    try:
        return sorted(int(float(number)) for number in text.split(","))
    except ValueError:
        raise ValueError(f"{option} is '{text}'; it must be numbers such as 1e6,1e7.") from None


def measure_size(orders: int, folder: Path) -> SizeResult:
    """Measure everything for one size in a folder of its own, which is removed at the end.

    Raises CommandFailedError and DisagreementError; the folder stays then.
    """
    described = machine()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    python = [sys.executable, "-m"]
    generate = [*python, "benchmarks.generate", "--orders", str(orders), "--delivery", "history_and_day"]
    environment = {
        "PYTHONPATH": str(ROOT),
        "WAREHOUSE_HOME": str(folder / "home"),
        "EXTRACTS_DIR": str(folder / "extracts"),
        "EXTRACTS_CONFIG": str(folder / "extracts.yml"),
        "MEMORY_LIMIT": MEMORY_LIMIT,
    }

    def take(name: str, command: list[str]) -> Measurement:
        print(f"{orders:,} orders, {name} ...", end=" ", flush=True)
        measurement = measure(command, environment, folder / f"{name.replace(' ', '_')}.log")
        print(f"{measurement.seconds:.1f} s, {measurement.memory_bytes / 1e6:,.0f} MB", flush=True)
        return measurement

    take("making extracts", [*generate, "--out", str(folder)])
    new_day = hold_back_last_day(folder)
    result = SizeResult(orders, folder_bytes(folder / "extracts"), described)
    memory_limit = MEMORY_LIMIT if orders < LARGE_SIZE else MEMORY_LIMIT_OF_LARGE_SIZES
    compute = [*python, "benchmarks.baseline", "--extracts", str(folder / "extracts"), "--memory-limit", memory_limit]
    compute.append("--out")
    refresh = [*python, "dagster_project", "run", "daily_refresh"]

    def take_refresh(name: str) -> None:
        result.measured[name] = take(name, refresh)
        result.parts[name] = seconds_by_part(folder / "home" / "dagster", result.measured[name].seconds)

    result.measured[BASELINE] = take(BASELINE, [*compute, str(folder / "baseline")])
    take_refresh(REBUILD)
    result.home_bytes = folder_bytes(folder / "home")
    _check_agreement(folder / "home", folder / "baseline")
    for held, place in new_day.items():
        held.rename(place)
    take_refresh(NEW_DAY)
    take("checking with another baseline", [*compute, str(folder / "baseline_after")])
    _check_agreement(folder / "home", folder / "baseline_after")
    take_refresh(NOTHING)
    result.fixed = fixed_seconds(folder / "home" / "dagster", result.measured[NOTHING])
    result.imports = import_seconds()
    shutil.rmtree(folder)
    return result


def hold_back_last_day(folder: Path) -> dict[Path, Path]:
    """Move the files of the last day out of the extracts; returns where each is now -> where it belongs."""
    held = {}
    for path in sorted((folder / "extracts").glob(f"*/{LAST_DAY}.*")):
        held[folder / "new_day" / path.parent.name / path.name] = path
    for place, path in held.items():
        place.parent.mkdir(parents=True)
        path.rename(place)
    return held


def _check_agreement(home: Path, baseline: Path) -> None:
    release = (home / "published" / "current").resolve()
    for mart in KEYS:
        found = differences(release, baseline, mart)
        if found:
            raise DisagreementError(f"{mart}: the release does not say what the baseline finds.\n" + "\n".join(found))


if __name__ == "__main__":
    sys.exit(main())
