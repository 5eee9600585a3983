"""Command line of the soak: `python -m tests.soak.run` runs everything under faults and writes RESULTS.md.

Belongs here: which parts there are, their tables, the page. Does not belong here: the faults.

Parts can be run one by one: each writes its own section of the page anew and leaves the others as they are.
"""

import argparse
import math
import os
import random
import re
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import machine
from dagster_project.settings import PROJECT_ROOT
from tests.integration.histories import empty_shop, tables_that_a_rebuild_changes
from tests.soak.crash import (
    Bases,
    Outcome,
    Scenario,
    job_scenarios,
    one_place,
    part_scenarios,
    points_of,
    run_points,
    spark_scenario,
)
from tests.soak.readers import read_during_refreshes
from tests.soak.storage import fill_and_close_disks

JOB_PLANS = {
    "daily_refresh": {"start": 2, "load": 2, "validation": 6, "dbt": 12, "publication": 4},
    "erase_customer": {"load": 4, "validation": 2, "dbt": 4, "publication": 4},
}
PART_PLANS = {
    "load alone": {"load": 28},
    "publish alone": {"publication": 24},
    "erase from lake alone": {"any": 20},
    "finish erasure alone": {"any": 20},
}
HISTORIES = 24
RESULTS = Path(__file__).with_name("RESULTS.md")
SPARK_PLAN = {"load": 1, "dbt": 8, "validation": 2, "publication": 2}
INTRODUCTION = """\
# What was done to it, and what became of it

Written by `make soak`. What each part does is told in the module of its name in this folder. *Hit* means that the work
was killed before it was done. After every fault the served release was read in full and compared with the hashes in
its `release.json`; then the work was run again, once, had to end with exit code 0, and was compared with work that
nobody disturbed: a whole job by the rows in the lake and the content hashes of the marts, a part of a job by what that
part makes (the lake, or the release), an erasure also by a search of every file for the person.
"""


@dataclass(frozen=True)
class Section:
    """A part's section of the page, and whether all that had to hold did."""

    text: str
    is_good: bool


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that are named, or all; returns 0 if everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.run", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"out of: {', '.join(PARTS)}")
    parser.add_argument(
        "--work", default=PROJECT_ROOT / "var" / "soak", type=Path, help="folder for homes and extracts"
    )
    parser.add_argument(
        "--minutes", default=math.inf, type=float, help="begin no cycle of a crash part and no history after so long"
    )
    parser.add_argument("--seed", default=1, type=int, help="the same seed chooses the same points")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.parts) - PARTS.keys())
    if unknown:
        print(f"There is no part {', '.join(unknown)}; parts are: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    os.umask(0o077)
    is_good = True
    for name in options.parts:
        folder = options.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        described, started = machine(), time.monotonic()
        until = started + options.minutes * 60
        section = PARTS[name](folder, random.Random(options.seed), until)  # noqa: S311  (chooses points, keeps no secret)
        facts = ", ".join(described[fact] for fact in ("date", "processor", "memory", "software"))
        ending = f"\n{facts}; {(time.monotonic() - started) / 60:.0f} minutes; seed {options.seed}.\n"
        write_section(RESULTS, name, section.text + ending)
        is_good = is_good and section.is_good
        if section.is_good:
            shutil.rmtree(folder)
    print(f"\n{RESULTS.read_text(encoding='utf-8')}\n{RESULTS}")
    return 0 if is_good else 1


def write_section(page: Path, name: str, text: str) -> None:
    """Put a part's section in the place of the one that the page has of it; the page need not be there."""
    _, *marked = re.split(
        r"^<!-- (\w+) -->\n", page.read_text(encoding="utf-8") if page.exists() else "", flags=re.MULTILINE
    )
    sections = dict(zip(marked[::2], marked[1::2], strict=True)) | {name: text}
    texts = [f"<!-- {part} -->\n{sections[part].strip()}\n" for part in PARTS if part in sections]
    page.write_text("\n".join([INTRODUCTION, *texts]), encoding="utf-8")


def crash_parts(folder: Path, chance: random.Random, until: float) -> Section:
    """Parts of a job, called alone, killed at many points."""
    scenarios = part_scenarios(Bases(folder), PART_PLANS)
    return crash_section("Crash: parts of a job, each in a process of its own", scenarios, folder, chance, until)


def crash_jobs(folder: Path, chance: random.Random, until: float) -> Section:
    """Whole jobs as the command line runs them, killed at many points."""
    scenarios = job_scenarios(Bases(folder), JOB_PLANS)
    return crash_section("Crash: whole jobs", scenarios, folder, chance, until)


def crash_spark(folder: Path, chance: random.Random, until: float) -> Section:
    """The daily refresh on Spark, killed with its Java process at some points; a cycle takes several minutes."""
    scenario = spark_scenario(folder, SPARK_PLAN)
    return crash_section("Crash: the daily refresh on Spark", [scenario], folder, chance, until, in_turn=True)


def crash_section(
    title: str, scenarios: list[Scenario], folder: Path, chance: random.Random, until: float, *, in_turn: bool = False
) -> Section:
    """Kill at the points of the scenarios; the table has a row for each work, stage and kind of moment."""
    listing = one_place(folder) if in_turn else folder / "listing"
    points = [point for scenario in scenarios for point in points_of(scenario, listing, chance)]
    # In any order, so that a run that is out of time has met every stage.
    chance.shuffle(points)
    outcomes = run_points(points, folder, _tell, until, in_turn=in_turn)
    groups: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.point.scenario.name, outcome.point.stage)):
        groups[outcome.point.scenario.name, outcome.point.stage, outcome.point.moment].append(outcome)
    groups["all", "", ""] = outcomes
    rows = [
        [
            *key,
            len(group),
            sum(outcome.is_hit for outcome in group),
            sum(outcome.is_hit and not outcome.problem for outcome in group),
            sum(outcome.rows_lost for outcome in group),
            sum(outcome.reads_failed for outcome in group),
        ]
        for key, group in groups.items()
    ]
    header = ["work", "stage", "SIGKILL at", "faults", "hit", "right afterwards", "rows lost or twice", "reads failed"]
    problems = [outcome for outcome in outcomes if outcome.problem]
    lines = [
        f"- {outcome.point.scenario.name}, {outcome.point.stage}, {outcome.where}: {outcome.problem[:300]}"
        for outcome in problems
    ]
    text = "\n".join(
        [f"## {title}\n", table(header, rows), *(["", "What did not hold:", "", *lines] if lines else []), ""]
    )
    return Section(text, not problems)


def storage(folder: Path, _chance: random.Random, _until: float) -> Section:
    """A disk that is full or read-only."""
    outcomes = fill_and_close_disks(folder, _tell)
    if isinstance(outcomes, str):
        return Section(f"## Full and read-only disks\n\nNot run: {outcomes}\n", is_good=True)
    header = ["fault", "exit code", "message", "old release served", "same figures after the next run"]
    rows = [[o.fault, o.exit_code, o.message, _yes(o.is_served), _yes(o.is_same)] for o in outcomes]
    text = f"## Full and read-only disks\n\n{table(header, rows)}\n"
    return Section(text, all(outcome.is_good for outcome in outcomes))


def readers(folder: Path, _chance: random.Random, _until: float) -> Section:
    """Readers in a loop while refreshes go on."""
    facts = read_during_refreshes(folder, _tell)
    lines = "\n".join(f"- {name}: {value}" for name, value in facts.figures.items())
    return Section(f"## Readers during refreshes\n\n{lines}\n", facts.is_good)


def histories(folder: Path, chance: random.Random, until: float) -> Section:
    """Drawn histories, each refreshed delivery by delivery and compared with a rebuild, table by table."""
    differing = {}
    while len(differing) < HISTORIES and time.monotonic() < until:
        seed = chance.randrange(1_000_000)
        home = folder / str(seed)
        differing[seed] = tables_that_a_rebuild_changes(empty_shop(home, seed=seed), seed)
        _tell(f"history {len(differing)} of {HISTORIES}, seed {seed}: {differing[seed] or 'all tables are equal'}")
        if not differing[seed]:
            shutil.rmtree(home)
    problems = [f"- seed {seed}: {tables}" for seed, tables in differing.items() if tables]
    equal = len(differing) - len(problems)
    text = f"Histories drawn: {len(differing)}. Every table was that of a rebuild, row for row: after {equal} of them."
    return Section("\n".join(["## Refreshes and rebuilds\n", text, *problems, ""]), not problems)


def table(header: list[str], rows: list[list[object]]) -> str:
    """A table of the page."""
    lines = [header, ["--"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _yes(is_so: bool) -> str:  # noqa: FBT001
    return "yes" if is_so else "**no**"


def _tell(line: str) -> None:
    print(line, flush=True)


PARTS: dict[str, Callable[[Path, random.Random, float], Section]] = {
    "crash_parts": crash_parts,
    "crash_jobs": crash_jobs,
    "crash_spark": crash_spark,
    "storage": storage,
    "readers": readers,
    "histories": histories,
}

if __name__ == "__main__":
    sys.exit(main())
