"""Errors in a step: what a user can mend is told, what can pass is tried again, the rest stays a mistake of ours."""

import errno

import dagster as dg
import duckdb
import pytest

from dagster_project.defs.session import failures_explained
from dagster_project.publishing.releases import ReleaseError


def test_what_a_user_can_mend_is_told_and_not_tried_again() -> None:
    with pytest.raises(dg.Failure) as caught, failures_explained():
        raise ReleaseError("Run daily_refresh first.")
    assert caught.value.description == "Run daily_refresh first."
    assert not caught.value.allow_retries


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_closed_disk_is_told_with_its_path(number: int) -> None:
    with pytest.raises(dg.Failure, match="/lake/orders") as caught, failures_explained():
        raise OSError(number, "No space left on device", "/lake/orders")
    assert not caught.value.allow_retries


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error", "/x"), duckdb.IOException("cannot read")])
def test_what_can_pass_is_tried_again(error: Exception) -> None:
    with pytest.raises(dg.RetryRequested) as caught, failures_explained():
        raise error
    assert caught.value.max_retries == 2


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(KeyError), failures_explained():
        raise KeyError("x")
