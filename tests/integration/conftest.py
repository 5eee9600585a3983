"""One finished run on small extracts, made once; every test works on a copy of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.workplace import Workplace, make_workplace


@pytest.fixture(scope="session")
def finished_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workplace in which the good extracts were loaded, built, checked and published."""
    with pytest.MonkeyPatch.context() as patch:
        workplace = make_workplace(tmp_path_factory.mktemp("finished"), patch)
        assert workplace.run("run", "daily_refresh") == 0
    return workplace.folder


@pytest.fixture
def finished(finished_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A copy of the finished workplace."""
    shutil.copytree(finished_folder, tmp_path / "work", symlinks=True)
    return Workplace(tmp_path / "work", monkeypatch)


@pytest.fixture
def new_workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Workplace]:
    """Makes a workplace with good extracts and an empty home."""
    return lambda: make_workplace(tmp_path / "new", monkeypatch)
