"""GX Data Docs under `reports/data_docs/`: one static page a run, stage and table.

Belongs here: rendering GX's validation results into pages that can be read offline, and throwing old ones away. Does
not belong here: the page that stewards start from (`report`). The pages are rendered by GX's own renderer into a page
template of ours: GX's template loads scripts and styles from six outside hosts and is blank without them.
"""

import html
import re
import shutil
from collections.abc import Collection
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
    page = _page_view().render(
        document,
        template="data_docs_page.j2",
        root="../../..",
        run_page=f"../../../{dataset}/runs/{run_id}.html",
        table=table,
        words=_words(validation),
    )
    # The suite has no page of its own here, and half of what GX's templates write is white space between tags.
    page = re.sub(r'<a [^>]*href="[^"]*/expectations/[^"]*"[^>]*>(.*?)</a>', r"\1", page, flags=re.DOTALL)
    page = re.sub(r">\s+<", ">\n<", page)
    path = page_path(settings, dataset, run_id, table)
    publish_file(path, lambda temporary: write_text(temporary, page))
    return path


def prune_pages(settings: Settings, dataset: str, runs_kept: Collection[str]) -> None:
    """Remove the pages of all runs of a dataset but these."""
    for folder in (data_docs_dir(settings) / dataset).glob("*"):
        if folder.name not in runs_kept:
            shutil.rmtree(folder)


def _words(validation: "ExpectationSuiteValidationResult") -> str:
    """The outcome in a line, for the head of the page."""
    failed = sum(not result.success for result in validation.results)
    rules = f"{len(validation.results)} rules"
    return f"{rules}, all hold" if not failed else f"{rules}, {failed} do not hold"


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
