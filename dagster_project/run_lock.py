"""One run at a time writes in a warehouse home.

Belongs here: taking, confirming and giving back the writer lock; waiting for one's turn with what is made once.
Does not belong here: what is done while a lock is held.

Each lock is an advisory lock of the operating system on one file. The kernel gives it back when its process ends,
however it ends, so a killed run never leaves a lock behind. The file of the writer lock also says who holds it, for the
message to whoever comes second.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.settings import Settings


class WriterLockError(Exception):
    """The lock is held by another run, or was lost; the message says by whom and what to do."""


@dataclass(frozen=True)
class WriterLock:
    """The lock as held by this run."""

    path: Path
    descriptor: int
    run_id: str

    def confirm(self) -> None:
        """Raise WriterLockError unless this run is still the one writer of the home."""
        if not _is_same_file(self.path, self.descriptor) or _read_owner(self.path).get("run_id") != self.run_id:
            raise WriterLockError(
                f"Run {self.run_id} no longer holds {self.path}: somebody removed or replaced the file. "
                "Nothing was published. Start the job again, and leave that file alone while a run is going on."
            )


@contextmanager
def hold_writer_lock(settings: Settings, run_id: str, job_name: str) -> Iterator[WriterLock]:
    """Be the only writer of the warehouse home inside the block. Raises WriterLockError at once if another run is."""
    path = settings.writer_lock_path
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _open_locked(path)
    try:
        owner = {
            "run_id": run_id,
            "job": job_name,
            "pid": os.getpid(),
            "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        yield WriterLock(path, descriptor, run_id)
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def wait_for_turn(path: Path) -> Iterator[None]:
    """Be alone among the processes that come here with this path; the others wait. For seconds, not for a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open_locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise WriterLockError(_held_message(path)) from None
        # The file may have been removed between opening and locking; a lock on a removed file protects nothing.
        if _is_same_file(path, descriptor):
            return descriptor
        os.close(descriptor)


def _held_message(path: Path) -> str:
    owner = _read_owner(path)
    holder = (
        f"job {owner['job']}, run {owner['run_id']}, process {owner['pid']}, since {owner['since']} UTC"
        if owner
        else "a run that has only just started"
    )
    return (
        f"Another run is writing in {path.parent}: {holder}. "
        "Only one run writes at a time. Wait until it has ended, then start this one again."
    )


def _read_owner(path: Path) -> dict[str, object]:
    try:
        return json.loads(path.read_text() or "{}")
    except (OSError, ValueError):
        return {}


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
