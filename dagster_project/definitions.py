"""The entry point of Dagster: `dg` and the webserver load this module. Everything is found in `defs/`."""

import dagster as dg

from dagster_project.settings import PROJECT_ROOT


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions of the platform."""
    return dg.load_from_defs_folder(path_within_project=PROJECT_ROOT)
