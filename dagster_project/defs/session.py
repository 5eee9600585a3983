"""What the steps of one run share: the settings, the mapping and the writer lock.

Belongs here: what is opened when a run starts and closed when it ends, and how errors of the platform become failures
of a step. Does not belong here: the steps.
"""

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import dagster as dg
import duckdb

from dagster_project.defs.run_report import reported
from dagster_project.erasing.erasure import NO_CUSTOMER_NAMED
from dagster_project.job_runner import close_killed_runs
from dagster_project.loading.ledger import LedgerEntry, read_ledger
from dagster_project.loading.mapping import ExtractsConfig, load_config
from dagster_project.old_runs import forget_old_runs
from dagster_project.publishing.inputs import BuildInputs, describe_inputs
from dagster_project.publishing.releases import ReleaseError
from dagster_project.run_lock import WriterLock, hold_writer_lock
from dagster_project.settings import DBT_PROJECT_DIR, Settings, SettingsError, load_settings
from dagster_project.storage_errors import lasting_problem
from dagster_project.transforming.build_state import read_complete_build
from dagster_project.transforming.dbt_runner import DbtProject
from dagster_project.transforming.refreshing import Refresh
from dagster_project.transforming.spark import stop_spark
from dagster_project.user_errors import USER_ERRORS

# Tags by which a job says how its run differs from a daily refresh.
REBUILD_TAG = "customer_retention/rebuild"
REPLAY_TAG = "customer_retention/replay_quarantine"
ERASE_TAG = "customer_retention/erase_customer"

RETRIES = 2
SECONDS_BETWEEN_RETRIES = 10


@dataclass
class RunSession:
    """One run of one job.

    `customer_to_erase` is the id of the customer whom the job erase_customer is for, in other jobs None.
    `definition_version` names models, macros, seeds, tests and suites as they were when the run began. `is_unchanged`
    is set by the load step: readers already see what this run would build. `refresh` is set when the first layer is
    built, if the tables can be brought up to date instead of built from nothing; `built_before` is what they held then.
    `warnings` are those of the load step and of publishing. `layers_begun` and `layers_built` name the dbt layers that
    this run has begun, and built as a whole.
    """

    settings: Settings
    config: ExtractsConfig
    run_id: str
    lock: WriterLock
    must_rebuild: bool
    must_replay: bool
    customer_to_erase: str | None = None
    definition_version: str = ""
    is_unchanged: bool = False
    refresh: Refresh | None = None
    built_before: BuildInputs | None = None
    warnings: list[str] = field(default_factory=list)
    layers_begun: set[str] = field(default_factory=set)
    layers_built: set[str] = field(default_factory=set)

    @cached_property
    def dbt_project(self) -> DbtProject:
        """The dbt project with the variables of this run's dataset."""
        return DbtProject(self.settings, self.config.name, self.config.variables)

    def read_ledger(self) -> list[LedgerEntry]:
        """Every extract file of this dataset that was ever seen."""
        return read_ledger(self.settings, self.config.name)

    def describe_inputs(self) -> BuildInputs:
        """What a build would be made from now."""
        return describe_inputs(self.config.name, self.config.variables, self.read_ledger(), DBT_PROJECT_DIR)

    def read_complete_build(self) -> BuildInputs | None:
        """What the whole build in the warehouse is made of; None if there is none."""
        built = read_complete_build(self.settings)
        return BuildInputs(**built) if built else None

    def require_complete_build(self) -> BuildInputs:
        """What the build in the warehouse is made of. Raises ReleaseError unless it is whole and of these extracts."""
        inputs = self.read_complete_build()
        if inputs is None or not self.describe_inputs().has_data_of(inputs):
            raise ReleaseError(
                "The warehouse does not hold a whole build of the extracts as they are loaded now. "
                "Run the job daily_refresh, which builds, checks and publishes."
            )
        return inputs


@dg.resource(
    description="Settings, mapping and writer lock of one run.",
    config_schema={
        "erase_customer_id": dg.Field(
            str,
            is_required=False,
            description="For the job erase_customer: whom to erase. It is taken out of the run history at the end.",
        )
    },
)
def run_session(context: dg.InitResourceContext) -> Iterator[RunSession]:
    """Open the session until the run ends. A run that starts meanwhile fails here and says who is writing."""
    settings = load_settings()
    config = load_config(settings.extracts_config)
    tags = context.run.tags
    customer_to_erase = None
    if tags.get(ERASE_TAG) == "true":
        customer_to_erase = (context.resource_config or {}).get("erase_customer_id") or settings.erase_customer_id
        if customer_to_erase is None:
            raise SettingsError(NO_CUSTOMER_NAMED)
    with hold_writer_lock(settings, context.run.run_id, context.run.job_name) as lock:
        close_killed_runs(context.instance, context.run.run_id)
        # What did not fit in the memory of a run that was killed; it may be large, and nobody else removes it.
        shutil.rmtree(settings.warehouse_home / "tmp", ignore_errors=True)
        session = RunSession(
            settings=settings,
            config=config,
            run_id=context.run.run_id,
            lock=lock,
            must_rebuild=tags.get(REBUILD_TAG) == "true",
            must_replay=tags.get(REPLAY_TAG) == "true",
            customer_to_erase=customer_to_erase,
        )
        try:
            with reported(context, session):
                session.definition_version = session.describe_inputs().definition_version
                yield session
        finally:
            stop_spark()
        forget_old_runs(context.instance, settings, dt.datetime.now(dt.UTC))


@contextmanager
def failures_explained() -> Iterator[None]:
    """Turn what a user can mend into a failed step with its message, and retry where an error can pass."""
    try:
        yield
    except USER_ERRORS as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    except (OSError, duckdb.Error) as error:
        is_missing = isinstance(error, FileNotFoundError)
        problem = f"{error.strerror}: {error.filename}" if is_missing else lasting_problem(error)
        if problem is not None:
            raise dg.Failure(description=problem, allow_retries=False) from error
        if not isinstance(error, OSError | duckdb.IOException):
            raise
        raise dg.RetryRequested(RETRIES, SECONDS_BETWEEN_RETRIES) from error


def definitions() -> dg.Definitions:
    """The session, and one process for a run: it is warm for every step and holds the lock."""
    return dg.Definitions(resources={"session": run_session}, executor=dg.in_process_executor)
