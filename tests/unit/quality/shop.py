"""A shop whose runs begin, are checked and end without building anything, for tests of the stewards' pages.

Belongs here: its extracts, with personal data, markup and odd directions, and what a run leaves behind. Does not belong
here: what the pages say about it.
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from dagster_project.clock import utc_now
from dagster_project.loading.mapping import ExtractsConfig, load_config
from dagster_project.quality.last_results import keep_last_results
from dagster_project.quality.report import begin_report, end_report, write_index
from dagster_project.quality.report_content.stages import STAGES
from dagster_project.quality.results import CheckResult, SuiteResult
from dagster_project.quality.runs import RunRecord
from dagster_project.settings import Settings
from tests.unit.loading.conftest import Home
from tests.unit.quality.pages import Page

CUSTOMERS = """\
Id,Created,Mail,Name,Country,Nickname
anna,2025-01-01,anna@example.com,Anna A,AE,nini
bert,yesterday,bert@example.com,Bert B,<b onclick=alert(1)>\u202eAE</b>,bertie
"""
ORDERS = """\
order_id,customer_id,ordered_at,status,order_amount
1,anna,2025-02-01 10:00:00,paid,10
2,anna,<script>alert(1)</script>,paid,20
3,anna,2025-02-03 10:00:00,paid,30
"""
ALL_STEPS = {step: True for _, steps, _ in STAGES.values() for step in steps}
GATES = {"raw": "raw.orders", "staging": "staging.stg_orders__orders", "marts": "marts.dim_customer"}


@dataclass
class Shop:
    """A home with extracts, and short ways to let runs begin, check and end without building anything."""

    home: Home
    runs: int = 0

    @property
    def settings(self) -> Settings:
        return self.home.settings

    @property
    def config(self) -> ExtractsConfig:
        return load_config(self.settings.extracts_config)

    def begin(self, job: str = "daily_refresh") -> RunRecord:
        self.runs += 1
        # The ledger keeps whole seconds; real runs are further apart than those of a test.
        began_at = utc_now() + timedelta(seconds=2 * (self.runs - 1))
        record = RunRecord(run_id=f"run-{self.runs}", dataset="shop", job=job, began_at=began_at)
        begin_report(self.settings, self.config, record)
        return record

    def check(self, record: RunRecord, step: str, *results: CheckResult, table: str | None = None) -> None:
        table = table or GATES[step.removeprefix("dbt_")]
        suite = SuiteResult(table, table, list(results) or [result()], report_link="")
        keep_last_results(self.settings, "shop", step, record.run_id, utc_now(), [suite])
        write_index(self.settings, self.config)

    def end(self, record: RunRecord, **facts: object) -> RunRecord:
        given = {"outcome": "green", "steps": ALL_STEPS, "ended_at": record.began_at + timedelta(minutes=1), **facts}
        return end_report(self.settings, self.config, replace(record, **given))

    def green_run(self) -> RunRecord:
        record = self.begin()
        self.home.load()
        for step in GATES:
            self.check(record, step)
        return self.end(record)

    @property
    def index(self) -> Page:
        return Page(self.settings.reports_dir / "index.html")

    def run_page(self, record: RunRecord) -> Page:
        return Page(self.settings.reports_dir / "shop" / "runs" / f"{record.run_id}.html")


def result(status: str = "passed", severity: str = "critical", **facts: object) -> CheckResult:
    given = {
        "rule": "amounts_fit",
        "description": "Amounts fit. Have the file corrected.",
        "severity": severity,
        "status": status,
        "rows_checked": 10,
        "rows_failed": 0 if status == "passed" else 3,
        "observed": "3 of 10",
    }
    return CheckResult(**{**given, **facts})


def stages_of(page: Page) -> str:
    """The words of the strip of stages."""
    match = re.search(r'<ol class="stages">.*?</ol>', page.path.read_text(), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", match.group()).split())
