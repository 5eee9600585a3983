"""What tests of the dashboard must not leave behind for the tests after them."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _main_module_stays() -> Iterator[None]:
    """Streamlit makes the page the main module of the process and leaves it; children of later tests would run it."""
    main_module = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main_module
