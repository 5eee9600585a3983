"""What all tests share: settings that point into a temporary folder, never into the user's warehouse."""

from pathlib import Path

import pytest

from dagster_project.settings import Settings, load_settings


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


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their number: compressed ones hold the time, and parallel workers must agree on names."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None
