"""SIGKILL at many points of a job, and what holds afterwards.

Belongs here: the places to start from, the points, one cycle of killing, checking and running again. Does not belong
here: how a child is killed (`children`, `watch`), what must hold (`checks`).

A cycle copies a place, starts the work, kills it, reads the served release, runs the work again and compares figures
and lake with a run that nobody disturbed. Every part of a job is met in two ways: by the job itself as the command line
runs it, and, where a part can be called alone, by that part alone, which is cheap and so gives many points.
"""

import math
import os
import random
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.generator import Plan, generate
from dagster_project.erasing.erasure import audit_path
from dagster_project.erasing.pending import read_pending
from dagster_project.erasing.tokens import read_salt
from dagster_project.publishing.releases import READER_GRACE_SECONDS, list_releases
from dagster_project.sql_text import quote_literal
from tests.integration.engines import FOR_FEW_ROWS, short_lived_spark
from tests.searching import files_naming
from tests.soak.checks import State, check_lake, check_release, rows_missing, state_of
from tests.soak.children import Child, Place, run
from tests.soak.watch import Fault, stages_of

DATASET = "soak"
# The deliveries that come later: a month that was late, so that published figures change, and the last day.
LATER = ("2026-04-30", "2026-10-31")
KILLED = -9
LONGEST_DELAY_SECONDS = 0.3
AT_ONCE = 2
# Where a job is killed so that one part of it is left to do.
BEFORE_PUBLISHING = Fault(function="dagster_project.defs.release:_publish")
BEFORE_FINISHING_ERASURE = Fault(function="dagster_project.defs.release:finish_erasures")
KEEP_ONE = {"RELEASES_TO_KEEP": "1"}


@dataclass(frozen=True)
class Person:
    """Somebody of the base extracts. `markers` name nobody else."""

    customer_id: str
    markers: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """A piece of work, the place it starts from, and what must hold when it was done again.

    `check` raises AssertionError and returns how many rows are missing. `plan`: by stage, how many points.
    """

    name: str
    base: Place
    work: tuple[str, ...]
    plan: dict[str, int]
    check: Callable[[Place], int]
    environment: dict[str, str]


@dataclass(frozen=True)
class Point:
    """One fault of a scenario: right before a named event, or at a random moment after it."""

    scenario: Scenario
    stage: str
    fault: Fault

    @property
    def moment(self) -> str:
        """The words for it."""
        return "named point" if self.fault.seconds_later is None else "random moment"


@dataclass(frozen=True)
class Outcome:
    """What became of a point. `problem` is empty where all held; `is_hit`: the work was killed before it was done."""

    point: Point
    where: str
    is_hit: bool
    problem: str = ""
    rows_lost: int = 0
    reads_failed: int = 0


class Bases:
    """The places that cycles start from, each made once, and what undisturbed work makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refreshed = make_base(folder / "base")
        self.person = find_person(self.refreshed)

    def with_new_files(self) -> Place:
        """A served release, and new extract files."""
        place = copied(self.refreshed, self.folder / "with_new_files")
        deliver(place)
        return place

    def built(self) -> Place:
        """The new files are built and checked, and not published yet; older releases may be cleared away."""
        place = copied(self.refreshed, self.folder / "built")
        for _ in range(2):
            must_be(run(place, "publish"), 0)
        for release in list_releases(place.settings):
            before = time.time() - 2 * READER_GRACE_SECONDS
            os.utime(release.path, (before, before))
        deliver(place)
        must_be(run(place, "job", "run", "daily_refresh", fault=BEFORE_PUBLISHING), KILLED)
        return place

    def erased(self) -> Place:
        """A person is erased from the lake, and a release without them is served; older releases still name them."""
        place = copied(self.refreshed, self.folder / "erased")
        erase = run(place, *ERASE_JOB, environment=self.erasing, fault=BEFORE_FINISHING_ERASURE)
        must_be(erase, KILLED)
        return place

    @property
    def erasing(self) -> dict[str, str]:
        """The variable that names who is to be erased."""
        return {"ERASE_CUSTOMER_ID": self.person.customer_id}


ERASE_JOB = ("job", "run", "erase_customer")
REFRESH_JOB = ("job", "run", "daily_refresh")


def make_base(folder: Path, later: tuple[str, ...] = LATER, environment: dict[str, str] | None = None) -> Place:
    """A served release of small generated extracts; the files of days that come later lie in the folder `later`."""
    place = Place(folder)
    generate(Plan(1500, 1, 400, "history_and_day", DATASET), folder, "1GB")
    for path in [path for day in later for path in place.extracts.glob(f"*/{day}.*")]:
        target = folder / "later" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    must_be(run(place, *REFRESH_JOB, environment=environment), 0)
    # Made now, so that an erasure gives the same tokens in every copy.
    read_salt(place.settings)
    return place


def deliver(place: Place) -> None:
    """The later files arrive."""
    shutil.copytree(place.folder / "later", place.extracts, dirs_exist_ok=True)


def copied(place: Place, folder: Path) -> Place:
    """The same place again, without what its children said."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("*.log", "*.events"))
    return Place(folder)


def must_be(child: Child, exit_code: int) -> None:
    """Raise AssertionError with what the child said, unless it ended so."""
    if child.process.exitcode != exit_code:
        raise AssertionError(f"exit code {child.process.exitcode}, not {exit_code}:\n{child.output()[-3000:]}")


def find_person(place: Place) -> Person:
    """A customer with orders and contacts, by whom a search cannot find anybody else."""
    raw = place.settings.raw_dir
    with duckdb.connect() as connection:
        customer_id, email = connection.execute(
            f"select customer_id, email from read_parquet({quote_literal(raw / 'crm_customers' / '*.parquet')}) "
            f"semi join read_parquet({quote_literal(raw / 'orders' / '*.parquet')}) as orders using (customer_id) "
            "where email is not null group by all order by customer_id limit 1"
        ).fetchall()[0]
    return Person(customer_id, (customer_id, email))


def job_scenarios(bases: Bases, plans: dict[str, dict[str, int]]) -> list[Scenario]:
    """The jobs as the command line runs them."""
    base = bases.with_new_files()
    undisturbed = copied(base, bases.folder / "refresh_undisturbed")
    must_be(run(undisturbed, *REFRESH_JOB), 0)
    expected = state_of(undisturbed.settings, DATASET)
    erased = copied(bases.refreshed, bases.folder / "erase_undisturbed")
    must_be(run(erased, *ERASE_JOB, environment=bases.erasing), 0)
    figures_erased = check_release(erased.settings)
    return [
        Scenario(
            "daily_refresh", base, REFRESH_JOB, plans["daily_refresh"], lambda place: as_expected(place, expected), {}
        ),
        Scenario(
            "erase_customer",
            bases.refreshed,
            ERASE_JOB,
            plans["erase_customer"],
            lambda place: is_erased(place, bases.person) + same_figures(place, figures_erased),
            bases.erasing,
        ),
    ]


def spark_scenario(folder: Path, plan: dict[str, int]) -> Scenario:
    """The daily refresh on Spark.

    Spark's catalogue names its tables by full paths, so that every cycle happens in the folder that the base was made
    in: see the argument `in_turn` of run_points.
    """
    on_spark = {"DBT_TARGET": "spark", **short_lived_spark(folder, FOR_FEW_ROWS)}
    cycle = one_place(folder)
    base = Place(make_base(cycle, environment=on_spark).folder.rename(folder / "with_new_files"))
    deliver(base)
    undisturbed = copied(base, cycle)
    must_be(run(undisturbed, *REFRESH_JOB, environment=on_spark), 0)
    expected = state_of(undisturbed.settings, DATASET)
    return Scenario(
        "daily_refresh on Spark", base, REFRESH_JOB, plan, lambda place: as_expected(place, expected), on_spark
    )


def one_place(folder: Path) -> Path:
    """Where cycles happen that have to happen in the same folder."""
    return folder / "cycle"


def part_scenarios(bases: Bases, plans: dict[str, dict[str, int]]) -> list[Scenario]:
    """Parts of a job, called alone."""
    new_files = bases.with_new_files()
    loaded = copied(new_files, bases.folder / "load_undisturbed")
    must_be(run(loaded, "load"), 0)
    lake = check_lake(loaded.settings, DATASET)
    built = bases.built()
    published = copied(built, bases.folder / "publish_undisturbed")
    must_be(run(published, "publish"), 0)
    figures = check_release(published.settings)
    erase = ("erase", bases.person.customer_id)
    erased = copied(bases.refreshed, bases.folder / "erase_lake_undisturbed")
    must_be(run(erased, *erase), 0)
    lake_erased = check_lake(erased.settings, DATASET)
    pending = bases.erased()
    return [
        Scenario("load alone", new_files, ("load",), plans["load alone"], lambda place: same_lake(place, lake), {}),
        Scenario(
            "publish alone",
            built,
            ("publish",),
            plans["publish alone"],
            lambda place: same_figures(place, figures),
            KEEP_ONE,
        ),
        Scenario(
            "erase from lake alone",
            bases.refreshed,
            erase,
            plans["erase from lake alone"],
            lambda place: same_lake(place, lake_erased) + lake_is_clean(place, bases.person),
            {},
        ),
        Scenario(
            "finish erasure alone",
            pending,
            ("publish",),
            plans["finish erasure alone"],
            lambda place: is_erased(place, bases.person),
            {},
        ),
    ]


def as_expected(place: Place, expected: State) -> int:
    """Figures and lake are those of undisturbed work; returns the rows missing (0, or it raises)."""
    return same_lake(place, expected.lake) + same_figures(place, expected.figures)


def same_lake(place: Place, expected: dict[str, tuple[int, str]]) -> int:
    """The lake is that of undisturbed work, row by row; returns the rows missing."""
    lake = check_lake(place.settings, DATASET)
    missing = rows_missing(expected, lake)
    if lake != expected and not missing:
        raise AssertionError("the lake has the rows of undisturbed work with other contents")
    return missing


def same_figures(place: Place, expected: dict[str, str]) -> int:
    """The figures that are served are those of undisturbed work, and no release is half there."""
    figures = check_release(place.settings)
    others = sorted(name for name in figures.keys() | expected.keys() if figures.get(name) != expected.get(name))
    if others:
        raise AssertionError(f"other figures than undisturbed work: {', '.join(others)}")
    kept = {release.path for release in list_releases(place.settings)}
    strange = set((place.settings.published_dir / "releases").iterdir()) - kept
    if strange:
        raise AssertionError(f"neither a release nor removed: {sorted(strange)}")
    for path in kept:
        check_release(place.settings, path)
    return 0


def lake_is_clean(place: Place, person: Person) -> int:
    """Nothing in the lake names the person but the note of what is still to do."""
    pending = place.settings.lake_dir / "erasures_pending"
    found = [path for path in files_naming(place.settings.lake_dir, person.markers) if path.parent != pending]
    if found:
        raise AssertionError(f"the erased person is named in {found}")
    return 0


def is_erased(place: Place, person: Person) -> int:
    """Nothing in the home names the person, the audit says so once, and nothing is left to do."""
    found = files_naming(place.home, person.markers)
    if found:
        raise AssertionError(f"the erased person is named in {found}")
    lines = audit_path(place.settings).read_text(encoding="utf-8").splitlines()
    if len(lines) != 1 or read_pending(place.settings):
        raise AssertionError(f"{len(lines)} audit lines, {len(read_pending(place.settings))} erasures pending")
    check_lake(place.settings, DATASET)
    check_release(place.settings)
    return 0


def points_of(scenario: Scenario, folder: Path, chance: random.Random) -> list[Point]:
    """The points of a scenario: for each stage as many as planned, every other one at a random moment."""
    listing = run(copied(scenario.base, folder), *scenario.work, environment=scenario.environment, fault=Fault())
    must_be(listing, 0)
    stages = stages_of(listing.events())
    points = []
    for stage, count in scenario.plan.items():
        events = [number for number, name in enumerate(stages, start=1) if stage in (name, "any")]
        # One out of each of equal stretches, so that the points are spread over the stage.
        for index in range(count):
            low, high = len(events) * index // count, max(len(events) * (index + 1) // count, 1)
            event = chance.choice(events[low:high] or events)
            delay = round(chance.uniform(0.0, LONGEST_DELAY_SECONDS), 3) if index % 2 else None
            points.append(Point(scenario, stage, Fault(event, delay)))
    return points


def run_points(
    points: Iterable[Point],
    folder: Path,
    tell: Callable[[str], None],
    until: float = math.inf,
    *,
    in_turn: bool = False,
) -> list[Outcome]:
    """One cycle a point, AT_ONCE at a time; none is begun after `until`, a moment of the monotonic clock.

    `in_turn`: one after the other, all in the same folder.
    """

    def cycle(numbered: tuple[int, Point]) -> Outcome | None:
        if time.monotonic() > until:
            return None
        number, point = numbered
        outcome = one_cycle(point, one_place(folder) if in_turn else folder / f"cycle{number}")
        if in_turn and outcome.problem:
            one_place(folder).rename(folder / f"cycle{number}")
        state = ("" if outcome.is_hit else "not hit, ") + (outcome.problem or "ok")
        tell(f"{number:4} {point.scenario.name}, {point.stage}, {point.moment}: {state}  [{outcome.where}]")
        return outcome

    with ThreadPoolExecutor(1 if in_turn else AT_ONCE) as pool:
        return [outcome for outcome in pool.map(cycle, enumerate(points, start=1)) if outcome is not None]


def one_cycle(point: Point, folder: Path) -> Outcome:
    """Kill, look, run again, compare. The folder stays where something did not hold."""
    scenario = point.scenario
    place = copied(scenario.base, folder)
    figures_before = check_release(place.settings)
    child = run(place, *scenario.work, environment=scenario.environment, fault=point.fault)
    events = child.events()
    where = events[-1] if events else "before the first event"
    is_hit = child.process.exitcode == KILLED
    try:
        if not is_hit:
            must_be(child, 0)
        try:
            figures = check_release(place.settings)
        except (AssertionError, OSError, duckdb.Error) as error:
            return Outcome(point, where, is_hit, f"a reader failed: {error}", reads_failed=1)
        again = run(place, *scenario.work, environment=scenario.environment)
        must_be(again, 0)
        rows_lost = scenario.check(place)
        if rows_lost:
            return Outcome(point, where, is_hit, f"{rows_lost} rows lost or twice", rows_lost=rows_lost)
        if figures not in (figures_before, check_release(place.settings)):
            return Outcome(point, where, is_hit, "after the kill readers saw neither the old nor the new release")
    except Exception as error:  # noqa: BLE001 - whatever does not hold is an outcome, and the other points go on
        return Outcome(point, where, is_hit, f"{type(error).__name__}: {error}")
    shutil.rmtree(folder)
    return Outcome(point, where, is_hit)
