"""The definitions, loaded once."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.Definitions]:
    """All definitions over an empty warehouse home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("REFRESH_TIME_ZONE", "Asia/Dubai")
        from dagster_project.definitions import defs

        yield defs()
