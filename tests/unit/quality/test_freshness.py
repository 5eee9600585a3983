"""When a source is late, judged by its own past and the clock."""

import datetime as dt

import pytest

from dagster_project.loading.formats import Dialect
from dagster_project.loading.ledger import LedgerEntry
from dagster_project.loading.mapping import NEVER_EXPECTED, Source
from dagster_project.quality.freshness import source_freshness

START = dt.datetime(2026, 1, 1)  # noqa: DTZ001  (UTC, as in the ledger)
DAY = dt.timedelta(days=1)


def source(expect_every=None):
    return Source("shop", "orders", "*.csv", None, None, Dialect(), None, None, {}, None, "append", expect_every)


def entry(moment, *, watermark=True, replayed_from=None, status="loaded"):
    time = moment.isoformat()
    counts = {"rows_read": 1, "rows_accepted": 1, "rows_quarantined": 0, "reasons": {}, "load_sequence": 1}
    return LedgerEntry(
        *("shop", "orders", "shop", "a.csv", "0", 1, status, ""),
        **counts,
        batch_id="b",
        loaded_at=time if not watermark else "2026-12-31T00:00:00",
        watermark=time if watermark else None,
        replayed_from=replayed_from,
    )


def is_late(moments, now, expect_every=None, **options):
    (found,) = source_freshness([entry(moment, **options) for moment in moments], [source(expect_every)], now)
    return found.is_late


@pytest.mark.parametrize("watermark", [True, False])
@pytest.mark.parametrize(("gap", "allowed"), [(1, 3.5), (7, 12.5), (30, 47)])
def test_a_source_is_late_half_a_gap_and_a_weekend_after_it_was_due(gap, allowed, watermark):
    moments = [START + number * gap * DAY for number in range(8)]
    assert not is_late(moments, moments[-1] + allowed * DAY, watermark=watermark)
    assert is_late(moments, moments[-1] + (allowed + 0.1) * DAY, watermark=watermark)


def test_working_days_are_no_reason_to_worry_on_monday():
    moments = [day for day in (START + number * DAY for number in range(28)) if day.weekday() < 5]
    friday = max(day for day in moments if day.weekday() == 4)
    moments = [day for day in moments if day <= friday]
    assert not is_late(moments, friday + 3.4 * DAY)


def test_a_late_file_with_old_rows_is_no_delivery_of_something_newer():
    moments = [START + number * DAY for number in range(8)]
    old = [START + 2.5 * DAY] * 5
    assert is_late([*moments, *old], moments[-1] + 4 * DAY)
    assert not is_late([*moments, *old], moments[-1] + 3 * DAY)


def test_nobody_knows_what_is_usual_before_five_gaps():
    assert not is_late([START + number * DAY for number in range(5)], START + 900 * DAY)
    assert is_late([START + number * DAY for number in range(6)], START + 900 * DAY)
    assert not is_late([], START)


def test_the_mapping_can_say_how_often():
    assert is_late([START], START + 1.1 * DAY, DAY)
    assert not is_late([START], START + 0.9 * DAY, DAY)
    assert is_late([], START, DAY), "expected, and never came"
    assert not is_late([START + number * DAY for number in range(20)], START + 900 * DAY, NEVER_EXPECTED)


def test_replays_and_refusals_are_no_deliveries():
    assert is_late([START], START + 2 * DAY, DAY, replayed_from="b0")
    assert is_late([START], START + 2 * DAY, 1.5 * DAY, status="refused")
    (found,) = source_freshness([entry(START, status="refused")], [source(DAY)], START)
    assert found.in_words() == "shop (orders) has never brought anything."
