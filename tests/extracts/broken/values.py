"""Single values that mean nothing, too much, or something else than they seem to."""

# Digits and marks of other scripts are what is tested; moments in the lake are naive and mean UTC.
# ruff: noqa: DTZ001, RUF001

import datetime as dt
from decimal import Decimal

from tests.extracts.broken.case import LINES, ORDERS, Case

MOMENT = dt.datetime(2024, 5, 31, 14)
NOT_A_NUMBER = "not_a_number:order_amount"
NO_TIME = "not_a_timestamp:ordered_at"


def _cell(name: str, text: str, outcome: object, column: str, row: str, options: dict[str, object]) -> Case:
    content = ORDERS + row.format('"' + text.replace('"', '""') + '"') + "\n"
    if isinstance(outcome, str) and ":" in outcome:
        return Case(name, content, read=1, reasons={outcome: 1}, options=options)
    return Case(name, content, read=1, accepted=1, values=(column, [outcome]), options=options)


def _amount(name: str, text: str, outcome: object, **options: object) -> Case:
    return _cell(name, text, outcome, "order_amount", "1,2024-05-31,paid,{},web", options)


def _moment(name: str, text: str, outcome: object, **options: object) -> Case:
    return _cell(name, text, outcome, "ordered_at", "1,{},paid,5,web", options)


def _id(name: str, text: str, outcome: object) -> Case:
    return _cell(name, text, outcome, "order_id", "{},2024-05-31,paid,5,web", {})


def _channel(name: str, text: str, outcome: object) -> Case:
    return _cell(name, text, outcome, "channel", "1,2024-05-31,paid,5,{}", {})


BERLIN = {"time_zone": "Europe/Berlin"}
GERMAN = {"decimal_mark": ",", "thousands_mark": "."}

NUMBERS = [
    _amount("nan", "NaN", "out_of_range:order_amount"),
    _amount("infinity", "Infinity", "out_of_range:order_amount"),
    _amount("minus_infinity", "-inf", "out_of_range:order_amount"),
    _amount("overflow", "100000000000000", "out_of_range:order_amount"),
    _amount("overflow_by_exponent", "1e400", "out_of_range:order_amount"),
    _amount("largest_amount", "99999999999999.9999", Decimal("99999999999999.9999")),
    _amount("minus_zero", "-0", Decimal(0)),
    _amount("minus_zero_with_decimals", "-0.0000", Decimal(0)),
    _amount("tiny_exponent", "1e-400", Decimal(0)),
    _amount("exponent", "1.5E3", Decimal(1500)),
    _amount("thousands_separator_not_agreed", "1,234.50", NOT_A_NUMBER),
    _amount("thousands_separator_agreed", "1.234,50", Decimal("1234.5"), **GERMAN),
    _amount("thousands_separator_in_the_wrong_place", "12.34,50", NOT_A_NUMBER, **GERMAN),
    _amount("thousands_or_decimal", "1.234", Decimal(1234), **GERMAN),
    _amount("space_inside", "1 234", NOT_A_NUMBER),
    _amount("underscore_inside", "1_234", NOT_A_NUMBER),
    _amount("currency_sign", "€5", NOT_A_NUMBER),
    _amount("brackets_for_minus", "(5)", NOT_A_NUMBER),
    _amount("percent", "5%", NOT_A_NUMBER),
    _amount("hexadecimal", "0x10", NOT_A_NUMBER),
    _amount("null_spelt_out", "NULL", NOT_A_NUMBER),
    _amount("arabic_indic_digits", "١٢٫٥", Decimal("12.5")),
    _amount("persian_digits", "۱۲٫۵", Decimal("12.5")),
    _amount("digits_of_two_scripts", "۱2", Decimal(12)),
    _amount("devanagari_digits", "१२", NOT_A_NUMBER),
    _amount("right_to_left_marks", "\u200f12\u200e", Decimal(12)),
    _amount("typographic_minus", "−5", Decimal(-5)),
    _amount("formula", "=1+1", NOT_A_NUMBER),
    _amount("emoji", "💰", NOT_A_NUMBER),
    _amount("number_of_10000_digits", "9" * 10_000, "out_of_range:order_amount"),
    Case("nan_in_json", '{"order_id": 1, "ordered_at": "2024-05-31", "status": "paid", "order_amount": "NaN"}\n',
         read=1, reasons={"out_of_range:order_amount": 1}, suffix=".ndjson"),
    Case("fraction_of_a_line_number", f"{LINES}1,1.5,1,1\n", read=1, reasons={"not_an_integer:line_number": 1},
         feed="order_lines"),
    Case("negative_quantity", f"{LINES}1,1,-1,1\n", read=1, reasons={"below_minimum:quantity": 1}, feed="order_lines"),
]  # fmt: skip

MOMENTS = [
    _moment("ambiguous_date", "05/06/2024", NO_TIME),
    _moment("ambiguous_date_with_an_agreed_format", "05/06/2024", dt.datetime(2024, 6, 5),
            timestamp_formats=["%d/%m/%Y"]),
    _moment("two_digit_year", "24-05-31", NO_TIME),
    _moment("compact_date", "20240531", NO_TIME),
    _moment("epoch_seconds", "1717164000", NO_TIME),
    _moment("epoch_milliseconds", "1717164000000", NO_TIME),
    _moment("epoch_seconds_agreed", "1717164000", MOMENT, timestamp_formats=["epoch_seconds"]),
    _moment("epoch_milliseconds_agreed", "1717164000000", MOMENT, timestamp_formats=["epoch_milliseconds"]),
    _moment("epoch_milliseconds_read_as_seconds", "1717164000000", "in_the_future:ordered_at",
            timestamp_formats=["epoch_seconds"]),
    _moment("epoch_of_too_many_digits", "99999999999999", NO_TIME, timestamp_formats=["epoch_seconds"]),
    _moment("epoch_zero", "0", "placeholder:ordered_at", timestamp_formats=["epoch_seconds"]),
    _moment("epoch_placeholder", "1970-01-01 00:00:00", "placeholder:ordered_at"),
    _moment("epoch_placeholder_as_date", "1970-01-01", "placeholder:ordered_at"),
    _moment("epoch_placeholder_in_a_zone", "1970-01-01 00:00:00", "placeholder:ordered_at", **BERLIN),
    _moment("epoch_placeholder_as_instant", "1970-01-01T01:00:00+01:00", "placeholder:ordered_at", **BERLIN),
    _moment("second_after_the_epoch", "1970-01-01 00:00:01", dt.datetime(1970, 1, 1, 0, 0, 1)),
    _moment("excel_day_number", "45443.58", NO_TIME),
    _moment("offset", "2024-05-31T17:30:00+03:30", MOMENT),
    _moment("offset_without_colon", "2024-05-31T17:30:00+0330", MOMENT, **BERLIN),
    _moment("offset_too_large", "2024-05-31T17:30:00+99:00", NO_TIME),
    _moment("zone_name_behind", "2024-05-31 14:00:00 Europe/Berlin", NO_TIME),
    _moment("hour_that_dst_skips", "2024-03-31 02:30:00", dt.datetime(2024, 3, 31, 1, 30), **BERLIN),
    _moment("hour_that_dst_repeats", "2024-10-27 02:30:00", dt.datetime(2024, 10, 27, 0, 30), **BERLIN),
    _moment("29_february", "2024-02-29", dt.datetime(2024, 2, 29)),
    _moment("29_february_of_no_leap_year", "2023-02-29", NO_TIME),
    _moment("29_february_1900", "1900-02-29", NO_TIME),
    _moment("31_april", "2024-04-31", NO_TIME),
    _moment("month_13", "2024-13-01", NO_TIME),
    _moment("hour_24", "2024-05-31 24:00:00", dt.datetime(2024, 6, 1)),
    _moment("leap_second", "2016-12-31 23:59:60", NO_TIME),
    _moment("year_0000", "0000-01-01", "before_1900:ordered_at"),
    _moment("year_0001", "0001-01-01", "before_1900:ordered_at"),
    _moment("year_9999", "9999-12-31", "in_the_future:ordered_at"),
    _moment("year_of_five_digits", "12024-05-31", NO_TIME),
    _moment("future", "2924-05-31", "in_the_future:ordered_at"),
    _moment("zero_date_of_a_database", "0000-00-00 00:00:00", NO_TIME),
    _moment("infinity_as_moment", "infinity", NO_TIME),
    _moment("word_for_a_moment", "today", NO_TIME),
    _moment("arabic_indic_date", "٢٠٢٤-٠٥-٣١", dt.datetime(2024, 5, 31)),
    _moment("persian_digits_of_a_date", "۲۰۲۴-۰۵-۳۱ ۱۴:۰۰:۰۰", MOMENT),
    _moment("persian_calendar", "۱۴۰۳-۰۳-۱۱", "before_1900:ordered_at"),
    _moment("right_to_left_mark_before_a_date", "\u200f2024-05-31", dt.datetime(2024, 5, 31)),
    _moment("nanoseconds", "2024-05-31T14:00:00.123456789", MOMENT.replace(microsecond=123456)),
    _moment("empty_moment", "", "missing:ordered_at"),
]  # fmt: skip

TEXTS = [
    _id("trailing_space_id", "a1 ", "a1"),
    _id("no_break_space_id", "\u00a0a1", "a1"),
    _id("zero_width_id", "a1\u200b", "a1"),
    _id("right_to_left_id", "\u200fa1\u200f", "a1"),
    _id("only_invisible_marks", "\u200b\u200f \ufeff", "missing:order_id"),
    _id("decomposed_id", "cafe\u0301", "caf\u00e9"),
    _id("look_alike_id", "\u0430bc", "\u0430bc"),
    _id("full_width_id", "\uff21\uff11", "\uff21\uff11"),
    _id("leading_zeros", "007", "007"),
    _id("id_of_100000_characters", "x" * 100_000, "x" * 100_000),
    _id("emoji_id", "👩‍🚀", "👩‍🚀"),
    _id("sql_in_an_id", "'; DROP TABLE orders; --", "'; DROP TABLE orders; --"),
    _id("path_in_an_id", "../../etc/passwd", "../../etc/passwd"),
    _channel("emoji_flag", "🇮🇷", "🇮🇷"),
    _channel("combining_marks_in_a_heap", "a" + "\u0301" * 200, "\u00e1" + "\u0301" * 199),
    _channel("formula_in_text", '=HYPERLINK("x")', '=HYPERLINK("x")'),
    _channel("html_in_text", "<script>alert(1)</script>", "<script>alert(1)</script>"),
    _channel("control_characters", "a\x01\x1b[31mb", "a\x01\x1b[31mb"),
    _channel("line_break_inside", "a\nb", "a\nb"),
    _channel("private_use_characters", "\ue000\U000f0000", "\ue000\U000f0000"),
]
