"""The page of data quality: which figures have changed and how, and what was read."""

from pathlib import Path

import pandas as pd
import pytest

from dashboard.app import PAGES
from dashboard.figures import quality
from dashboard.texts import load_texts
from tests.dashboard.browser import needs_browser, opened_browser, served, visit
from tests.dashboard.one_page import changed_release, choose, html_of, one_page, table_on

CHANGES = 1500
FIGURE = {
    "metric": "varchar",
    "period_grain": "varchar",
    "period_start": "date",
    "activity_definition": "varchar",
    "cohort_start": "date",
    "survey_metric": "varchar",
    "survey_id": "varchar",
    "touchpoint": "varchar",
    "segment_type": "varchar",
    "segment_value": "varchar",
    "value_before": "double",
    "value_after": "double",
}
RATE, SCORE, BACK = "churn_by_period.churn_rate", "csat_by_period.csat", "retention_by_cohort.retention_rate"
MONTH = ("month", "2026-09-01")
EVERYBODY = ("all", "all")
# Pairs that only columns beyond metric, period and segment tell apart.
CHANGED = (
    (RATE, *MONTH, "purchase", None, None, None, None, *EVERYBODY, 0.8712, 0.8744),
    (RATE, *MONTH, "window_90", None, None, None, None, *EVERYBODY, 0.0204571, 0.0204579),
    (BACK, *MONTH, None, "2026-01-01", None, None, None, *EVERYBODY, 0.25, None),
    (BACK, *MONTH, None, "2026-02-01", None, None, None, *EVERYBODY, 0.5, 0.75),
    (SCORE, *MONTH, None, None, "csat", "all", "all", "country", "AE", 0.5, 0.75),
    (SCORE, *MONTH, None, None, "csat", "all", "post_service", "country", "AE", 0.25, 0.5),
    ("order_value_by_period.net_amount_after_refunds", *MONTH, *[None] * 5, *EVERYBODY, 4000.0, 3940.5),
)


@pytest.fixture
def home(sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which figures have changed: those above now, many of a week before."""
    names = ", ".join(f"column{number}::{kind} as {name}" for number, (name, kind) in enumerate(FIGURE.items()))
    rows = ", ".join(str(tuple(row)).replace("None", "null") for row in CHANGED)
    columns = ", ".join(f"column{number}" for number in range(len(FIGURE)))
    sql = f"""
        select * from mart
        union all by name
        select {names}, 'data' as cause, timestamp '2026-11-02 06:00:00' as restated_at
        from (values {rows}) as changes ({columns})
        union all by name
        select
            'order_value_by_period.order_count' as metric, 'week' as period_grain, date '2026-09-07' as period_start,
            'country' as segment_type, 'S' || number as segment_value, 1.0 as value_before, 2.0 as value_after,
            'data' as cause, timestamp '2026-10-26 06:00:00' as restated_at
        from range({CHANGES - len(CHANGED)}) as many (number)
    """
    changed_release(sample_home, tmp_path, {"metric_restatements": sql})
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    return tmp_path


def test_every_changed_figure_is_told_from_the_others_and_its_change_is_seen(home: Path) -> None:
    rows = table_on(choose(one_page("data_quality")), "restatements")[: len(CHANGED)]
    plain = [(row["of"], row["before"], row["after"]) for row in rows]
    assert sorted(plain) == sorted(
        [
            ("everybody, bought in the period", "0.8712", "0.8744"),
            ("everybody, bought within the last 90 days", "0.020457", "0.020458"),
            ("everybody, cohort of 1 January 2026", "0.25", "\N{EN DASH}"),
            ("everybody, cohort of 1 February 2026", "0.5", "0.75"),
            ("country: AE, Satisfaction (CSAT), all surveys, all touchpoints", "0.5", "0.75"),
            ("country: AE, Satisfaction (CSAT), all surveys, after a service contact", "0.25", "0.5"),
            ("everybody", "4,000", "3,940.5"),
        ]
    )


def test_changed_figures_are_counted_and_named_whole(home: Path) -> None:
    shown = html_of(choose(one_page("data_quality")))
    assert load_texts("en")("chart.table_cut", shown="200", all="1,500") in shown
    everything = quality.restatements(home / "published" / "current")
    assert len(everything) == CHANGES
    keys = [name for name in FIGURE if not name.startswith("value_")]
    assert not everything.duplicated(keys).any()


@needs_browser
def test_the_file_of_changed_figures_has_all(home: Path, tmp_path: Path) -> None:
    texts = load_texts("en")
    label = texts("chart.download", chart=texts("chart.restatements"))
    with served(home) as dashboard, opened_browser() as browser, visit(browser, dashboard.url) as seen:
        seen.open("en")
        seen.go_to(list(PAGES).index("data_quality"))
        with seen.page.expect_download() as download:
            seen.page.get_by_role("button", name=label).click()
        download.value.save_as(tmp_path / "changes.csv")
    assert len(pd.read_csv(tmp_path / "changes.csv")) == CHANGES


def test_latest_events_may_have_fractions_of_a_second_or_none(
    sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = {"orders": "2026-10-31T19:43:16", "order_lines": None, "crm_tickets": "2026-10-31T17:20:42.123000"}
    counts = {"files": 1, "rows_read": 1, "rows_accepted": 1, "rows_quarantined": 0}
    feeds = {name: counts | {"watermark": moment} for name, moment in moments.items()}
    changed_release(sample_home, tmp_path, {}, feeds=feeds)
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    rows = table_on(choose(one_page("data_quality")), "feeds")
    assert [row["latest event"] for row in rows] == [
        "31 October 2026, 19:43\N{NO-BREAK SPACE}UTC",
        "\N{EN DASH}",
        "31 October 2026, 17:20\N{NO-BREAK SPACE}UTC",
    ]
