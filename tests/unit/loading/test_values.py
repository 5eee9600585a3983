"""What a text means as a value, and which reason it gets where it means none."""

# Moments in the lake are naive and mean UTC; digits and marks of other scripts are what is tested.
# ruff: noqa: DTZ001, RUF001

import datetime as dt
from decimal import Decimal

import openpyxl
import pytest

ORDERS = "order_id,ordered_at,status,order_amount,currency\n"
MOMENT = dt.datetime(2024, 5, 31, 14, 0)


def _amount(home, load_orders, text: str, options: str = ""):
    load_orders(f'{ORDERS}1,2024-05-31,paid,"{text}",EUR\n', options)
    return home.outcome("orders", "order_amount")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.50", Decimal("12.5")),
        ("", None),
        ("  ", None),
        (" 7 ", Decimal(7)),
        ("-3.5", Decimal("-3.5")),
        ("-0", Decimal(0)),
        ("+4", Decimal(4)),
        ("1e3", Decimal(1000)),
        ("1.5E-2", Decimal("0.015")),
        ("0.00005", Decimal("0.0001")),
        ("١٢٫٥", Decimal("12.5")),
        ("۱۲", Decimal(12)),
        ("\u200f12\u200f", Decimal(12)),
        ("−5", Decimal(-5)),
        ("99999999999999.9999", Decimal("99999999999999.9999")),
        ("100000000000000", ["out_of_range:order_amount"]),
        ("1e400", ["out_of_range:order_amount"]),
        ("NaN", ["out_of_range:order_amount"]),
        ("Infinity", ["out_of_range:order_amount"]),
        ("12,50", ["not_a_number:order_amount"]),
        ("1,234.50", ["not_a_number:order_amount"]),
        ("1_000", ["not_a_number:order_amount"]),
        ("0x1F", ["not_a_number:order_amount"]),
        ("EUR 5", ["not_a_number:order_amount"]),
        ("(5)", ["not_a_number:order_amount"]),
        ("5-", ["not_a_number:order_amount"]),
        ("abc", ["not_a_number:order_amount"]),
    ],
)
def test_number(home, load_orders, text, expected):
    assert _amount(home, load_orders, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,50", Decimal("1234.5")),
        ("1.234.567,5", Decimal("1234567.5")),
        ("1234,5", Decimal("1234.5")),
        ("12", Decimal(12)),
        ("1.23", ["not_a_number:order_amount"]),
        ("1.2345,5", ["not_a_number:order_amount"]),
        ("1,234.50", ["not_a_number:order_amount"]),
    ],
)
def test_number_with_configured_marks(home, load_orders, text, expected):
    options = "    decimal_mark: ','\n    thousands_mark: '.'\n"
    assert _amount(home, load_orders, text, options) == expected


GERMAN = "defaults: {decimal_mark: ',', thousands_mark: '.'}\n"
SOURCE = "  - {{name: {name}, feed: orders, files: '{files}'{more}}}\n"
ONE_SOURCE = SOURCE.format(name="orders", files="*", more="")
SOURCE_A_FORMAT = "".join(
    SOURCE.format(name=name, files=f"*.{suffix}", more=f", format: {name}")
    for name, suffix in (("csv", "csv"), ("excel", "xlsx"), ("ndjson", "ndjson"), ("parquet", "parquet"))
)


@pytest.mark.parametrize("sources", [ONE_SOURCE, SOURCE_A_FORMAT], ids=["format by file", "format stated"])
@pytest.mark.parametrize("defaults", [GERMAN, GERMAN.replace(", thousands_mark: '.'", "")], ids=["both marks", "one"])
def test_marks_are_those_of_text_files(home, defaults, sources):
    """12.5 is no 12,5, and 1.085 no 1085, where it is a number of the file's own."""
    home.put("a.csv", 'order_id,ordered_at,status,order_amount\n1,2024-05-31,paid,"12,5"\n2,2024-05-31,paid,"1,085"\n')
    workbook = openpyxl.Workbook()
    for row in (
        ["order_id", "ordered_at", "status", "order_amount"],
        [1, MOMENT, "paid", 12.5],
        [2, MOMENT, "paid", 1.085],
    ):
        workbook.active.append(row)
    workbook.save(home.put("b.xlsx", b""))
    home.put(
        "c.ndjson",
        "".join(
            f'{{"order_id": {number}, "ordered_at": "2024-05-31", "status": "paid", "order_amount": {amount}}}\n'
            for number, amount in ((1, "12.5"), (2, "1.085"))
        ),
    )
    home.query(
        "COPY (SELECT unnest([1, 2]) AS order_id, DATE '2024-05-31' AS ordered_at, 'paid' AS status, "
        f"unnest([12.5, 1.085]) AS order_amount) TO '{home.put('d.parquet', b'')}'"
    )
    home.map(f"name: shop\n{defaults}sources:\n{sources}")
    home.load()
    amounts = [Decimal("12.5"), Decimal("1.085")]
    assert home.rows("orders", "order_amount") == [(amount,) for amount in amounts * 4]


def test_a_text_with_marks_in_json_is_quarantined_and_replayed_numbers_stay_plain(home):
    lines = '{"order_id": 1, "ordered_at": "2024-05-31", "status": "paid", "order_amount": "12,5"}\n'
    lines += '{"order_id": 2, "ordered_at": "31/05/2024", "status": "paid", "order_amount": 1.085}\n'
    home.put("orders.ndjson", lines)
    mapping = f"name: shop\n{GERMAN}sources:\n"
    home.map(mapping + SOURCE.format(name="orders", files="*.ndjson", more=""))
    home.load()
    assert home.quarantined("orders") == [(1, ["not_a_number:order_amount"]), (2, ["not_a_timestamp:ordered_at"])]
    formats = ", timestamp_formats: [iso, '%d/%m/%Y']"
    home.map(mapping + SOURCE.format(name="orders", files="*.ndjson", more=formats))
    home.replay()
    assert home.rows("orders", "order_id, order_amount") == [("2", Decimal("1.085"))]
    assert home.quarantined("orders") == [(1, ["not_a_number:order_amount"])]


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", "\u200f", "\u00a0", "\t", " "])
def test_ids_lose_marks_around_them(home, load_orders, mark):
    load_orders(f'{ORDERS}"{mark}a 1{mark}",2024-05-31,paid,1,EUR\n')
    assert home.rows("orders", "order_id") == [("a 1",)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Canceled", "cancelled"), (" SHIPPED ", "shipped"), ("my own", "my own"), ("Storniert", "storniert")],
)
def test_status_is_trimmed_and_lower_case(home, load_orders, text, expected):
    load_orders(f"{ORDERS}1,2024-05-31,{text},1,EUR\n")
    assert home.rows("orders", "status") == [(expected,)]


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("eur", "", "EUR"),
        ("", "IRR", "IRR"),
        ("", "", None),
        ("XXZ", "", ["unknown_currency:currency"]),
        ("JPY", "IRR", "JPY"),
    ],
)
def test_currency(home, load_orders, text, default, expected):
    load_orders(f"{ORDERS}1,2024-05-31,paid,1,{text}\n", f"    currency: {default}\n" if default else "")
    assert home.outcome("orders", "currency") == expected


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("İptal", "İptal"),
        ("İptal", "iptal"),
        ("iptal", "İPTAL"),
        ("ΑΚΥΡΏΘΗΚΕΣ", "ΑΚΥΡΏΘΗΚΕΣ"),
        ("ακυρώθηκες", "ΑΚΥΡΏΘΗΚΕΣ"),
        ("Abgekündigt", "ABGEKU\u0308NDIGT"),
    ],
)
def test_a_value_is_mapped_without_regard_to_case_in_every_script(home, load_orders, key, text):
    load_orders(f"{ORDERS}1,2024-05-31,{text},1,EUR\n", f"    value_maps: {{status: {{{key}: cancelled}}}}\n")
    assert home.rows("orders", "status") == [("cancelled",)]


@pytest.mark.parametrize("word", ["NULL", "null", "\\N", "NaN", "nan", "None", "<NA>", " NULL "])
def test_a_word_for_no_id_is_none(home, word):
    home.put(
        "orders.csv",
        f"order_id,customer_id,ordered_at,status,channel\n1,{word},2024-05-31,paid,{word}\n{word},7,2024-05-31,paid,\n",
    )
    home.map("name: shop\nsources:\n  - {name: orders, feed: orders, files: orders.csv}\n")
    home.load()
    # Elsewhere it may be a word.
    assert home.rows("orders", "order_id, customer_id, channel") == [("1", None, word.strip())]
    assert home.quarantined("orders") == [(2, ["missing:order_id"])]


@pytest.mark.parametrize("column", ["customer_id", "status", "channel"])
@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!"])
def test_an_error_of_a_spreadsheet_is_no_value(home, column, error):
    row = {"order_id": "1", "customer_id": "7", "ordered_at": "2024-05-31", "status": "paid", "channel": "web"}
    lines = [",".join(row), ",".join((row | {column: error}).values()), ",".join((row | {"order_id": "2"}).values())]
    home.put("orders.csv", "\n".join(lines))
    mapping = "name: shop\nsources:\n  - {name: orders, feed: orders, files: orders.csv}\n"
    home.map(mapping)
    home.load()
    assert home.quarantined("orders") == [(1, [f"spreadsheet_error:{column}"])]
    home.map(mapping.replace("}", f", value_maps: {{{column}: {{'{error}': unknown}}}}}}"))
    home.replay()
    assert home.rows("orders", f"{column}")[-1] == ("unknown",)


def test_every_reason_of_a_row_is_named(home, load_orders):
    load_orders(f"{ORDERS},yesterday,,much,ZZZ\n")
    assert home.quarantined("orders") == [
        (
            1,
            [
                "missing:order_id",
                "not_a_timestamp:ordered_at",
                "missing:status",
                "unknown_currency:currency",
                "not_a_number:order_amount",
            ],
        )
    ]


SURVEY = "response_id,metric,scale_id,score\n"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("csat,5,5", "5"),
        ("csat,1-5,4", "5"),
        ("CSAT,5-point,4", "5"),
        ("csat,7-with-5-7,5", "7-with-5-7"),
        ("nps,,9", "0-10"),
        ("nps,,0", "0-10"),
        ("ces,,7", "1-7"),
        ("ces,7,7", "1-7"),
        ("csat,,", None),
        ("csat,,4", ["missing:scale_id"]),
        (",5,4", ["missing:metric"]),
        ("csat,6,4", ["unknown_scale:scale_id"]),
        ("csat,5,6", ["off_scale:score"]),
        ("csat,5,0", ["off_scale:score"]),
        ("nps,,11", ["off_scale:score"]),
        ("happiness,5,4", ["unknown_value:metric", "unknown_scale:scale_id"]),
    ],
)
def test_survey_scale(home, row, expected):
    home.put("answers.csv", f"{SURVEY}1,{row}\n")
    home.map("name: shop\nsources:\n  - {name: answers, feed: survey_responses, files: answers.csv}\n")
    home.load()
    accepted = home.rows("survey_responses", "scale_id")
    assert (accepted[0][0] if accepted else home.quarantined("survey_responses")[0][1]) == expected


def test_customer_rules(home):
    home.put(
        "customers.csv",
        "customer_id,created_at,closed_at,birth_date,email_consent,acquisition_cost\n"
        "1,2020-01-01,2021-01-01,1980-02-03,Yes,5\n"
        "2,2020-01-01,2019-12-31,,,\n"
        "3,2020-01-01,,1890-01-01,,\n"
        "4,2020-01-01,,1980-02-03 00:00:00,0,\n"
        "5,2020-01-01,,,maybe,\n"
        "6,2020-01-01,,,,-1\n"
        "7,2020-01-01,,02/03/1980,,\n",
    )
    home.map("name: shop\nsources:\n  - {name: customers, feed: crm_customers, files: customers.csv}\n")
    home.load()
    born = dt.date(1980, 2, 3)
    assert home.rows("crm_customers", "customer_id, birth_date, email_consent") == [
        ("1", born, True),
        ("4", born, False),
    ]
    assert home.quarantined("crm_customers") == [
        (2, ["closed_before_created:closed_at"]),
        (3, ["before_1900:birth_date"]),
        (5, ["not_a_boolean:email_consent"]),
        (6, ["below_minimum:acquisition_cost"]),
        (7, ["not_a_date:birth_date"]),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3),
        ("3.0", 3),
        ("3.5", ["not_an_integer:line_number"]),
        ("x", ["not_an_integer:line_number"]),
        ("99999999999999999999", ["out_of_range:line_number"]),
        ("NaN", ["out_of_range:line_number"]),
    ],
)
def test_whole_number(home, text, expected):
    home.put("lines.csv", f"order_id,line_number,quantity,unit_price\n1,{text},1,2\n")
    home.map("name: shop\nsources:\n  - {name: lines, feed: order_lines, files: lines.csv}\n")
    home.load()
    accepted = home.rows("order_lines", "line_number")
    assert (accepted[0][0] if accepted else home.quarantined("order_lines")[0][1]) == expected
