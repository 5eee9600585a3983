"""Releases on disk: complete before anybody sees them, switched in one step, kept for a while.

Belongs here: the folders under `published/` and the link `current`. Does not belong here: what is in a mart (`content`)
and whether it may be published (the gates decide that before this is called).
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.loading.durable import sync
from dagster_project.loading.feed_totals import feed_totals
from dagster_project.loading.ledger import LedgerEntry
from dagster_project.publishing.content import MartDescription, write_marts
from dagster_project.publishing.inputs import BuildInputs
from dagster_project.settings import PROJECT_ROOT, Settings

# A reader may still be in the middle of a release that was current until now.
READER_GRACE_SECONDS = 3600
# What is not a whole release: not finished yet, or half removed. The next publication clears it away.
PARTIAL_SUFFIX = ".partial"


class ReleaseError(Exception):
    """A release cannot be made or chosen; the message says why and what to do."""


@dataclass(frozen=True)
class Release:
    """A published folder and what its `release.json` says."""

    path: Path
    details: dict

    @property
    def release_id(self) -> str:
        """The name of the release, which is that of its folder."""
        return self.details["release_id"]

    @property
    def inputs(self) -> BuildInputs:
        """What the release was made from."""
        return BuildInputs(**self.details["inputs"])


def publish_release(
    settings: Settings,
    run_id: str,
    inputs: BuildInputs,
    marts: list[MartDescription],
    ledger: Iterable[LedgerEntry],
    confirm_writer: Callable[[], None],
) -> Release:
    """Make a release of the marts in the warehouse and let readers see it.

    `inputs` are those that the warehouse was built from: readers learn from their variables in which currency amounts
    are. `confirm_writer` is called just before the switch and raises when this run may no longer
    publish. Until the switch readers see the release before. Raises ReleaseError or `content.MartMissingError`.
    """
    releases_dir = settings.published_dir / "releases"
    releases_dir.mkdir(parents=True, exist_ok=True)
    _remove_partial_releases(releases_dir)
    built_at = datetime.now(UTC)
    release_id = f"{built_at:%Y%m%dT%H%M%S%fZ}-{run_id[:8]}"
    partial = releases_dir / f"{release_id}{PARTIAL_SUFFIX}"
    partial.mkdir()
    contents = write_marts(settings, partial, marts)
    ledger = list(ledger)
    details = {
        "release_id": release_id,
        "built_at": built_at.isoformat(timespec="seconds"),
        "run_id": run_id,
        "git_revision": git_revision(),
        "definition_version": inputs.definition_version,
        "inputs": inputs.as_json(),
        "variables": inputs.variables,
        "last_load_sequence": max((entry.load_sequence for entry in ledger if entry.status == "loaded"), default=0),
        "marts": contents,
        "feeds": _summarise_feeds(ledger),
    }
    (partial / "release.json").write_text(json.dumps(details, indent=2) + "\n", encoding="utf-8")
    _seal(partial)
    confirm_writer()
    final = releases_dir / release_id
    partial.rename(final)
    sync(releases_dir)
    _switch_current(settings, final)
    _prune(settings)
    return Release(final, details)


def list_releases(settings: Settings) -> list[Release]:
    """All complete releases, newest first."""
    folders = (settings.published_dir / "releases").glob("*/release.json")
    releases = [_read_release(path.parent) for path in folders if not path.parent.name.endswith(PARTIAL_SUFFIX)]
    return sorted(releases, key=lambda release: release.release_id, reverse=True)


def current_release(settings: Settings) -> Release | None:
    """The release that readers see, or None before the first one."""
    folder = settings.published_dir / "current"
    return _read_release(folder.resolve()) if (folder / "release.json").exists() else None


def changed_marts(before: Release | None, after: Release) -> list[str]:
    """The marts whose content is not that of the release before; all of them where there was none."""
    old = before.details["marts"] if before else {}
    return [
        name
        for name, mart in after.details["marts"].items()
        if mart["content_hash"] != old.get(name, {}).get("content_hash")
    ]


def roll_back(settings: Settings, release_id: str | None = None) -> Release:
    """Let readers see an earlier release: the named one, or the newest of the same dataset that is older than the
    current one.

    Another dataset is served only where its release is named: nobody who takes back a release wants the figures of
    another company. Raises ReleaseError if there is no such release. The caller holds the writer lock.
    """
    releases = list_releases(settings)
    current = current_release(settings)
    if release_id is None:
        candidates = [
            release
            for release in releases
            if current and release.release_id < current.release_id and release.inputs.dataset == current.inputs.dataset
        ]
    else:
        candidates = [release for release in releases if release.release_id == release_id]
    if not candidates:
        known = ", ".join(f"{release.release_id} ({release.inputs.dataset})" for release in releases) or "none"
        of_dataset = f" of the dataset {current.inputs.dataset}" if current else ""
        older = f"no release older than the current one{of_dataset}"
        wanted = older if release_id is None else f"no release '{release_id}'"
        raise ReleaseError(f"There is {wanted} in {settings.published_dir / 'releases'}. Kept are: {known}.")
    _switch_current(settings, candidates[0].path)
    return candidates[0]


def remove_release(release: Release) -> None:
    """Delete a release; killed in between, it is no release any more, and the next publication removes the rest.

    A reader that has a file of it open reads on to the end; opening another one by its path fails.
    """
    partial = release.path.with_name(release.path.name + PARTIAL_SUFFIX)
    release.path.rename(partial)
    sync(partial.parent)
    shutil.rmtree(partial)


def _read_release(folder: Path) -> Release:
    return Release(folder, json.loads((folder / "release.json").read_text(encoding="utf-8")))


def _summarise_feeds(ledger: Iterable[LedgerEntry]) -> dict[str, dict[str, object]]:
    """How the feeds stand now: a replayed row is an accepted one, and in quarantine are those that wait there still."""
    return {
        total.feed: {
            "files": total.files,
            "rows_read": total.rows_read,
            "rows_accepted": total.rows_in_lake,
            "rows_quarantined": total.rows_waiting,
            "watermark": total.watermark,
        }
        for total in sorted(feed_totals(ledger), key=lambda total: total.feed)
    }


def _seal(folder: Path) -> None:
    """Make a finished release read-only and sure to survive a power cut."""
    leftovers = list(folder.glob("*.wal"))
    if leftovers:
        raise ReleaseError(
            f"{leftovers[0]} should not exist: the release file was not closed cleanly. Nothing was published."
        )
    for path in folder.iterdir():
        path.chmod(0o444)
        sync(path)
    sync(folder)


def _switch_current(settings: Settings, folder: Path) -> None:
    current = settings.published_dir / "current"
    if current.is_symlink() and current.exists():
        # From now on the release before is no longer current; its clean-up counts the grace for readers from here.
        os.utime(current.resolve())
    new_link = settings.published_dir / "current.new"
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(Path("releases") / folder.name, target_is_directory=True)
    new_link.replace(current)
    sync(settings.published_dir)


def _prune(settings: Settings) -> None:
    current = current_release(settings)
    for release in list_releases(settings)[settings.releases_to_keep :]:
        is_current = current is not None and release.release_id == current.release_id
        is_old_enough = time.time() - release.path.stat().st_mtime > READER_GRACE_SECONDS
        if is_old_enough and not is_current:
            remove_release(release)


def _remove_partial_releases(releases_dir: Path) -> None:
    for folder in releases_dir.glob(f"*{PARTIAL_SUFFIX}"):
        shutil.rmtree(folder)


def git_revision() -> str | None:
    """The commit of this code; None where it is no clone, or there is no git."""
    git = shutil.which("git")
    if git is None or not (PROJECT_ROOT / ".git").exists():
        return None
    answer = subprocess.run(  # noqa: S603
        [git, "-C", str(PROJECT_ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None
