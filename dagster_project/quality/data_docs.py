"""GX Data Docs under `reports/data_docs/`: one static page a run, stage and table.

Belongs here: rendering GX's validation results into pages that can be read offline, and throwing old ones away. Does
not belong here: the page that stewards start from (`report`). The pages are rendered by GX's own renderer into a page
template of ours: GX's template loads scripts and styles from six outside hosts and is blank without them.
"""

import html
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.loading.durable import publish_file, write_text
from dagster_project.quality.masking import masked_message
from dagster_project.settings import Settings

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.render.view import DefaultJinjaPageView

TEMPLATES_DIR = Path(__file__).parent / "templates"

# A month of daily runs: enough to look at what failed last week. Counts of every run stay in marts.data_quality for
# ever.
RUNS_TO_KEEP = 30


def data_docs_dir(settings: Settings) -> Path:
    """The folder of all Data Docs pages."""
    return settings.reports_dir / "data_docs"


def page_path(settings: Settings, dataset: str, run_id: str, table: str) -> Path:
    """Where the page of one table in one run is."""
    return data_docs_dir(settings) / dataset / run_id / f"{table}.html"


def write_page(
    settings: Settings, dataset: str, run_id: str, table: str, validation: "ExpectationSuiteValidationResult"
) -> Path:
    """Render one table's validation result; the page holds counts and rules, no value of any row."""
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    validation.meta["run_id"] = RunIdentifier(run_name=run_id)
    _hide_engine_messages(validation)
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(validation)
    page = _page_view().render(document, template="data_docs_page.j2", report_address="../../../index.html")
    path = page_path(settings, dataset, run_id, table)
    publish_file(path, lambda temporary: write_text(temporary, page))
    return path


def prune_runs(settings: Settings, dataset: str, runs_to_keep: int = RUNS_TO_KEEP) -> None:
    """Remove the pages of all but the newest runs of a dataset."""
    folder = data_docs_dir(settings) / dataset
    runs = sorted((path for path in folder.glob("*") if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)
    for run in runs[:-runs_to_keep]:
        shutil.rmtree(run)


@cache
def _page_view() -> "DefaultJinjaPageView":
    """GX's view with our page template; kept, because compiling its templates takes longer than filling them in."""
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView(custom_views_directory=str(TEMPLATES_DIR))


def _hide_engine_messages(validation: "ExpectationSuiteValidationResult") -> None:
    """Error messages of the engine quote values of rows, and tracebacks are not for stewards."""
    for result in validation.results:
        info = result.exception_info or {}
        for entry in [info] if "raised_exception" in info else info.values():
            if entry.get("raised_exception"):
                entry["exception_message"] = html.escape(masked_message(entry["exception_message"] or ""))
                entry["exception_traceback"] = ""
