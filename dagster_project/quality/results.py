"""What a gate found: plain values that the report, the history and Dagster read alike.

Belongs here: the shape of a result. Does not belong here: how it is found (`runner`) or kept (`history`).
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["critical", "warning"]
Status = Literal["passed", "failed", "error"]
Stage = Literal["raw", "staging", "intermediate", "marts"]

STAGES: tuple[Stage, ...] = ("raw", "staging", "intermediate", "marts")


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one rule on one table.

    `status` is `failed` when the data break the rule and `error` when the check itself could not be run: an error
    says nothing about the data, so it counts as critical whatever the rule's severity. `rows_failed` of a rule about
    the table as a whole is 1. `is_narrow`: only the rows that a refresh took in were looked at, because the rule held
    for all others before. `sample` holds at most five failing rows: key columns and offending columns only, personal
    values masked.
    """

    rule: str
    description: str
    severity: Severity
    status: Status
    rows_checked: int
    rows_failed: int
    observed: str
    is_narrow: bool = False
    sample: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_critical_failure(self) -> bool:
        """Whether what depends on the table must not be built."""
        return self.status == "error" or (self.status == "failed" and self.severity == "critical")


@dataclass(frozen=True)
class SuiteResult:
    """The outcome of all rules of one table.

    `table` and `suite` are the physical name, such as `raw.orders`. `report_link` is the Data Docs page, as a path
    relative to the warehouse home. `rows` is how many the table held, None where it could not be checked.
    """

    table: str
    suite: str
    results: list[CheckResult]
    report_link: str
    rows: int | None = None

    @property
    def critical_failures(self) -> list[CheckResult]:
        """The results that block everything downstream; empty when the gate is open."""
        return [result for result in self.results if result.is_critical_failure]

    @property
    def warnings(self) -> list[CheckResult]:
        """Failed rules that do not block."""
        return [result for result in self.results if result.status == "failed" and result.severity == "warning"]


def to_plain(suite: SuiteResult) -> dict[str, Any]:
    """The suite result as JSON-ready values."""
    return asdict(suite)


def from_plain(values: dict[str, Any]) -> SuiteResult:
    """The suite result again, from what `to_plain` gave."""
    return SuiteResult(
        table=values["table"],
        suite=values["suite"],
        results=[CheckResult(**result) for result in values["results"]],
        report_link=values["report_link"],
        # Not in what earlier versions kept.
        rows=values.get("rows"),
    )
