"""A home on a disk that is full, or read-only.

Belongs here: small file systems in memory, and what a run on them must say. Does not belong here: what must hold later.
Only root may mount; otherwise nothing is run, and the reason is told. Root may write everywhere, so a folder without
the right to write is met as a mount that is read-only.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.soak.checks import check_release, state_of
from tests.soak.children import Child, Place, run
from tests.soak.crash import DATASET, REFRESH_JOB, copied, deliver, make_base, must_be

ROOMY_KILOBYTES = 500_000
# What is free when the run begins. It needs about 20 MB, so each of these stops it at another place.
KILOBYTES_FREE = (64, 1_500, 6_000, 12_000, 20_000)
READ_ONLY_FOLDERS = ("", "lake", "published", "dagster")
LONGEST_MESSAGE = 160


@dataclass(frozen=True)
class StorageOutcome:
    """What a run said on a bad disk; `is_same`: the next one, on a good disk, gave the figures of undisturbed work."""

    fault: str
    exit_code: int
    message: str
    has_traceback: bool
    is_served: bool
    is_same: bool

    @property
    def is_good(self) -> bool:
        return self.exit_code == 1 and not self.has_traceback and self.is_served and self.is_same


def why_not() -> str | None:
    """Why small file systems cannot be made here; None where they can."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        return "only root may mount a small file system"
    return None


def fill_and_close_disks(folder: Path, tell: Callable[[str], None]) -> list[StorageOutcome] | str:
    """Run the job on every bad disk; a text says why it could not be tried at all."""
    reason = why_not()
    if reason:
        return reason
    base = make_base(folder / "base")
    deliver(base)
    undisturbed = copied(base, folder / "undisturbed")
    must_be(run(undisturbed, *REFRESH_JOB), 0)
    expected = state_of(undisturbed.settings, DATASET)
    outcomes = []
    for free in KILOBYTES_FREE:
        with small_disk(copied(base, folder / f"free{free}"), free) as place:
            outcome = run_on_bad_disk(place, f"{free} kB free", lambda: resize(place, ROOMY_KILOBYTES), expected)
        outcomes.append(outcome)
        tell(str(outcome))
    for name in READ_ONLY_FOLDERS:
        place = copied(base, folder / f"closed_{name}")
        with read_only(place.home / name):
            outcomes.append(run_on_bad_disk(place, f"{name or 'home'} read-only", lambda: None, None))
        is_same = run(place, *REFRESH_JOB).process.exitcode == 0 and state_of(place.settings, DATASET) == expected
        outcomes[-1] = StorageOutcome(**{**outcomes[-1].__dict__, "is_same": is_same})
        tell(str(outcomes[-1]))
    return outcomes


def run_on_bad_disk(place: Place, fault: str, mend: Callable[[], None], expected: object) -> StorageOutcome:
    """One run that has to fail in plain words, and, where `expected` is given, one after `mend` that has to succeed."""
    before = check_release(place.settings)
    child = run(place, *REFRESH_JOB)
    is_served = check_release(place.settings) == before
    is_same = False
    if expected is not None:
        mend()
        is_same = run(place, *REFRESH_JOB).process.exitcode == 0 and state_of(place.settings, DATASET) == expected
    output = child.output()
    return StorageOutcome(fault, child.process.exitcode, message_of(child), "Traceback" in output, is_served, is_same)


def message_of(child: Child) -> str:
    """The line that says what was wrong with the disk."""
    words = ("No space left", "is full", "Read-only", "readonly", "disk I/O", "unable to open")
    lines = [line.strip() for line in child.output().splitlines() if any(word in line for word in words)]
    return lines[0].replace(str(child.log.parent), "...")[:LONGEST_MESSAGE] if lines else "(none about the disk)"


@contextmanager
def small_disk(place: Place, kilobytes_free: int) -> Iterator[Place]:
    """The place with its home on a file system of its own that has this much room left."""
    stored = place.home.rename(place.folder / "stored")
    place.home.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={ROOMY_KILOBYTES}k,mode=700", "tmpfs", str(place.home))
    try:
        shutil.copytree(stored, place.home, symlinks=True, dirs_exist_ok=True)
        status = os.statvfs(place.home)
        resize(place, (status.f_blocks - status.f_bfree) * status.f_frsize // 1024 + kilobytes_free)
        yield place
    finally:
        _run("umount", str(place.home))


def resize(place: Place, kilobytes: int) -> None:
    """Give the file system of the home another size."""
    _run("mount", "-o", f"remount,size={kilobytes}k", str(place.home))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody, not even root, can change anything under the folder."""
    _run("mount", "--bind", str(folder), str(folder))
    try:
        _run("mount", "-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _run("umount", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
