"""What is called stale: no refresh, data that do not come out, sources that are late."""

import datetime as dt
import json
from dataclasses import replace

import pytest

from dagster_project.alerting.stale_data import find_stale_data
from dagster_project.loading.ledger import read_ledger
from dagster_project.loading.mapping import load_config
from dagster_project.publishing import releases
from tests.unit.loading.conftest import Home

NOW = dt.datetime.now(dt.UTC).replace(tzinfo=None)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def shop(tmp_path):
    """A shop that was loaded, checked and published a moment ago."""
    home = Home(tmp_path)
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv', expect_every: 3 days}\n")
    home.put("a.csv", f"order_id,ordered_at,status\n1,{NOW:%Y-%m-%d},paid\n")
    home.load()
    gate = home.settings.quality_dir / "gates" / "shop__raw.json"
    gate.parent.mkdir(parents=True)
    gate.write_text(json.dumps({"checked_at": NOW.isoformat(), "suites": [], "run_id": "r"}))
    return home


def release(home, sequence, dataset="shop"):
    folder = home.settings.published_dir / "current"
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {"dataset": dataset, "data_version": "1", "definition_version": "1"}
    details = {"release_id": "r", "inputs": inputs, "last_load_sequence": sequence}
    (folder / "release.json").write_text(json.dumps(details))
    assert releases.current_release(home.settings).release_id == "r"


def found(home, hours=0.0, **settings):
    settings = replace(home.settings, **settings)
    return find_stale_data(settings, load_config(settings.extracts_config), NOW + hours * HOUR)


def test_fresh_data_are_not_stale(shop):
    release(shop, 1)
    assert found(shop) == found(shop, 25) == []


def test_a_home_in_which_nothing_was_ever_loaded_is_stale(tmp_path):
    home = Home(tmp_path)
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: '*.csv'}\n")
    assert found(home) == ["No refresh has loaded anything yet. Start one: run the job daily_refresh."]


def test_no_refresh_for_longer_than_a_day_is_stale(shop):
    release(shop, 1)
    (finding,) = found(shop, 27)
    assert finding.startswith("No refresh has run since")
    assert found(shop, 27, marts_fresh_hours=48) == []


@pytest.mark.parametrize("published", [None, (0, "shop"), (1, "kiosk")])
def test_what_is_loaded_has_to_come_out(shop, published):
    if published:
        release(shop, *published)
    findings = found(shop, 27)
    assert len(findings) == 2
    assert "are not published yet" in findings[1]
    assert found(shop, 25) == []


def test_a_late_source_is_stale_although_the_refresh_runs(shop):
    release(shop, 1)
    (finding,) = found(shop, 24 * 5, marts_fresh_hours=1000)
    assert finding.startswith("orders (orders) has brought nothing newer than")
    assert "within 3 days" in finding
    assert len(read_ledger(shop.settings, "shop")) == 1
