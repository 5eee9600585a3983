"""Data tests of dbt told like the rules of a suite, so that report, history and Dagster read both alike.

Belongs here: turning a test's outcome into a check result. Does not belong here: running tests (`transforming`), and
the words of a test (`transforming.test_words`).
"""

from dagster_project.loading.contracts import personal_columns
from dagster_project.quality.engine import open_engine
from dagster_project.quality.results import CheckResult, Status
from dagster_project.quality.runner import failing_rows
from dagster_project.settings import Settings
from dagster_project.transforming.dbt_runner import NodeResult

STATUSES: dict[str, Status] = {"pass": "passed", "error": "error"}


def check_result(settings: Settings, result: NodeResult, description: str, rows_checked: int) -> CheckResult:
    """The outcome of a data test; of one that failed, with rows it has found, masked (dbt keeps only their number)."""
    status = STATUSES.get(result.status, "failed")
    rows_failed = result.rows_failed or 0
    sample = []
    if status == "failed":
        with open_engine(settings, settings.warehouse_path) as connection:
            sample = failing_rows(connection, result.failing_rows_sql, personal_columns())
    return CheckResult(
        rule=result.name,
        description=description,
        severity="critical" if result.severity == "error" else "warning",
        status=status,
        rows_checked=rows_checked,
        rows_failed=rows_failed,
        observed=result.message if status == "error" else f"{rows_failed:,} of {rows_checked:,}",
        sample=sample,
    )
