"""The bare baseline: the headline marts from the generator's files in one plain DuckDB script, without framework.

Every row and column of them: all grains, activity definitions, segments, surveys and methods of lifetime value.

Belongs here: running `baseline_sql/` and writing its marts. Does not belong here: anything of the pipeline; not a line
is shared with it, so that both can be compared, in figures and in seconds.
"""

import argparse
import time
from pathlib import Path

import duckdb

from benchmarks.agreement import KEYS

SQL_DIR = Path(__file__).with_name("baseline_sql")
# What its engine may take. The pipeline, when both are compared, may take as much.
MEMORY_LIMIT = "4GB"
# Beyond some size it needs more than the pipeline, which is given no more.
MEMORY_LIMIT_OF_LARGE_SIZES = "70%"


def run_baseline(extracts: Path, out: Path, memory_limit: str = MEMORY_LIMIT) -> None:
    """Compute the marts from the folder of extracts and write `<mart>.parquet` for each under `out`.

    Raises duckdb.Error where a file is not as the generator writes it.
    """
    out.mkdir(parents=True, exist_ok=True)
    config = {"memory_limit": memory_limit, "temp_directory": str(out / "spill")}
    with duckdb.connect(config=config) as connection:
        connection.execute("set variable extracts = $extracts", {"extracts": str(extracts)})
        for script in sorted(SQL_DIR.glob("*.sql")):
            connection.execute(script.read_text(encoding="utf-8"))
        for mart in KEYS:
            connection.table(mart).write_parquet(str(out / f"{mart}.parquet"))


def main() -> None:
    """Command line: `python -m benchmarks.baseline --extracts <folder> --out <folder>`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baseline", description=__doc__.splitlines()[0])
    parser.add_argument("--extracts", required=True, type=Path, help="the folder `extracts/` that the generator wrote")
    parser.add_argument("--out", required=True, type=Path, help="folder for the marts")
    parser.add_argument("--memory-limit", default=MEMORY_LIMIT, help="what DuckDB may use; it spills beyond that")
    options = parser.parse_args()
    started = time.monotonic()
    run_baseline(options.extracts, options.out, options.memory_limit)
    print(f"{len(KEYS)} marts in {time.monotonic() - started:.1f} s: {options.out}")


if __name__ == "__main__":
    main()
