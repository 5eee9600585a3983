"""The errors that a user can mend.

Belongs here: naming them all in one place. Does not belong here: the errors themselves, and telling them.
"""

from dagster_project.erasing.erasure import ErasureError
from dagster_project.loading.mapping import MappingError
from dagster_project.publishing.content import MartMissingError
from dagster_project.publishing.releases import ReleaseError
from dagster_project.quality.engine import EngineError
from dagster_project.run_lock import WriterLockError
from dagster_project.settings import SettingsError
from dagster_project.transforming.dbt_runner import DbtError
from dagster_project.transforming.spark import SparkError

# The user can mend these; their messages say how. Anything else is a mistake of the platform and keeps its traceback.
USER_ERRORS = (
    DbtError,
    EngineError,
    ErasureError,
    MappingError,
    MartMissingError,
    ReleaseError,
    SettingsError,
    SparkError,
    WriterLockError,
)
