"""The pages that data stewards read: `reports/index.html`, one page a run, all runs, all files.

Belongs here: which pages there are, when each is written, and what is taken away. Does not belong here: what a page
says (`report_content`, the templates), checks, Data Docs pages, anything that knows Dagster. All values reach a page
through Jinja2 with automatic escaping.

    reports/index.html                     the last run and what is known now; written at the start of a run, after
                                           every gate and at the end
    reports/<dataset>/runs.html            all runs that are kept; written at the end of a run
    reports/<dataset>/runs/<run>.html      one run; written once, at its end
    reports/<dataset>/files.html           all files; written when the ledger has changed
    reports/<dataset>/dictionary.html      every table, column and formula, in one file that needs no other; written
                                           when the dbt project or the tables have changed
    reports/data_docs/<dataset>/<run>/     Great Expectations' own pages (`data_docs`)
"""

import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from dagster_project.clock import utc_now
from dagster_project.loading.durable import publish_file, remove_file, write_text
from dagster_project.loading.ledger import LedgerEntry, read_ledger
from dagster_project.loading.mapping import ExtractsConfig
from dagster_project.quality.data_docs import TEMPLATES_DIR, prune_pages
from dagster_project.quality.pictures import columns, lineage, share
from dagster_project.quality.report_content import pages, words
from dagster_project.quality.report_content.runs import with_counts
from dagster_project.quality.runs import RunRecord, mark_broken_off, read_records, thin_out, write_record
from dagster_project.settings import Settings
from dagster_project.transforming.catalog import column_types
from dagster_project.transforming.dictionary import read_dictionary

# Where the mark of a page is looked for.
LONGEST_HEAD = 300


def begin_report(settings: Settings, config: ExtractsConfig, record: RunRecord) -> None:
    """Say that a run has begun: should it be killed, the page says so. Called by the run that holds the writer lock."""
    write_record(settings, record)
    for broken_off in mark_broken_off(settings, config.name, record.run_id):
        _write_run_page(settings, broken_off)
    write_index(settings, config, record.run_id)


def end_report(settings: Settings, config: ExtractsConfig, record: RunRecord) -> RunRecord:
    """Renew every page at the end of a run, and take away those of old runs; returns the record with its counts."""
    record = with_counts(settings, record)
    write_record(settings, record)
    kept = thin_out(settings, config.name, utc_now())
    kept_ids = {one.run_id for one in kept}
    prune_pages(settings, config.name, kept_ids)
    for page in _pages_dir(settings, config.name).glob("runs/*.html"):
        if page.stem not in kept_ids:
            remove_file(page)
    _write_run_page(settings, record)
    _write_runs_page(settings, config.name, kept)
    _write_files_page(settings, config.name, read_ledger(settings, config.name))
    try:
        _write_dictionary(settings, config.name)
    finally:
        write_index(settings, config, record.run_id)
    return record


def write_index(settings: Settings, config: ExtractsConfig, run_id: str | None = None) -> Path:
    """Write `reports/index.html` from what loader, gates, dbt and releases left behind; returns its path.

    It is about the run `run_id`; where none is named, about the one that began last by the clock of its machine.
    """
    # A clock that was set back leaves runs that seem to begin later than the one that goes on.
    records = sorted(read_records(settings, config.name), key=lambda record: record.run_id == run_id)
    path = settings.reports_dir / "index.html"
    _write_style(settings)
    _write_page(path, "report_index.html", pages.index_content(settings, config, records), root=".")
    return path


def _write_run_page(settings: Settings, record: RunRecord) -> None:
    path = _pages_dir(settings, record.dataset) / "runs" / f"{record.run_id}.html"
    _write_page(path, "report_run.html", pages.run_content(settings, record), root="../..")


def _write_runs_page(settings: Settings, dataset: str, records: list[RunRecord]) -> None:
    content = pages.runs_content(settings, dataset, records)
    _write_page(_pages_dir(settings, dataset) / "runs.html", "report_runs.html", content, root="..")


def _write_dictionary(settings: Settings, dataset: str) -> None:
    """The data dictionary; left alone as long as it is about the same project and the same tables."""
    manifest_path = settings.dbt_dir / dataset / "manifest.json"
    if not manifest_path.exists():
        return
    types = column_types(settings)
    path = _pages_dir(settings, dataset) / "dictionary.html"
    mark = _mark(_hash(manifest_path.read_bytes(), _template("report_dictionary.html"), repr(types).encode()))
    if not _has_mark(path, mark):
        dictionary = read_dictionary(manifest_path, types)
        content = {"dataset": dataset, "dictionary": dictionary, "style": _template("style.css").decode(), "mark": mark}
        _write_page(path, "report_dictionary.html", content, root="..")


def _write_files_page(settings: Settings, dataset: str, entries: list[LedgerEntry]) -> None:
    """The page of all files; left alone as long as it was made of the same entries by the same template."""
    path = _pages_dir(settings, dataset) / "files.html"
    mark = _mark(_hash(_template("report_files.html"), *(repr(entry).encode() for entry in entries)))
    if _has_mark(path, mark):
        return
    content = {**pages.files_content(dataset, entries), "mark": mark}
    _write_page(path, "report_files.html", content, root="..")


def _mark(fingerprint: str) -> str:
    """What a page says, unseen, of what it was made of."""
    return f"<!-- made of {fingerprint} -->"


def _has_mark(path: Path, mark: str) -> bool:
    if not path.exists():
        return False
    with path.open(encoding="utf-8") as page:
        return mark in page.read(LONGEST_HEAD)


def _hash(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()


def _template(name: str) -> bytes:
    return (TEMPLATES_DIR / name).read_bytes()


def _write_style(settings: Settings) -> None:
    path = settings.reports_dir / "style.css"
    text = (TEMPLATES_DIR / "style.css").read_text(encoding="utf-8")
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        publish_file(path, lambda temporary: write_text(temporary, text))


def _write_page(path: Path, template: str, content: dict[str, object], root: str) -> None:
    """Fill a template in; `root` is the way from the page to the reports folder."""
    page = _environment().get_template(template).render(root=root, **content)
    publish_file(path, lambda temporary: write_text(temporary, page))


def _pages_dir(settings: Settings, dataset: str) -> Path:
    return settings.reports_dir / dataset


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["moment"] = words.moment_words
    environment.filters["duration"] = words.duration_words
    environment.filters["names"] = words.names_words
    environment.globals.update(columns=columns, lineage=lineage, share=share)
    return environment
