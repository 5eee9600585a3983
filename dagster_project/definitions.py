"""The entry point of Dagster: `dg` and the webserver load this module. What is defined stands in `defs/`."""

import sys

import dagster as dg

from dagster_project.defs import alerts, gates, jobs, layers, raw, release, sensor, session
from dagster_project.settings import PROJECT_ROOT


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions of the platform, in the order of a row's way."""
    # Dagster's own commands find this package without its folder on the path; `expectations` lies beside it.
    if str(PROJECT_ROOT) not in sys.path:
        sys.path.append(str(PROJECT_ROOT))
    return dg.Definitions.merge(
        *(module.definitions() for module in (session, raw, layers, gates, release, jobs, sensor, alerts))
    )
