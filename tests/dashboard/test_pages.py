"""What single pages show of what is there, and say about what they do not show."""

from pathlib import Path

import duckdb
import pytest

from dashboard.texts import LANGUAGES, load_texts
from tests.dashboard.one_page import card_on, choose, one_page


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
