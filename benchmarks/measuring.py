"""What a command costs: seconds, processor time, memory of its whole process tree, disk.

Belongs here: running a command under observation, and reading from Dagster's history how long each step took. Does not
belong here: which commands (`run.py`), what is written about them (`report.py`).
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import psutil

from dagster_project.settings import environment_without_settings

SECONDS_BETWEEN_SAMPLES = 0.05
# Step of a run, by the beginning of its name -> what it is about. What is left of the run is start-up.
PARTS = {"load": "load", "build_": "transform", "gate_": "validate", "published": "publish"}


class CommandFailedError(Exception):
    """A measured command ended with an error; the message holds the end of what it printed."""


@dataclass(frozen=True)
class Measurement:
    """What one command took. `memory_bytes`: the most that its process tree held in memory at one time.
    `cpu_seconds`: None where they were not kept.

    `started_at` is when it began, in seconds since 1970.
    """

    seconds: float
    cpu_seconds: float | None
    memory_bytes: int
    started_at: float = 0.0


def measure(command: list[str], environment: dict[str, str], log: Path) -> Measurement:
    """Run a command to its end; its output goes to `log`. Raises CommandFailedError.

    Of the settings it has those of `environment` only: a benchmark publishes nothing where its caller does.
    """
    with log.open("wb") as output:
        started, started_at = time.monotonic(), time.time()
        process = subprocess.Popen(
            command, env={**environment_without_settings(), **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        sampler = _MemorySampler(process.pid)
        sampler.start()
        # Not process.wait(): only wait4 says what this process and the ones it waited for have used.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        sampler.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        ending = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise CommandFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{ending}")
    # Not usage.ru_maxrss: it also counts what this process, the one that forked, had in memory.
    return Measurement(seconds, usage.ru_utime + usage.ru_stime, sampler.peak_bytes, started_at)


class _MemorySampler(threading.Thread):
    """Adds up the resident memory of a process and its children, again and again, and remembers the most."""

    def __init__(self, process_id: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._process_id = process_id
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(SECONDS_BETWEEN_SAMPLES):
            self.peak_bytes = max(self.peak_bytes, _tree_bytes(self._process_id))

    def stop(self) -> None:
        self._is_over.set()
        self.join()


def _tree_bytes(process_id: int) -> int:
    total = 0
    try:
        root = psutil.Process(process_id)
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.Error:
        return total
    return total


def folder_bytes(folder: Path) -> int:
    """Size of all files under a folder; a link counts nothing."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def seconds_by_part(dagster_home: Path, total_seconds: float) -> dict[str, float]:
    """How long the newest run spent on each part, from the events of its steps; `start-up` is the rest of the total."""
    import dagster as dg

    parts = dict.fromkeys(["start-up", *PARTS.values()], 0.0)
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        (run,) = instance.get_runs(limit=1)
        for step in instance.get_run_step_stats(run.run_id):
            part = next(part for prefix, part in PARTS.items() if step.step_key.startswith(prefix))
            parts[part] += step.end_time - step.start_time
    parts["start-up"] = total_seconds - sum(parts.values())
    return parts


def fixed_seconds(dagster_home: Path, measured: Measurement) -> dict[str, float]:
    """Where the time of the newest run went, which had nothing to do; the items add up to the seconds of the whole.

    How much of them is the import of the two largest libraries is measured apart, in processes of their own.
    """
    import dagster as dg

    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        (record,) = instance.get_run_records(limit=1)
        steps = sorted(
            instance.get_run_step_stats(record.dagster_run.run_id), key=lambda step: step.start_time - step.end_time
        )
    seconds_of_steps = {f"step {step.step_key}": step.end_time - step.start_time for step in steps}
    created_at = record.create_timestamp.replace(tzinfo=UTC).timestamp()
    return {
        "interpreter, imports, definitions": created_at - measured.started_at,
        "plan of the run": record.start_time - created_at,
        **seconds_of_steps,
        "between the steps": record.end_time - record.start_time - sum(seconds_of_steps.values()),
        "report, end of the process": measured.started_at + measured.seconds - record.end_time,
    }


def import_seconds() -> dict[str, float]:
    """What the imports of the two largest libraries take; they are part of the fixed seconds."""
    imports = {
        "Dagster": "import dagster",
        "Great Expectations": "from dagster_project.quality.importing import import_great_expectations as run; run()",
    }
    seconds = {}
    for name, code in imports.items():
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds[name] = time.monotonic() - started
    return seconds
