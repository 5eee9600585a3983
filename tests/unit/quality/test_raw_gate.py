"""The raw gate on lakes that are good, or broken in one way."""

import os

import pytest

from dagster_project.loading.mapping import load_config
from dagster_project.quality.gates import run_gate
from tests.unit.loading.conftest import Home


@pytest.fixture
def findings(settings):
    """Run the raw gate; what did not pass on orders: rule -> (status, severity, rows failed)."""

    def run():
        (orders,) = run_gate(settings, "shop", "raw", "run-1", ["raw.orders"])
        return {
            result.rule: (result.status, result.severity, result.rows_failed)
            for result in orders.results
            if result.status != "passed"
        }

    return run


def test_good_lake_passes(deliver, findings):
    deliver()
    assert findings() == {}


def test_feeds_that_were_never_delivered_pass(deliver, settings):
    deliver()
    suites = run_gate(settings, "shop", "raw", "run-1")
    assert len(suites) == 7
    assert [suite.table for suite in suites if suite.critical_failures or suite.warnings] == []


def test_without_any_order_there_is_nothing_to_publish(deliver, findings):
    deliver(accepted=0)
    assert findings() == {
        "files_hold_rows": ("failed", "warning", 1),
        "table_not_empty": ("failed", "critical", 1),
    }


def test_refused_file_blocks_until_it_is_gone(deliver, findings, settings):
    deliver()
    deliver("broken.csv", status="refused", sequence=2)
    assert findings() == {"no_file_refused": ("failed", "critical", 1)}
    (settings.extracts_dir / "broken.csv").unlink()
    assert findings() == {}


def test_refused_file_whose_name_is_not_utf8_blocks_until_it_is_gone(deliver, findings, settings):
    deliver()
    raw_name = os.fsdecode(b"caf\xe9/broken.csv")
    (settings.extracts_dir / raw_name).parent.mkdir()
    deliver(raw_name, status="refused", sequence=2, source_file="caf\\xe9/broken.csv", message="Rename it.")
    assert findings() == {"no_file_refused": ("failed", "critical", 1)}
    (settings.extracts_dir / raw_name).unlink()
    assert findings() == {}


def test_refused_link_to_nothing_blocks_like_every_refused_file(deliver, findings, settings):
    deliver()
    deliver("link.csv", status="refused", sequence=2)
    (settings.extracts_dir / "link.csv").unlink()
    (settings.extracts_dir / "link.csv").symlink_to("nothing.csv")
    assert findings() == {"no_file_refused": ("failed", "critical", 1)}


def test_some_rows_in_quarantine_are_a_warning(deliver, findings):
    deliver(accepted=960, quarantined=40)
    assert findings() == {"nothing_in_quarantine": ("failed", "warning", 40)}


def test_few_rows_in_quarantine_never_block(deliver, findings):
    deliver(accepted=1, quarantined=49)
    assert findings() == {"nothing_in_quarantine": ("failed", "warning", 49)}


def test_more_than_a_tenth_in_quarantine_blocks_in_later_runs_too(deliver, findings):
    deliver(accepted=400, quarantined=60)
    deliver("next_day.csv", accepted=5000, sequence=2, loaded_at="2026-02-02T04:00:00")
    assert findings()["quarantine_within_limit"] == ("failed", "critical", 60)


def test_a_renamed_file_with_too_many_refused_rows_still_blocks(tmp_path):
    home = Home(tmp_path)
    home.map("name: shop\nsources:\n  - {name: shop_orders, feed: orders, files: '*.csv'}\n")
    rows = "".join(f"{row},a,{'2026-01-31' if row < 40 else 'never'},paid\n" for row in range(100))
    file = home.put("orders.csv", f"order_id,customer_id,ordered_at,status\n{rows}")
    home.load()
    file.rename(file.with_name("orders_again.csv"))
    home.load()
    (orders,) = run_gate(home.settings, "shop", "raw", "run-1", ["raw.orders"])
    assert [result.rule for result in orders.critical_failures] == [
        "quarantine_within_limit",
        "quarantine_of_day_within_limit",
    ]


@pytest.mark.parametrize("what_happens", ["it goes", "another takes its name"])
def test_rows_of_a_file_that_is_not_there_any_more_are_named_as_long_as_they_wait(
    deliver, findings, settings, what_happens
):
    deliver(accepted=40, quarantined=60)
    deliver("next_day.csv", accepted=100, sequence=2)
    if what_happens == "it goes":
        (settings.extracts_dir / "orders.csv").unlink()
    else:
        deliver(accepted=100, sequence=3)
    assert findings() == {"nothing_in_quarantine": ("failed", "warning", 60)}


def test_many_small_broken_files_of_one_day_block_together(deliver, findings):
    for sequence in range(1, 7):
        deliver(f"{sequence}.csv", accepted=10, quarantined=10, sequence=sequence)
    found = findings()
    assert found["quarantine_of_day_within_limit"] == ("failed", "critical", 60)
    assert "quarantine_within_limit" not in found


@pytest.mark.parametrize("fact", ["rows_read", "rows_accepted", "rows_quarantined"])
def test_rows_that_do_not_add_up_block(deliver, findings, fact):
    deliver(accepted=100, quarantined=5, **{fact: 99})
    assert findings()["rows_conserved"] == ("failed", "critical", 1)


def test_replayed_rows_are_conserved(deliver, findings):
    first = deliver(accepted=100, quarantined=0, rows_read=105, rows_quarantined=5)
    deliver(accepted=5, sequence=2, replayed_from=first.batch_id)
    assert findings() == {}


def test_discarded_rows_are_conserved(deliver, findings):
    first = deliver(accepted=100, quarantined=0, rows_read=105, rows_quarantined=5)
    deliver(accepted=0, sequence=2, replayed_from=first.batch_id, rows_passed_over=5, rows_taken_out=[(1, 5)])
    assert findings() == {}


def test_feed_that_stalled_is_a_warning(deliver, findings):
    deliver()
    deliver("later.csv", feed="crm_tickets", sequence=2, watermark="2026-02-09T00:00:00")
    found = findings()
    assert found["keeps_up_with_other_feeds"] == ("failed", "warning", 1)


@pytest.mark.parametrize(("rows", "unusual"), [(49, True), (50, False), (300, False), (301, True)])
def test_volume_is_compared_with_the_deliveries_before(deliver, findings, rows, unusual):
    for sequence in range(1, 6):
        deliver(f"{sequence}.csv", accepted=100, sequence=sequence)
    deliver("6.csv", accepted=rows, sequence=6)
    assert ("volume_as_usual" in findings()) is unusual


def test_unusual_status_is_listed(deliver, settings):
    deliver(order_status="storniert")
    (orders,) = run_gate(settings, "shop", "raw", "run-1", ["raw.orders"])
    (warning,) = orders.warnings
    assert (warning.rule, warning.rows_failed) == ("statuses_usual", 10)
    assert warning.sample == [{"status": "storniert", "order_count": "10"}]


def test_a_late_source_is_a_warning_with_its_limit(deliver, settings, tmp_path):
    mapping = tmp_path / "extracts.yml"
    mapping.write_text(
        "name: shop\nsources:\n  - {name: shop_orders, feed: orders, files: '*.csv', expect_every: 2 weeks}\n"
    )
    deliver()
    (orders,) = run_gate(settings, "shop", "raw", "run-1", ["raw.orders"], load_config(mapping).sources)
    (warning,) = orders.warnings
    assert warning.rule == "arrives_in_time"
    assert warning.sample[0]["newest"] == "2026-01-31 00:00:00"
    assert warning.sample[0]["allowed"] == "14 days"


def test_every_file_of_the_latest_load_is_compared(deliver, findings):
    for sequence in range(1, 6):
        deliver(f"{sequence}.csv", accepted=100, sequence=sequence)
    for sequence in (6, 7, 8):
        rows = 20 if sequence == 7 else 100
        deliver(f"{sequence}.csv", accepted=rows, sequence=sequence, loaded_at="2026-02-02T04:00:00")
    assert findings()["volume_as_usual"] == ("failed", "warning", 1)
    deliver("9.csv", accepted=100, sequence=9, loaded_at="2026-02-03T04:00:00")
    assert "volume_as_usual" not in findings()


def test_a_grown_shop_is_compared_with_its_recent_past(deliver, findings):
    for sequence in range(1, 21):
        deliver(f"{sequence}.csv", accepted=2, sequence=sequence)
    for sequence in range(21, 41):
        deliver(f"{sequence}.csv", accepted=30, sequence=sequence, loaded_at=f"2026-03-{sequence - 10}T04:00:00")
    assert "volume_as_usual" not in findings()


@pytest.mark.parametrize(("usual", "rows", "unusual"), [(4, 9, False), (4, 13, True), (9, 0, False), (25, 5, True)])
def test_small_counts_vary_by_chance(deliver, findings, usual, rows, unusual):
    for sequence in range(1, 7):
        deliver(f"{sequence}.csv", accepted=usual, sequence=sequence)
    deliver("7.csv", accepted=rows, sequence=7)
    assert ("volume_as_usual" in findings()) is unusual
