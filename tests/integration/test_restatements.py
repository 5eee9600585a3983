"""The real job: a late order changes a month that was published as final, and that can be seen."""

from tests.integration.workplace import ORDER_COLUMNS, Workplace, write_rows

LATE_ORDER = ["late1", "c7", "2025-01-20 09:00:00", "paid", "USD", 250]


def test_a_late_order_of_a_final_month_restates_it_once(finished: Workplace) -> None:
    month = "period_grain = 'month' and period_start = '2025-01-01' and segment_type = 'all'"
    published = f"select net_amount_after_refunds, order_count from marts.order_value_by_period where {month}"
    ((amount, count),) = finished.query(published)
    assert finished.query("select count(*) from marts.metric_restatements") == [(0,)]
    first_release = finished.release()["release_id"]

    write_rows(finished.extracts / "orders" / "late.csv", ORDER_COLUMNS, [LATE_ORDER])
    assert finished.run("run", "daily_refresh") == 0
    rows = finished.query(
        "select metric, first_published_value, value_before, value_after, change_number, cause, "
        "first_published_release_id, previous_release_id, load_sequence_from = load_sequence_to "
        f"from marts.metric_restatements where {month} and metric in "
        "('order_value_by_period.order_count', 'order_value_by_period.net_amount_after_refunds') order by metric"
    )
    shared = (1, "data", first_release, first_release, True)
    amounts = (float(amount), float(amount), float(amount) + 250)
    assert rows == [
        ("order_value_by_period.net_amount_after_refunds", *amounts, *shared),
        ("order_value_by_period.order_count", count, count, count + 1, *shared),
    ]
    # Its period and every larger one that holds it, but none that ended before it.
    assert finished.query("select min(period_start)::varchar from marts.metric_restatements") == [("2025-01-01",)]
    assert finished.query("select count(*) from marts.metric_restatements where period_start >= '2026-05-01'") == [(0,)]

    before = finished.release()
    assert finished.run("run", "daily_refresh") == 0
    assert finished.release() == before
