"""What single pages show of what is there, and say about what they do not show."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from dashboard import charts
from dashboard.texts import LANGUAGES, load_texts
from tests.dashboard.one_page import card_on, changed_release, choose, html_of, one_page, table_on


def ask(home: Path, sql: str) -> list[tuple]:
    """Rows of the marts, read the plain way."""
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("score", ["csat", "nps", "ces"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_response_rate_is_that_of_the_chosen_metric_and_says_so(
    sample_home: Path, monkeypatch: pytest.MonkeyPatch, score: str, language: str
) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(sample_home))
    texts = load_texts(language)
    rates = dict(
        ask(
            sample_home,
            "select metric, response_rate from csat_by_period where period_grain = 'year' and segment_type = 'all' "
            "and survey_id = 'all' and touchpoint = 'all' and period_start = '2025-01-01'",
        )
    )
    assert len({*rates.values()}) == 3
    card = card_on(
        choose(one_page("satisfaction", language), grain="year", survey_score=score), f"response_rate_{score}"
    )
    assert texts.rate(rates[score]) in card
    assert texts(f"figure.response_rate_{score}") in card
    assert texts(f"formula.response_rate_{score}") in card
    names = {texts(f"{family}.response_rate_{other}") for family in ("figure", "formula") for other in rates}
    assert len(names) == 6


def test_of_many_segments_the_largest_are_drawn_and_the_page_says_so(
    sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The larger the later by the alphabet; the last one has no value.
    many = """
        select * from mart where segment_type != 'country'
        union all
        select mart.* replace (
            'C' || lpad(number::varchar, 3, '0') as segment_value, 100 + number as customers_at_start,
            case when number < 120 then 0.5 end as retention_rate_excl_reactivated
        )
        from mart, range(121) as many (number) where segment_type = 'country' and segment_value = 'AE'
    """
    changed_release(sample_home, tmp_path, {"retention_by_period": many})
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    drawn = []
    draw = charts.bars
    monkeypatch.setattr(charts, "bars", lambda frame, *more: drawn.append([*frame["category"]]) or draw(frame, *more))
    page = choose(one_page("retention"), grain="year", period_year=dt.date(2025, 1, 1), segment_type="country")
    assert drawn[-1] == [f"C{number:03d}" for number in range(80, 120)]
    assert load_texts("en")("chart.bars_cut", shown="40", all="120") in html_of(page)
    assert len(table_on(page, "retention_strict-by-segment")) == 121


def test_few_segments_are_all_drawn(sample_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_HOME", str(sample_home))
    page = choose(one_page("retention"), grain="year", period_year=dt.date(2025, 1, 1), segment_type="country")
    assert "are drawn" not in html_of(page)


def test_lifetime_values_say_that_customers_are_not_broken_down_by_city(
    sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_city = "select * replace (replace(segment_type, 'country', 'city') as segment_type) from mart"
    changed_release(sample_home, tmp_path, {"retention_by_period": by_city})
    monkeypatch.setenv("WAREHOUSE_HOME", str(tmp_path))
    texts = load_texts("en")
    note = texts("lifetime_value.not_by_segment", segment_type="city")
    page = choose(one_page("lifetime_value"), segment_type="city")
    assert note in html_of(page)
    assert texts("chart.nothing") not in html_of(page)
    assert not page.subheader[1:]
    assert note not in html_of(choose(page, segment_type="region"))
    assert page.subheader[1:]
