"""When a run has nothing to build."""

from types import SimpleNamespace

import pytest

from dagster_project.defs import raw
from dagster_project.loading.results import LoadResult
from dagster_project.publishing.inputs import BuildInputs

NOW = BuildInputs("shop", data_version="2", definition_version="1", load_sequence=7)
EARLIER = BuildInputs("shop", data_version="1", definition_version="1", load_sequence=6)


@pytest.mark.parametrize(
    ("published", "built", "unchanged"),
    [
        pytest.param(NOW, NOW, True, id="published and built"),
        pytest.param(EARLIER, NOW, False, id="built and not published"),
        pytest.param(NOW, None, False, id="published by another engine, or the warehouse was deleted"),
        pytest.param(NOW, EARLIER, False, id="published, and the warehouse put back from a copy"),
        pytest.param(None, None, False, id="nothing at all"),
    ],
)
def test_unchanged_is_what_readers_see_and_the_warehouse_holds(
    monkeypatch: pytest.MonkeyPatch, published: BuildInputs | None, built: BuildInputs | None, *, unchanged: bool
) -> None:
    release = None if published is None else SimpleNamespace(inputs=published)
    monkeypatch.setattr(raw, "current_release", lambda _settings: release)
    session = SimpleNamespace(
        settings=SimpleNamespace(restate_from=None),
        must_rebuild=False,
        describe_inputs=lambda: NOW,
        read_complete_build=lambda: built,
    )
    assert raw._is_unchanged(session, LoadResult()) == unchanged
