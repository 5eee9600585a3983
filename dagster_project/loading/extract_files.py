"""Finding extract files, and telling one content from another.

Belongs here: patterns, links that leave the folder, content hashes, files that change while they are read. Does not
belong here: what is in the files (`landing`).

A file whose stamp (size, times of change, place on the disk) is that of an earlier run is not read again for its hash:
gigabytes that never change would be read every day. The stamps are a memory aid in a file of their own, not part of the
ledger: a stamp belongs to a file name, while an entry belongs to a content, which may lie there under several names.
The raw gate learns from it under which names a content is delivered now. Losing it costs one reading.
"""

import fnmatch
import hashlib
import json
import os
import re
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dagster_project.loading.durable import publish_file, write_text
from dagster_project.loading.formats import format_by_suffix
from dagster_project.loading.mapping import Source
from dagster_project.loading.refusals import FileRefusedError
from dagster_project.settings import Settings, SettingsError

# A file written to this shortly before it is read may be written to again without a visible change of its times.
NANOSECONDS_UNTIL_SETTLED = 2_000_000_000
SHOWN_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


@dataclass(frozen=True)
class ExtractFile:
    """A file that a source names.

    `name` is relative to the extracts folder, with slashes; bytes of it that are not UTF-8 are shown as `\\xe9`.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Content:
    """A file's content at one moment. `stamp` changes when the file is written to or replaced."""

    sha256: str
    bytes: int
    stamp: tuple[int, ...]


@dataclass
class KnownContents:
    """The content hash of each file at its stamp, by file name. `path` is where they are kept between runs.

    A file that was written to just before it was read has no stamp: it is read again.
    """

    path: Path
    before: dict[str, dict]
    now: dict[str, dict] = field(default_factory=dict)


def read_known_contents(settings: Settings, dataset: str) -> KnownContents:
    """What earlier runs remembered; nothing where the file is missing or damaged."""
    path = settings.lake_dir / "contents" / f"{dataset}.json"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    return KnownContents(path, before if isinstance(before, dict) else {})


def write_known_contents(known: KnownContents) -> None:
    """Keep what this run saw, if it differs from what was kept before."""
    if known.now != known.before:
        text = json.dumps(known.now, ensure_ascii=False, sort_keys=True)
        publish_file(known.path, lambda temporary: write_text(temporary, text))


@dataclass(frozen=True)
class Found:
    """What matches the pattern of a source: its files, and `folders` that end like a file and hold none of these."""

    files: list[ExtractFile]
    folders: list[str]


def find_files(extracts_dir: Path, source: Source) -> Found:
    """What a source finds, sorted by name. Hidden files and folders are left out.

    Raises OSError where one of the folders that the pattern leads into cannot be read, SettingsError without a folder.
    """
    _require_readable(extracts_dir, PurePosixPath(source.files).parts[:-1])
    files, folders = [], []
    for path in {path for pattern in _spellings(source.files) for path in extracts_dir.glob(pattern)}:
        relative = path.relative_to(extracts_dir)
        if any(part.startswith(".") for part in relative.parts):
            continue
        if path.is_symlink() or not path.is_dir():
            files.append(ExtractFile(path, _printable(relative.as_posix())))
        elif format_by_suffix(path) is not None:
            folders.append(path)
    holding = {folder for file in files for folder in file.path.parents} if folders else set()
    empty = [_printable(folder.relative_to(extracts_dir).as_posix()) for folder in folders if folder not in holding]
    return Found(sorted(files, key=lambda file: file.name), sorted(empty))


def _spellings(pattern: str) -> set[str]:
    """A pattern with its accents as parts of their letters and apart from them, as some systems name files."""
    # Inside brackets every character stands for itself, and a letter taken apart would be two.
    forms = () if "[" in pattern else ("NFC", "NFD")
    return {pattern, *(unicodedata.normalize(form, pattern) for form in forms)}


def _require_readable(extracts_dir: Path, folders: tuple[str, ...]) -> None:
    """Raise OSError for a folder on the way of the pattern `folders` that cannot be read; glob passes over it."""
    if not extracts_dir.exists():
        raise SettingsError(
            f"The extracts folder {extracts_dir} does not exist. Set EXTRACTS_DIR (or EXTRACTS=) to yours."
        )

    def tell(error: OSError) -> None:
        # A folder that somebody has moved away meanwhile is not there, and that is all.
        if not isinstance(error, FileNotFoundError):
            raise error

    for folder, inner, _ in os.walk(extracts_dir, onerror=tell):
        place = Path(folder).relative_to(extracts_dir).parts
        inner[:] = [
            name
            for name in inner
            # That of the file system itself, which nobody but the administrator reads.
            if not name.startswith(".") and name != "lost+found" and _leads_into((*place, name), folders)
        ]


def _leads_into(place: tuple[str, ...], folders: tuple[str, ...]) -> bool:
    for position, name in enumerate(place):
        if position >= len(folders) or folders[position] == "**":
            return position < len(folders)
        if not fnmatch.fnmatchcase(name, folders[position]):
            return False
    return True


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def is_delivered(extracts_dir: Path, name: str) -> bool:
    """Whether the file that an ExtractFile of this name stood for is in the extracts folder, a link to nothing too.

    Where nobody can tell, since its folder cannot be read, it is taken to be there.
    """
    # Back from the printable name to the bytes that it shows.
    raw_name = SHOWN_BYTE.sub(lambda shown: os.fsdecode(bytes.fromhex(shown[1])), name)
    return any(_may_exist(extracts_dir / one) for one in (name, raw_name))


def _may_exist(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def delivered_contents(settings: Settings, dataset: str) -> dict[str, str]:
    """The content hash of every file that the last load could read and that is there still, by name."""
    known = read_known_contents(settings, dataset).before
    return {
        name: content["sha256"]
        for name, content in known.items()
        if isinstance(content, dict) and content.get("sha256") and is_delivered(settings.extracts_dir, name)
    }


def read_content(extracts_dir: Path, file: ExtractFile, known: KnownContents) -> Content:
    """The hash and size of a file; it is read only where its stamp is not known.

    Raises FileRefusedError where it cannot be read, is no regular file, lies outside the extracts folder by a link, or
    has a name that is not UTF-8.
    """
    if extracts_dir / file.name != file.path:
        # Ledger, lake and messages are UTF-8, and such a name fits into none of them.
        raise FileRefusedError("its name, or that of its folder, is not UTF-8. Rename it.")
    try:
        real = file.path.resolve(strict=True)
        if not real.is_relative_to(extracts_dir.resolve()):
            raise FileRefusedError(
                "it is a link to a file outside the extracts folder. Put the file itself into the folder."
            )
        if not real.is_file():
            raise FileRefusedError("it is not a regular file. Deliver a file.")
        stamp = _stamp(file.path)
        remembered = known.before.get(file.name)
        if isinstance(remembered, dict) and remembered.get("stamp") == list(stamp) and remembered.get("sha256"):
            known.now[file.name] = remembered
            return Content(remembered["sha256"], stamp[0], stamp)
        now = time.time_ns()
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
    has_settled = now - max(stamp[1:3]) > NANOSECONDS_UNTIL_SETTLED
    known.now[file.name] = {"stamp": list(stamp) if has_settled else None, "sha256": digest}
    return content


def check_unchanged(file: ExtractFile, content: Content) -> None:
    """Raise FileRefusedError where the file was written to since its content was read."""
    try:
        is_same = _stamp(file.path) == content.stamp
    except OSError:
        is_same = False
    if not is_same:
        raise FileRefusedError("it changed while it was being read. The next run reads it, once it is complete.")


def _stamp(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def describe_folder(folder: Path) -> str:
    """A hash over names, sizes and times of all files in a folder, hidden ones left out."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            status = path.stat()
            total.update(f"{relative}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return total.hexdigest()
