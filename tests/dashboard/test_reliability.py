"""How far a figure can be relied on: open periods, small bases, comparisons with what cannot be compared."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from dashboard.figures import customers, values
from dashboard.figures.choices import Selection
from dashboard.figures.customers import CUSTOMER_STEPS
from dashboard.figures.metrics import METRICS
from dashboard.release import open_release
from dashboard.texts import LANGUAGES, load_texts
from dashboard.view import View, figure_card, reliability
from tests.dashboard.one_page import choose, html_of, one_page, table_on

# The sample ends in October 2026.
OPEN_YEAR, CLOSED_YEAR = dt.date(2026, 1, 1), dt.date(2025, 1, 1)
OPEN = load_texts("en")("certainty.open")


@pytest.fixture(autouse=True)
def _release_of_the_sample(sample_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(sample_home))


@pytest.mark.parametrize(
    ("page", "tables"),
    [
        ("churn", ["churn-by-segment", "churn-reasons"]),
        ("retention", ["retention_strict-by-segment"]),
        ("orders", ["aov-by-segment"]),
        ("satisfaction", ["touchpoints"]),
    ],
)
def test_bars_of_an_open_period_say_so(page: str, tables: list[str]) -> None:
    shown = choose(one_page(page), grain="year", segment_type="country", period_year=OPEN_YEAR)
    for table in tables:
        assert {row["reliability"] for row in table_on(shown, table)} == {OPEN}
    shown = choose(shown, period_year=CLOSED_YEAR)
    for table in tables:
        assert OPEN not in {row["reliability"] for row in table_on(shown, table)}


def test_waterfalls_of_an_open_period_say_so() -> None:
    texts = load_texts("en")
    titles = [texts(f"chart.{name}") for name in ("customer_movements", "revenue_movements")]
    shown = choose(one_page("churn"), grain="year", period_year=OPEN_YEAR)
    assert {f"{title} ({OPEN})" for title in titles} <= {heading.value for heading in shown.subheader}
    shown = choose(shown, period_year=CLOSED_YEAR)
    assert {*titles} <= {heading.value for heading in shown.subheader}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_badge_of_an_open_period_claims_no_direction(sample_home: Path, language: str) -> None:
    with duckdb.connect(str(sample_home / "published" / "current" / "marts.duckdb"), read_only=True) as connection:
        churn = dict(
            connection.execute(
                "select is_complete, max(churn_rate) from churn_by_period where period_grain = 'year' "
                "and activity_definition = 'window_90' and segment_type = 'all' group by is_complete"
            ).fetchall()
        )
    # The same badge stands on orders, which are too few in an open period.
    assert churn[False] > churn[True]
    badge = load_texts(language)("card.open")
    assert badge.startswith(load_texts(language)("certainty.open"))
    low_or_high = ("low", "high", "أقل", "أكثر", "أعلى", "کمتر", "بیشتر")
    assert not any(word in badge for word in low_or_high)
    shown = choose(one_page("churn", language), grain="year", period_year=OPEN_YEAR)
    assert badge in html_of(shown)


@pytest.mark.parametrize("name", METRICS)
def test_every_figure_by_segment_knows_whether_its_period_is_open(sample_home: Path, name: str) -> None:
    folder = sample_home / "published" / "current"
    for year, is_complete in ((OPEN_YEAR, False), (CLOSED_YEAR, True)):
        frame = values.by_segment(folder, name, Selection("year", "window_90", "country", "AE", year), 30)
        assert {*frame["is_complete"]} == {is_complete}


@pytest.mark.parametrize("name", METRICS)
def test_a_figure_is_as_certain_as_its_own_denominator(sample_home: Path, name: str) -> None:
    selection = Selection("month", "window_90", "country", "AE", CLOSED_YEAR)
    frame = values.series(sample_home / "published" / "current", name, selection, 30)
    assert ((frame["certainty"] == "no_base") == frame["value"].isna()).all()
    figures = frame.dropna(subset=["value"])
    assert len(figures) > 1
    # Whether a base of money is small is a question of how many people brought it.
    if "revenue" not in name:
        assert ((figures["certainty"] == "small_base") == (figures["denominator"] < 30)).all()


def test_a_period_without_movements_has_none(sample_home: Path) -> None:
    nobody = Selection("year", "window_90", "country", "nowhere", OPEN_YEAR)
    assert customers.movements(sample_home / "published" / "current", CUSTOMER_STEPS, nobody).empty


def test_figures_of_unknown_completeness_are_never_called_reliable() -> None:
    with pytest.raises(KeyError):
        reliability(pd.DataFrame({"certainty": ["ok"]}))


@pytest.mark.parametrize(("variables", "limit"), [({"small_base_limit": 0}, 0), ({"small_base_limit": 7}, 7), ({}, 30)])
def test_the_limit_of_a_small_base_is_that_of_the_release(variables: dict[str, int], limit: int) -> None:
    release = replace(open_release(), details={"variables": variables})
    everybody = Selection("year", "window_90", "all", "all", CLOSED_YEAR)
    assert View(release, load_texts("en"), everybody).small_base_limit == limit


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        (-10.0, "-10.00\N{NO-BREAK SPACE}USD"),
        (0.0, "0.00\N{NO-BREAK SPACE}USD"),
        (4.0, "4.00\N{NO-BREAK SPACE}USD (+25.0%)"),
    ],
)
def test_only_an_amount_above_zero_is_the_base_of_a_percentage(before: float, shown: str) -> None:
    everybody = Selection("year", "window_90", "all", "all", CLOSED_YEAR)
    figures = {"value": 5.0, "numerator": 5.0, "denominator": 1.0, "lower": None, "upper": None, "previous": before}
    row = pd.Series(figures | {"last_year": before, "certainty": "ok", "is_complete": True, "is_final": True})
    card = figure_card(View(open_release(), load_texts("en"), everybody), "aov_after_refunds", row)
    assert [dict(card.facts)[load_texts("en")(f"card.{name}")] for name in ("previous", "last_year")] == [shown] * 2
