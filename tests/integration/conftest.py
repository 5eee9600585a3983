"""One finished run on small extracts, made once for all workers; every test works on a copy of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.run_lock import wait_for_turn
from tests.integration.workplace import Workplace, make_workplace


@pytest.fixture(scope="session")
def finished_folder(folder_of_all_workers: Path) -> Path:
    """A workplace in which the good extracts were loaded, built, checked and published. To be read, never written."""
    folder = folder_of_all_workers / "finished"
    with wait_for_turn(folder.with_suffix(".lock")), pytest.MonkeyPatch.context() as patch:
        if not (folder / "home" / "published" / "current").exists():
            assert make_workplace(folder, patch).run("run", "daily_refresh") == 0
    return folder


@pytest.fixture
def finished(finished_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A copy of the finished workplace."""
    shutil.copytree(finished_folder, tmp_path / "work", symlinks=True)
    return Workplace(tmp_path / "work", monkeypatch)


@pytest.fixture
def new_workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Workplace]:
    """Makes a workplace with good extracts and an empty home."""
    return lambda: make_workplace(tmp_path / "new", monkeypatch)
