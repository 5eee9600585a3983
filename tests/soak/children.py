"""Work in child processes of their own, which can be killed at a point that is named beforehand.

Belongs here: starting the real command line, or one part of a job, in a child; killing it. Does not belong here: what
must hold afterwards (`checks`), which points are chosen (`crash`).

A child is forked from a server that has imported everything once, so a run costs no imports; on Spark it starts from
nothing. A watch may kill it (`watch`).
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from dagster_project.settings import Settings, load_settings
from tests.soak.watch import Fault, Watch

# Imported once by the server; what is missing here is imported by each child.
PRELOADED = (
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "tests.soak.great_expectations_alone",
    "dagster_project.__main__",
    "dagster_project.definitions",
    "dagster_project.job_runner",
    "dagster_project.defs.gates",
    "dagster_project.defs.jobs",
    "dagster_project.defs.layers",
    "dagster_project.defs.release",
    "dagster_project.defs.raw",
    "dagster_project.quality.gates",
    "expectations.raw",
    "expectations.staging",
    "expectations.intermediate",
    "expectations.marts",
    "tests.soak.children",
)
LONGEST_WORK_SECONDS = 900


@dataclass(frozen=True)
class Place:
    """A folder with a warehouse home, extracts and their mapping."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def extracts(self) -> Path:
        return self.folder / "extracts"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "WAREHOUSE_HOME": str(self.home),
            "EXTRACTS_DIR": str(self.extracts),
            "EXTRACTS_CONFIG": str(self.folder / "extracts.yml"),
        }

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)


@dataclass
class Child:
    """A child at work. `log` holds all it said; `notes` what its watch wrote."""

    process: BaseProcess
    log: Path
    notes: Path

    def wait(self, seconds: float = LONGEST_WORK_SECONDS) -> int:
        """The exit code, negative for a signal. A child that does not end is killed, which is a TimeoutError."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.kill()
            raise TimeoutError(f"not finished after {seconds} s: {self.log}")
        return self.process.exitcode

    def kill(self) -> None:
        """SIGKILL to the whole process group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()

    def output(self) -> str:
        """All that it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def events(self) -> list[str]:
        """The events of its watch, in order: kind and what it was about."""
        return [json.loads(line) for line in self.notes.read_text(encoding="utf-8").splitlines()]


@cache
def server() -> ForkServerContext:
    """The context whose children are forked from a process that has imported everything."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "true"
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def start(
    place: Place, work: str, *arguments: str, fault: Fault | None = None, environment: dict[str, str] | None = None
) -> Child:
    """Start a child; `work` is a key of WORKS. A fault of `Fault()` only lists the events."""
    name = f"{work}-{time.time_ns()}"
    child = Child(None, place.folder / f"{name}.log", place.folder / f"{name}.events")
    environment = {**place.environment, **(environment or {})}
    # The server has imported Great Expectations without Spark, and it cannot be given it later.
    context = multiprocessing.get_context("spawn") if environment.get("DBT_TARGET") == "spark" else server()
    child.process = context.Process(
        target=_run, args=(place, work, arguments, fault, environment, child.log, child.notes)
    )
    child.process.start()
    return child


def run(place: Place, work: str, *arguments: str, **options: object) -> Child:
    """The same, and wait for its end."""
    child = start(place, work, *arguments, **options)
    child.wait()
    return child


def _run(
    place: Place,
    work: str,
    arguments: tuple[str, ...],
    fault: Fault | None,
    environment: dict[str, str],
    log: Path,
    notes: Path,
) -> None:
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    if fault is not None:
        Watch(place.home, fault, notes).begin()
    sys.exit(WORKS[work](place, *arguments))


def _job(_place: Place, *arguments: str) -> int:
    """The command line, as `python -m dagster_project` has it."""
    from dagster_project.__main__ import main

    return main(list(arguments))


def _load(place: Place) -> int:
    """The load step's work alone."""
    from dagster_project.loading.loader import load_extracts
    from dagster_project.loading.mapping import load_config

    load_extracts(place.settings, load_config(place.settings.extracts_config), print)
    return 0


def _publish(place: Place) -> int:
    """The release step's work alone: publish what is built, then finish erasures that wait for it."""
    from dagster_project.defs import release
    from dagster_project.defs.session import RunSession
    from dagster_project.loading.mapping import load_config
    from dagster_project.run_lock import hold_writer_lock

    settings, run_id = place.settings, f"{time.time_ns():x}"[-8:]
    with hold_writer_lock(settings, run_id, "publish") as lock:
        config = load_config(settings.extracts_config)
        session = RunSession(settings, config, run_id, lock, must_rebuild=False, must_replay=False)
        release._publish(session)
        release.finish_erasures(settings)
    return 0


def _erase(place: Place, customer_id: str) -> int:
    """What erase_customer does before it builds: note the person, rewrite the lake, remove the warehouse."""
    from dagster_project.erasing.erasure import begin_erasure, erase_from_sources
    from dagster_project.loading.mapping import load_config

    config = load_config(place.settings.extracts_config)
    begin_erasure(place.settings, config, customer_id)
    erase_from_sources(place.settings, config)
    return 0


WORKS: dict[str, Callable[..., int]] = {"job": _job, "load": _load, "publish": _publish, "erase": _erase}
