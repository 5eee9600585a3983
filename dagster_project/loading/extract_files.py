"""Finding extract files, and telling one content from another.

Belongs here: patterns, links that leave the folder, content hashes, files that change while they are read. Does not
belong here: what is in the files (`landing`).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dagster_project.loading.mapping import Source
from dagster_project.loading.refusals import FileRefusedError


@dataclass(frozen=True)
class ExtractFile:
    """A file that a source names. `name` is relative to the extracts folder, with slashes."""

    path: Path
    name: str


@dataclass(frozen=True)
class Content:
    """A file's content at one moment. `stamp` changes when the file is written to."""

    sha256: str
    bytes: int
    stamp: tuple[int, int]


def find_files(extracts_dir: Path, source: Source) -> list[ExtractFile]:
    """The files of a source, sorted by name. Hidden files and folders are left out."""
    found = []
    for path in extracts_dir.glob(source.files):
        relative = path.relative_to(extracts_dir)
        is_hidden = any(part.startswith(".") for part in relative.parts)
        if not is_hidden and (path.is_symlink() or not path.is_dir()):
            found.append(ExtractFile(path, relative.as_posix()))
    return sorted(found, key=lambda file: file.name)


def read_content(extracts_dir: Path, file: ExtractFile) -> Content:
    """The hash and size of a file.

    Raises FileRefusedError where it cannot be read, is no regular file, or lies outside the extracts folder by a link.
    """
    try:
        real = file.path.resolve(strict=True)
        if not real.is_relative_to(extracts_dir.resolve()):
            raise FileRefusedError(
                "it is a link to a file outside the extracts folder. Put the file itself into the folder."
            )
        if not real.is_file():
            raise FileRefusedError("it is not a regular file. Deliver a file.")
        stamp = _stamp(file.path)
        with file.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        content = Content(digest, stamp[0], stamp)
    except FileNotFoundError:
        raise FileRefusedError("it is a link to a file that does not exist. Deliver the file.") from None
    except RuntimeError:
        raise FileRefusedError("it is a link that leads back to itself. Deliver the file.") from None
    except OSError as error:
        raise FileRefusedError(f"it cannot be read ({error.strerror}). Give this user the right to read it.") from None
    check_unchanged(file, content)
    return content


def check_unchanged(file: ExtractFile, content: Content) -> None:
    """Raise FileRefusedError where the file was written to since its content was read."""
    try:
        is_same = _stamp(file.path) == content.stamp
    except OSError:
        is_same = False
    if not is_same:
        raise FileRefusedError("it changed while it was being read. The next run reads it, once it is complete.")


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
