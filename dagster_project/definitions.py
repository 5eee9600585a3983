"""The entry point of Dagster: `dg` and the webserver load this module. What is defined stands in `defs/`."""

import dagster as dg

from dagster_project.defs import gates, jobs, layers, raw, release, sensor, session


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions of the platform, in the order of a row's way."""
    return dg.Definitions.merge(
        *(module.definitions() for module in (session, raw, layers, gates, release, jobs, sensor))
    )
