"""Command line of the generator: `python -m benchmarks.generate --orders 1e6 --seed 1 --out <folder>`.

Belongs here: arguments and messages. Does not belong here: what is made (`generator.py`).
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.generator import DELIVERIES, GeneratorError, Plan, generate


def main(arguments: list[str] | None = None) -> int:
    """Make extracts as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--orders", required=True, type=lambda text: int(float(text)), help="about how many, such as 1e6"
    )
    parser.add_argument("--seed", default=Plan.seed, type=int, help="the same seed gives the same files")
    parser.add_argument("--days", default=Plan.days, type=int, help=f"how many days, ending {Plan.last_day}")
    parser.add_argument("--delivery", default=Plan.delivery, choices=DELIVERIES, help="files of each feed")
    parser.add_argument("--name", default=Plan.name, help="name of the dataset in extracts.yml")
    parser.add_argument(
        "--memory-limit", default="70%", help="what DuckDB may use; it spills to the folder beyond that"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder for extracts/, extracts.yml and truth.json")
    options = parser.parse_args(arguments)
    plan = Plan(options.orders, options.seed, options.days, options.delivery, options.name)
    started = time.monotonic()
    try:
        truth = generate(plan, options.out, options.memory_limit)
    except GeneratorError as error:
        print(error, file=sys.stderr)
        return 2
    orders = truth["feeds"]["orders"]
    print(
        f"{orders['keys']:,} orders of {truth['customers']['records']:,} customers in {orders['files']:,} files, "
        f"{time.monotonic() - started:.1f} s: {options.out}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
