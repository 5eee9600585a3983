"""What a text or an expression means as a moment: in which zone, by which format, and which are impossible."""

# Moments in the lake are naive and mean UTC; digits and marks of other scripts are what is tested.
# ruff: noqa: DTZ001, RUF001

import datetime as dt

import pytest

ORDERS = "order_id,ordered_at,status,order_amount,currency\n"
MOMENT = dt.datetime(2024, 5, 31, 14, 0)


def _ordered_at(home, load_orders, text: str, options: str = ""):
    load_orders(f'{ORDERS}1,"{text}",paid,1,EUR\n', options)
    return home.outcome("orders", "ordered_at")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-31 14:00:00", MOMENT),
        ("2024-05-31T14:00", MOMENT),
        ("2024-05-31 14:00:00.250", MOMENT.replace(microsecond=250000)),
        ("2024-05-31T14:00:00Z", MOMENT),
        ("2024-05-31T17:30:00+03:30", MOMENT),
        ("2024-05-31 17:30:00 +0330", MOMENT),
        ("2024-05-31 12:00:00-02", MOMENT),
        ("2024-05-31 14:00:00 UTC", MOMENT),
        ("2024-05-31", dt.datetime(2024, 5, 31)),
        ("٢٠٢٤-٠٥-٣١ ١٤:٠٠:٠٠", MOMENT),
        ("۲۰۲۴-۰۵-۳۱", dt.datetime(2024, 5, 31)),
        ("2024-02-29", dt.datetime(2024, 2, 29)),
        ("2023-02-29", ["not_a_timestamp:ordered_at"]),
        ("2024-13-01", ["not_a_timestamp:ordered_at"]),
        ("2024-05-31 25:00:00", ["not_a_timestamp:ordered_at"]),
        ("31/05/2024", ["not_a_timestamp:ordered_at"]),
        ("05-06-2024", ["not_a_timestamp:ordered_at"]),
        ("20240531", ["not_a_timestamp:ordered_at"]),
        ("1717164000", ["not_a_timestamp:ordered_at"]),
        ("45443", ["not_a_timestamp:ordered_at"]),
        ("infinity", ["not_a_timestamp:ordered_at"]),
        ("epoch", ["not_a_timestamp:ordered_at"]),
        ("", ["missing:ordered_at"]),
        ("0001-01-01", ["before_1900:ordered_at"]),
        ("1899-12-31 23:59:59", ["before_1900:ordered_at"]),
        ("9999-12-31", ["in_the_future:ordered_at"]),
    ],
)
def test_timestamp_in_utc(home, load_orders, text, expected):
    assert _ordered_at(home, load_orders, text) == expected


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("Asia/Tehran", "2024-05-31 17:30:00", MOMENT),
        ("Asia/Tehran", "2024-05-31T14:00:00Z", MOMENT),
        ("Asia/Tehran", "2021-06-01 12:00:00", dt.datetime(2021, 6, 1, 7, 30)),
        ("Asia/Tehran", "2024-05-31", dt.datetime(2024, 5, 30, 20, 30)),
        # The clock jumped from 02:00 to 03:00: the skipped half hour moves forward.
        ("Europe/Berlin", "2024-03-31 02:30:00", dt.datetime(2024, 3, 31, 1, 30)),
        ("Europe/Berlin", "2024-03-31 03:00:00", dt.datetime(2024, 3, 31, 1, 0)),
        # The clock went through 02:30 twice: the first pass, still summer time.
        ("Europe/Berlin", "2024-10-27 02:30:00", dt.datetime(2024, 10, 27, 0, 30)),
        ("Europe/Berlin", "2024-10-27 03:00:00", dt.datetime(2024, 10, 27, 2, 0)),
        ("America/Sao_Paulo", "2018-11-04 00:30:00", dt.datetime(2018, 11, 4, 3, 30)),
        ("America/Sao_Paulo", "2018-02-17 23:30:00", dt.datetime(2018, 2, 18, 1, 30)),
    ],
)
def test_local_time_becomes_utc(home, load_orders, zone, text, expected):
    assert _ordered_at(home, load_orders, text, f"    time_zone: {zone}\n") == expected


@pytest.mark.parametrize(
    ("formats", "text", "expected"),
    [
        ("['%d/%m/%Y %H:%M']", "31/05/2024 14:00", MOMENT),
        ("['%m/%d/%Y %H:%M']", "5/31/2024 14:00", MOMENT),
        ("['%d/%m/%Y', iso]", "2024-05-31T14:00", MOMENT),
        ("['%d/%m/%Y %H:%M %z']", "31/05/2024 17:30 +0330", MOMENT),
        ("[epoch_seconds]", "1717164000", MOMENT),
        ("[epoch_milliseconds]", "1717164000000", MOMENT),
        ("['%d/%m/%Y']", "2024-05-31", ["not_a_timestamp:ordered_at"]),
        ("['%d/%m/%Y']", "5/31/2024", ["not_a_timestamp:ordered_at"]),
    ],
)
def test_configured_timestamp_format(home, load_orders, formats, text, expected):
    assert _ordered_at(home, load_orders, text, f"    timestamp_formats: {formats}\n") == expected


def test_a_moment_within_a_day_of_loading_is_accepted_and_a_later_one_is_not(home, load_orders):
    now = dt.datetime.now(dt.UTC)
    soon, later = now + dt.timedelta(hours=23), now + dt.timedelta(hours=25)
    load_orders(f"{ORDERS}1,{soon:%Y-%m-%d %H:%M:%S},paid,1,EUR\n2,{later:%Y-%m-%d %H:%M:%S},paid,1,EUR\n")
    assert home.rows("orders", "order_id") == [("1",)]
    assert home.quarantined("orders") == [(2, ["in_the_future:ordered_at"])]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("strptime(given, '%d.%m.%Y %H:%M')", MOMENT),
        ("CAST(strptime(given, '%d.%m.%Y %H:%M') AS DATE)", dt.datetime(2024, 5, 30, 20, 30)),
        ("strptime(given || ' +0200', '%d.%m.%Y %H:%M %z')", dt.datetime(2024, 5, 31, 15, 30)),
        ("strptime(given, '%d.%m.%Y %H:%M') AT TIME ZONE 'UTC'", dt.datetime(2024, 5, 31, 17, 30)),
        ("to_timestamp(1717164000)", MOMENT),
    ],
)
def test_a_moment_without_offset_that_an_expression_gives_is_local_time(home, sql, expected):
    home.put("orders.csv", "id,given\n1,31.05.2024 17:30\n")
    home.map(
        "name: shop\nsources:\n  - name: orders\n    feed: orders\n    files: orders.csv\n    time_zone: Asia/Tehran\n"
        f'    columns: {{order_id: id, ordered_at: {{sql: "{sql}"}}, status: {{value: paid}}}}\n'
    )
    home.load()
    assert home.rows("orders", "ordered_at") == [(expected,)]


def test_a_constant_moment_without_offset_is_local_time(home):
    home.put("orders.csv", "id\n1\n")
    home.map(
        "name: shop\nsources:\n  - name: orders\n    feed: orders\n    files: orders.csv\n    time_zone: Asia/Tehran\n"
        "    columns: {order_id: id, ordered_at: {value: '2024-05-31 17:30'}, status: {value: paid}}\n"
    )
    home.load()
    assert home.rows("orders", "ordered_at") == [(MOMENT,)]
