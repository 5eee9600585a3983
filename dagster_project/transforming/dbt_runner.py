"""dbt inside this process: one warm interpreter builds all layers, instead of a new dbt process for each.

Belongs here: calling dbt and turning its answers into plain results. Does not belong here: which layer is built when,
and what happens after a failed test (Dagster's definitions decide that).
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.loading.durable import publish_file, sync, write_text
from dagster_project.quality.masking import without_quoted_values
from dagster_project.run_lock import wait_for_turn
from dagster_project.settings import DBT_PROJECT_DIR, Settings
from dagster_project.transforming.refreshing import Refresh
from dagster_project.transforming.spark import let_dbt_keep_settings, require_spark, spark_session

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

# What dbt, called by hand, leaves in the project's folder.
WRITTEN_BY_DBT = ("target", "logs", "dbt_packages")
LONGEST_MESSAGE = 500


class DbtError(Exception):
    """dbt could not even begin: the project does not parse, a variable is wrong, or the warehouse does not open."""


@dataclass(frozen=True)
class DbtProject:
    """A dbt project with the variables of one dataset: what every call of dbt needs."""

    settings: Settings
    dataset: str
    variables: dict[str, object]
    folder: Path = DBT_PROJECT_DIR

    @property
    def target_dir(self) -> Path:
        """Where dbt keeps the parsed project and compiled SQL of this dataset."""
        return self.settings.dbt_dir / self.dataset

    @property
    def manifest_path(self) -> Path:
        """The parsed project as JSON."""
        return self.target_dir / "manifest.json"

    @cached_property
    def parsed(self) -> "Manifest":
        """The parsed project as dbt has it in memory, as it was when it was first asked for: the commands of one run
        share it, or each would read and compare the whole project again. Raises DbtError.
        """
        answer = _invoke(self, ["parse", "--no-write-json"])
        if not answer.success:
            raise _error(self, answer)
        return answer.result


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test.

    `relation` is `schema.table`, empty for tests; `failing_rows_sql` selects what a test has found, empty for others.
    """

    unique_id: str
    name: str
    resource_type: str
    relation: str
    status: str
    severity: str
    message: str
    seconds: float
    rows_failed: int | None
    failing_rows_sql: str = ""

    @property
    def is_good(self) -> bool:
        """Built or passed; a test that only warns is not good."""
        return self.status in ("success", "pass")


def run_dbt(
    project: DbtProject, command: str, select: list[str], *arguments: str, refresh: Refresh | None = None
) -> list[NodeResult]:
    """Run `dbt <command> --select <select> <arguments>`; one result per node that dbt touched or skipped.

    With `refresh` tables are brought up to date (`dbt/macros/refresh.sql`), otherwise built from nothing.

    Raises DbtError if dbt could not begin. A model or test that fails is a result, not an exception.
    """
    if refresh is None and command == "build":
        arguments = (*arguments, "--full-refresh")
    # The manifest was written when the project was parsed; dbt would write it again at every call, and a kill would
    # leave half of it.
    command_line = [command, "--select", *select, *arguments, "--no-write-json"]
    answer = _invoke(project, command_line, refresh, project.parsed)
    if answer.result is None:
        raise _error(project, answer)
    return [_as_result(result) for result in answer.result.results]


def ensure_manifest(project: DbtProject) -> Path:
    """The parsed project, parsed only when files, variables or engine have changed. Raises DbtError."""
    state_path = project.target_dir / "manifest.state"
    state = _project_state(project)
    # Jobs parse before they ask for the writer lock.
    with wait_for_turn(project.target_dir / "parse.lock"):
        if not (project.manifest_path.exists() and state_path.exists() and state_path.read_text() == state):
            # dbt writes in place: killed meanwhile, half a manifest must not pass for that of an earlier state.
            state_path.unlink(missing_ok=True)
            answer = _invoke(project, ["parse"])
            if not answer.success:
                raise _error(project, answer)
            # In this order: after a power cut half a manifest must not pass for that of this state either.
            sync(project.manifest_path)
            publish_file(state_path, lambda temporary: write_text(temporary, state))
    return project.manifest_path


def _invoke(  # noqa: ANN202  (dbt is imported late: it takes two seconds)
    project: DbtProject, arguments: list[str], refresh: Refresh | None = None, parsed: "Manifest | None" = None
):
    project.target_dir.mkdir(parents=True, exist_ok=True)
    is_parsing = arguments[0] == "parse"
    options = {
        "--project-dir": project.folder,
        "--profiles-dir": project.folder,
        "--target-path": project.target_dir,
        "--log-path": project.target_dir / "logs",
        "--log-level": "none",
        "--log-level-file": "info",
        "--vars": json.dumps({**project.variables, "dataset": project.dataset}, default=str),
    }
    flat_options = [str(part) for option in options.items() for part in option]
    if project.settings.dbt_target == "spark":
        require_spark()
        if not is_parsing:
            # dbt works in the session that is there.
            spark_session(project.settings)
            let_dbt_keep_settings()
    from dbt.cli.main import dbtRunner

    with _environment_for_dbt(project.settings, refresh, is_parsing=is_parsing):
        try:
            return dbtRunner(parsed).invoke([*arguments, *flat_options, "--no-version-check"])
        finally:
            if project.settings.dbt_target == "duckdb":
                _release_warehouse()


@contextmanager
def _environment_for_dbt(settings: Settings, refresh: Refresh | None, *, is_parsing: bool) -> Iterator[None]:
    """What dbt reads from the environment: where the warehouse is, which engine, how much memory it may take, and what
    the tables hold already.

    A variable of dbt's own would make it parse the whole project anew at every change of its value, and so would a
    connection that is another one: while it parses it is told of none.
    """
    wanted = {
        "WAREHOUSE_HOME": "anywhere" if is_parsing else str(settings.warehouse_home),
        "DBT_TARGET": settings.dbt_target,
        "MEMORY_LIMIT": "any" if is_parsing else settings.memory_limit,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "BUILT_LOAD_SEQUENCE": str(refresh.built_load_sequence) if refresh else "",
        "RESTATE_FROM": refresh.restate_from.isoformat() if refresh and refresh.restate_from else "",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _release_warehouse() -> None:
    """Close the DuckDB file, which dbt-duckdb keeps open until the process ends; the gates open it next."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    environment = DuckDBConnectionManager._ENV  # its public way closes nothing
    if environment is not None:
        environment.close()
        DuckDBConnectionManager.close_all_connections()


def _as_result(result) -> NodeResult:  # noqa: ANN001  (a dbt RunResult; see _invoke)
    node = result.node
    resource_type = str(node.resource_type)
    config = node.config
    is_test = resource_type in ("test", "unit_test")
    return NodeResult(
        unique_id=node.unique_id,
        name=node.name,
        resource_type=resource_type,
        relation=f"{node.schema}.{node.alias}" if resource_type in ("model", "seed") else "",
        status=str(result.status),
        severity=str(getattr(config, "severity", "error")).lower(),
        message=_without_values(result.message or ""),
        seconds=float(result.execution_time),
        rows_failed=result.failures,
        failing_rows_sql=(getattr(node, "compiled_code", None) or "") if is_test else "",
    )


def _error(project: DbtProject, answer) -> DbtError:  # noqa: ANN001  (dbt's own result; see _invoke)
    """What kept dbt from beginning; some of its errors have no words of their own."""
    words = _one_line(str(answer.exception or ""))
    log = project.target_dir / "logs" / "dbt.log"
    return DbtError(words or f"dbt could not begin ({type(answer.exception).__name__}). Its log: {log}")


def _one_line(message: str) -> str:
    return " ".join(message.split())[:LONGEST_MESSAGE]


def _without_values(message: str) -> str:
    """The message in one line, without the SQL that the engine repeats and without quoted values: in an error about
    rows they may be somebody's data.
    """
    # The SQL has quotes too, and between its last and the message's first one everything would be hidden.
    problem = re.split(r"\n\s*(?:LINE \d+:|== SQL)", message, maxsplit=1)[0]
    return _one_line(without_quoted_values(problem))


def _project_state(project: DbtProject) -> str:
    total = hashlib.sha256(json.dumps([project.variables, project.settings.dbt_target], default=str).encode())
    for path in sorted(project.folder.rglob("*")):
        if path.is_file() and path.relative_to(project.folder).parts[0] not in WRITTEN_BY_DBT:
            total.update(str(path.relative_to(project.folder)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
