"""What all tests share: settings of a temporary folder, never of the user's warehouse, and one run on the sample."""

import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.run_lock import wait_for_turn
from dagster_project.settings import PROJECT_ROOT, Settings, environment_without_settings, load_settings
from dagster_project.transforming.dbt_runner import DbtProject, ensure_manifest
from tests import olist

# Begun first. Two workers make what others would wait for: `sample_home` the first, `finished_folder` the second. The
# third file takes long in one piece: dealt last, it would run alone.
BEGUN_FIRST = (
    "tests/dashboard/test_on_a_release.py",
    "tests/integration/test_good_runs.py",
    "tests/integration/test_spark_agrees.py",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a warehouse home of its own."""
    (tmp_path / "home").mkdir()
    return load_settings(
        {
            "WAREHOUSE_HOME": str(tmp_path / "home"),
            "EXTRACTS_DIR": str(tmp_path / "extracts"),
            "EXTRACTS_CONFIG": str(tmp_path / "extracts.yml"),
        }
    )


@pytest.fixture(scope="session")
def folder_of_all_workers(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Where one worker can leave what the others need as well; whoever makes it holds a lock meanwhile."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if hasattr(request.config, "workerinput") else folder


@pytest.fixture(scope="session")
def sample_home(folder_of_all_workers: Path) -> Path:
    """A warehouse home in which the sample was refreshed once, for all workers together. To be read, never written."""
    return _refreshed_once(folder_of_all_workers / "sample_home", {})


@pytest.fixture(scope="session")
def olist_home(folder_of_all_workers: Path) -> Path:
    """The same with the Olist data set, which has to be there."""
    environment = {"EXTRACTS_DIR": str(olist.EXTRACTS), "EXTRACTS_CONFIG": str(olist.MAPPING)}
    return _refreshed_once(folder_of_all_workers / "olist_home", environment)


def _refreshed_once(home: Path, environment: dict[str, str]) -> Path:
    with wait_for_turn(home.with_suffix(".lock")):
        if not (home / "published" / "current").exists():
            command = [sys.executable, "-m", "dagster_project", "run", "daily_refresh"]
            done = subprocess.run(
                command,
                cwd=PROJECT_ROOT,
                env=environment_without_settings() | environment | {"WAREHOUSE_HOME": str(home)},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return home


@pytest.fixture(scope="session")
def parsed_project(folder_of_all_workers: Path) -> DbtProject:
    """The dbt project with its defaults, parsed once for all workers together. Nobody writes into its home."""
    project = DbtProject(load_settings({"WAREHOUSE_HOME": str(folder_of_all_workers / "parsed_home")}), "sample", {})
    ensure_manifest(project)
    return project


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their number: compressed ones hold the time, and parallel workers must agree on names."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files first for which others would wait."""
    places = {name: place for place, name in enumerate(BEGUN_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))
