"""Files that are there whole or not at all, also after a crash or a power cut.

Belongs here: temporary name, fsync, rename, folder fsync, tight file modes. Does not belong here: what is in the files.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"
# No pattern that looks for files of a kind (*.parquet, *.json) may find half a one that a kill has left.
TEMPORARY_SUFFIX = ".unfinished"


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, readable by the owner alone."""
    for parent in reversed((folder, *folder.parents)):
        # One by one: `parents=True` would give the parents the mode of the user's umask.
        if not parent.is_dir():
            parent.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """A folder for temporary copies, readable by the owner alone; what a killed run left in it is removed."""
    folder = parent / "work"
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield Path(tempfile.mkdtemp(dir=folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish_file(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `target`, make it durable, then give it its name.

    A reader sees the old file or the new one. If `write` raises, the temporary file is removed and nothing has changed.
    The temporary name does not tell the format, so `write` has to.
    """
    make_folder(target.parent)
    temporary = target.parent / f"{TEMPORARY_PREFIX}{target.name}{TEMPORARY_SUFFIX}"
    # Where a kill has left one the engine would write to yet another file first, of a name that nobody knows.
    temporary.unlink(missing_ok=True)
    try:
        write(temporary)
        temporary.chmod(0o600)
        sync(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync(target.parent)


def remove_unfinished(folder: Path) -> None:
    """Remove what `publish_file` has left in a folder where it was killed. Nobody else may be writing there.

    What belongs to somebody else, in a folder for all, stays.
    """
    for leftover in folder.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}"):
        with suppress(PermissionError):
            remove_file(leftover)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there, durably."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 to a new file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def append_line(path: Path, line: dict) -> None:
    """Add one line of JSON to a log that only its owner may read; also on a full disk it is there whole or not at all.

    The log is written anew each time: it grows by a line for what a person did, so it stays small.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    text = before + json.dumps(line, ensure_ascii=False) + "\n"
    publish_file(path, lambda temporary: write_text(temporary, text))


def sync(path: Path) -> None:
    """Make sure that what was written to a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
