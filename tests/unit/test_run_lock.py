"""The writer lock: one run at a time, given back however a run ends."""

import os
import signal
import subprocess
import sys

import pytest

from dagster_project.run_lock import WriterLockError, hold_writer_lock, wait_for_turn
from dagster_project.settings import PROJECT_ROOT, Settings

HOLD_FOREVER = """
import sys, time
from dagster_project.run_lock import hold_writer_lock
from dagster_project.settings import load_settings
with hold_writer_lock(load_settings({"WAREHOUSE_HOME": sys.argv[1]}), "run-one", "daily_refresh"):
    print("held", flush=True)
    time.sleep(60)
"""


def take_lock(settings: Settings) -> None:
    with hold_writer_lock(settings, "run-two", "full_rebuild"):
        pass


def test_a_second_run_is_told_who_writes_and_a_killed_one_leaves_no_lock(settings: Settings) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_FOREVER, str(settings.warehouse_home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(WriterLockError, match=rf"job daily_refresh, run run-one, process {holder.pid}, since"):
        take_lock(settings)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with hold_writer_lock(settings, "run-two", "full_rebuild") as lock:
        lock.confirm()


def test_the_same_process_cannot_take_it_twice(settings: Settings) -> None:
    with hold_writer_lock(settings, "one", "daily_refresh"), pytest.raises(WriterLockError, match="run one"):
        take_lock(settings)


def test_a_removed_lock_file_is_noticed_before_publishing(settings: Settings) -> None:
    with hold_writer_lock(settings, "one", "daily_refresh") as lock:
        settings.writer_lock_path.unlink()
        with pytest.raises(WriterLockError, match="no longer holds"):
            lock.confirm()


def test_what_is_made_once_is_made_by_one_process_after_the_other(settings: Settings) -> None:
    path = settings.warehouse_home / "parse.lock"
    waiting = "import sys; from pathlib import Path; from dagster_project.run_lock import wait_for_turn\n"
    waiting += "with wait_for_turn(Path(sys.argv[1])): print('my turn', flush=True)"
    with wait_for_turn(path):
        second = subprocess.Popen(
            [sys.executable, "-c", waiting, path], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
        )
        with pytest.raises(subprocess.TimeoutExpired):
            second.communicate(timeout=1)
    assert second.communicate(timeout=60)[0] == "my turn\n"
